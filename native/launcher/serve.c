/*
 * Forks a monitor for each `create` and goes on at once; hears from it through a socket. Holds nothing that a container
 * needs to live: when this process ends, containers that run go on, and those that were never started undo themselves.
 */
#include "serve.h"

#include "cleanup.h"
#include "creations.h"
#include "fail.h"
#include "files.h"
#include "frames.h"
#include "server.h"
#include "subscriptions.h"
#include "syscalls.h"
#include "tables.h"
#include "watches.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

enum { ENGINE = 3 };

static int prepare(char boot_id[64]);
static int handle(const struct server *server, struct frame *frame);

int serve(const char *stage)
{
  static char boot_id[64];
  if (prepare(boot_id) < 0) {
    fprintf(stderr, "tsstack-launcher: %s %s: %s\n", failure()->stage, failure()->detail, strerror(failure()->error));
    return 1;
  }
  struct server server = {.engine = ENGINE, .epoll = epoll_create1(EPOLL_CLOEXEC), .stage = stage, .boot_id = boot_id};
  struct frame_reader reader = {.fd = ENGINE};
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  if (server.epoll < 0 || epoll_ctl(server.epoll, EPOLL_CTL_ADD, ENGINE, &event) < 0) return 1;
  for (;;) {
    /* One event at a time: what is handled may remove the source of the next. */
    if (epoll_wait(server.epoll, &event, 1, -1) < 1) continue;
    if (event.data.ptr != NULL) {
      struct source *source = event.data.ptr;
      source->on_event(&server, source);
      continue;
    }
    if (frames_fill(&reader) < 0) return 0;
    struct frame frame;
    int got;
    while ((got = frames_next(&reader, &frame)) > 0 && (got = handle(&server, &frame)) == 0) frame_free(&frame);
    if (got < 0) return 1;
  }
}

/**
 * A session of its own: Ctrl-C at the terminal is for the engine. A mount namespace of its own, slave of the host's:
 * later host mounts still arrive, ours are never seen there.
 */
static int prepare(char boot_id[64])
{
  setsid();
  signal(SIGPIPE, SIG_IGN);
  signal(SIGCHLD, SIG_IGN); /* monitors are reaped by the kernel */
  if (fcntl(ENGINE, F_SETFD, FD_CLOEXEC) < 0) return fail("serve", errno, "descriptor 3");
  if (fcntl(ENGINE, F_SETFL, fcntl(ENGINE, F_GETFL) & ~O_NONBLOCK) < 0) return fail("serve", errno, "descriptor 3");
  if (unshare(CLONE_NEWNS) < 0 || sys_mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
    return fail("unshare", errno, "mount namespace");
  if (read_small(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot_id, 64) < 0) return fail("boot_id", errno, "/proc");
  boot_id[strcspn(boot_id, "\n")] = '\0';
  return 0;
}

static void refuse(const struct server *server, const char *id)
{
  struct packet packet = {.size = 0};
  packet_add_failure(&packet);
  failure_clear();
  frames_reply(server->engine, id, &packet);
}

/** -1: not our protocol. */
static int handle(const struct server *server, struct frame *frame)
{
  const char *id = frame->words[0], *verb = frame->words[1];
  char **arguments = frame->words + 2;
  size_t count = frame->count - 2;
  int done;
  if (strcmp(verb, "create") == 0)
    done = creation_begin(server, id, arguments, count);
  else if (strcmp(verb, "start") == 0 && count == 1)
    done = creation_start(server, id, arguments[0]);
  else if (strcmp(verb, "signal") == 0 && count == 3)
    done = watch_signal(server, id, arguments);
  else if (strcmp(verb, "watch") == 0 && count == 2)
    done = watch_begin(server, id, arguments);
  else if (strcmp(verb, "unwatch") == 0 && count == 1)
    done = watch_cancel(server, arguments[0]);
  else if (strcmp(verb, "subscribe") == 0 && count == 0)
    done = subscription_host(server, id);
  else if (strcmp(verb, "subscribe-container") == 0 && (count == 3 || count == 4))
    done = subscription_begin(server, id, arguments, count);
  else if (strcmp(verb, "unsubscribe-container") == 0 && count == 1)
    done = subscription_end(server, id, arguments[0]);
  else if (strcmp(verb, "watch-tables") == 0)
    done = tables_watch(server, id, arguments, count);
  else
    return -1;
  if (done < 0) refuse(server, id);
  return 0;
}
