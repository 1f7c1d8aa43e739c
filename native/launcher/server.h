#pragma once

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
