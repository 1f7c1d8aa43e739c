#include "watches.h"

#include "cleanup.h"
#include "fail.h"
#include "frames.h"
#include "process.h"
#include "syscalls.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

struct watch {
  struct source source; /* first: see server.h */
  struct watch *next;
  char *id;
};

static struct watch *watches;

static void reply_ok(const struct server *server, const char *id)
{
  struct packet packet = {.size = 0};
  packet_add(&packet, "ok");
  frames_reply(server->engine, id, &packet);
}

int watch_signal(const struct server *server, const char *id, char **arguments)
{
  struct process process;
  if (process_parse(arguments[0], arguments[1], &process) < 0) return fail("signal", EINVAL, "%s", arguments[0]);
  cleanup_fd int pidfd = process_open(&process);
  if (pidfd < 0 || sys_pidfd_send_signal(pidfd, atoi(arguments[2])) < 0)
    return fail("signal", errno, "%s", arguments[0]);
  reply_ok(server, id);
  return 0;
}

static void forget(const struct server *server, struct watch *gone)
{
  for (struct watch **link = &watches; *link != NULL; link = &(*link)->next) {
    if (*link != gone) continue;
    *link = gone->next;
    break;
  }
  source_close(server, &gone->source);
  free(gone->id);
  free(gone);
}

static void on_ended(const struct server *server, struct source *source)
{
  struct watch *watch = (struct watch *)source;
  reply_ok(server, watch->id);
  forget(server, watch);
}

int watch_begin(const struct server *server, const char *id, char **arguments)
{
  struct process process;
  if (process_parse(arguments[0], arguments[1], &process) < 0) return fail("watch", EINVAL, "%s", arguments[0]);
  cleanup_fd int pidfd = process_open(&process);
  if (pidfd < 0 && errno == ESRCH) {
    reply_ok(server, id);
    return 0;
  }
  if (pidfd < 0) return fail("watch", errno, "%s", arguments[0]);
  struct watch *watch = calloc(1, sizeof *watch);
  if (watch == NULL) return fail("watch", ENOMEM, "%s", arguments[0]);
  watch->source = (struct source){.on_event = on_ended, .fd = -1};
  watch->id = strdup(id);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};
  if (watch->id == NULL || epoll_ctl(server->epoll, EPOLL_CTL_ADD, pidfd, &event) < 0) {
    int error = errno;
    forget(server, watch);
    return fail("watch", error, "%s", arguments[0]);
  }
  watch->source.fd = take_fd(&pidfd);
  watch->next = watches;
  watches = watch;
  return 0;
}

int watch_cancel(const struct server *server, const char *watched)
{
  for (struct watch *watch = watches; watch != NULL; watch = watch->next) {
    if (strcmp(watch->id, watched) != 0) continue;
    forget(server, watch);
    return 0;
  }
  return 0;
}
