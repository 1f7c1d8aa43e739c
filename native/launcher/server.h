#pragma once
#include <sys/epoll.h>
#include <unistd.h>

/** What the launcher's parts share. */
struct server {
  /** Stream socket to the engine. */
  int engine;
  int epoll;
  const char *stage;
  const char *boot_id;
};

/** Something in the epoll set. First member of what it stands for. */
struct source {
  void (*on_event)(const struct server *server, struct source *source);
  int fd;
};

/**
 * Out of the epoll set, and closed. Closing alone is not enough: a monitor that was just forked still has a copy, and
 * epoll(7) forgets a descriptor only with its last one. Its event would reach memory that is freed.
 */
static inline void source_close(const struct server *server, struct source *source)
{
  if (source->fd < 0) return;
  epoll_ctl(server->epoll, EPOLL_CTL_DEL, source->fd, NULL);
  close(source->fd);
  source->fd = -1;
}
