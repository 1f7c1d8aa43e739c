#include "creations.h"

#include "cleanup.h"
#include "fail.h"
#include "frames.h"
#include "monitor.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/** A container from `create` until `start` is answered. */
struct creation {
  struct source source; /* first: see server.h */
  struct creation *next;
  pid_t monitor;
  /** The request that waits for an answer; null: none. */
  char *request;
  bool created;
  /** What the monitor said when nobody had asked: why it gave up. For `start` to tell. */
  struct packet *last_words;
};

static struct creation *creations;

static void on_packet(const struct server *server, struct source *source);

static struct creation *find(const char *monitor_pid)
{
  long pid = strtol(monitor_pid, NULL, 10);
  for (struct creation *creation = creations; creation != NULL; creation = creation->next)
    if (creation->monitor == pid) return creation;
  return NULL;
}

static void forget(const struct server *server, struct creation *gone)
{
  for (struct creation **link = &creations; *link != NULL; link = &(*link)->next) {
    if (*link != gone) continue;
    *link = gone->next;
    break;
  }
  source_close(server, &gone->source);
  free(gone->request);
  free(gone->last_words);
  free(gone);
}

int creation_begin(const struct server *server, const char *id, char **options, size_t count)
{
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return fail("socketpair", errno, "monitor");
  cleanup_fd int ours = ends[0], theirs = ends[1];
  struct creation *creation = calloc(1, sizeof *creation);
  if (creation == NULL) return fail("create", ENOMEM, "monitor");
  creation->source = (struct source){.on_event = on_packet, .fd = -1};
  creation->request = strdup(id);
  pid_t pid = fork();
  if (pid == 0) {
    const struct monitor_arguments arguments = {theirs, server->stage, server->boot_id, options, count};
    monitor_main(&arguments);
  }
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = creation};
  if (pid < 0 || creation->request == NULL || epoll_ctl(server->epoll, EPOLL_CTL_ADD, ours, &event) < 0) {
    int error = errno;
    forget(server, creation);
    return fail("fork", error, "monitor"); /* a monitor that was forked sees its socket close, and undoes itself */
  }
  creation->source.fd = take_fd(&ours);
  creation->monitor = pid;
  creation->next = creations;
  creations = creation;
  return 0;
}

static void answer(const struct server *server, struct creation *creation, const struct packet *packet)
{
  frames_reply(server->engine, creation->request, packet);
  free(creation->request);
  creation->request = NULL;
}

int creation_start(const struct server *server, const char *id, const char *monitor_pid)
{
  struct creation *creation = find(monitor_pid);
  if (creation == NULL) return fail("start", ESRCH, "monitor %s", monitor_pid);
  if (creation->request != NULL) return fail("start", EALREADY, "monitor %s", monitor_pid);
  if (creation->last_words != NULL) {
    frames_reply(server->engine, id, creation->last_words);
    forget(server, creation);
    return 0;
  }
  creation->request = strdup(id);
  if (creation->request == NULL) return fail("start", ENOMEM, "monitor %s", monitor_pid);
  /* If it is gone, the end of its socket answers. */
  packet_send_word(creation->source.fd, "start");
  return 0;
}

static void on_end(const struct server *server, struct creation *creation)
{
  if (creation->request != NULL) {
    struct packet packet = {.size = 0};
    fail("monitor", ESRCH, "it ended before it answered");
    packet_add_failure(&packet);
    failure_clear();
    answer(server, creation, &packet);
  }
  if (creation->last_words == NULL) {
    forget(server, creation);
    return;
  }
  source_close(server, &creation->source);
}

static void on_packet(const struct server *server, struct source *source)
{
  struct creation *creation = (struct creation *)source;
  struct packet packet;
  if (packet_receive(source->fd, &packet, NULL) <= 0) {
    on_end(server, creation);
    return;
  }
  bool failed = strcmp(packet.data, "error") == 0;
  if (creation->request == NULL) {
    creation->last_words = malloc(sizeof packet);
    if (creation->last_words != NULL) memcpy(creation->last_words, &packet, sizeof packet);
    return;
  }
  answer(server, creation, &packet);
  if (failed || creation->created) {
    forget(server, creation);
    return;
  }
  creation->created = true;
}
