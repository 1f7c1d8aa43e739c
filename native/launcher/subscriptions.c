/*
 * INVARIANTS. This process is in the host's network namespace, but for one function that opens a socket elsewhere and
 * comes home or ends the process. A socket holds the namespace it was opened in: it is closed when the container's init
 * ends, or the namespace and the links in it would stay.
 */
#include "subscriptions.h"

#include "cleanup.h"
#include "events.h"
#include "fail.h"
#include "frames.h"
#include "oom.h"
#include "process.h"
#include "syscalls.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/** One descriptor of a subscription. */
struct feed {
  struct source source; /* first: see server.h */
  struct subscription *subscription;
};

enum { LINKS, RULES, MOUNTS, PROCESS, OOM, FEEDS };

struct subscription {
  struct subscription *next;
  /** Null: the host. */
  char *container;
  struct feed feeds[FEEDS];
  struct oom oom;
};

static struct subscription *host;
static struct subscription *containers;

static struct subscription *subscription_make(const char *container);
static int feed_add(const struct server *server, struct subscription *subscription, int feed, int *fd);
static void discard(const struct server *server, struct subscription *gone);
static bool shares_network(pid_t pid);
static int open_links_of(int pidfd);
static int watch_oom(const struct server *server, struct subscription *subscription, const char *file);

static int reply_ok(const struct server *server, const char *id, const char *told)
{
  struct packet packet = {.size = 0};
  packet_add(&packet, "ok");
  if (told != NULL) packet_add(&packet, told);
  frames_reply(server->engine, id, &packet);
  return 0;
}

int subscription_host(const struct server *server, const char *id)
{
  if (host != NULL) return reply_ok(server, id, NULL);
  cleanup_fd int links = events_open_links();
  if (links < 0) return fail("subscribe", errno, "rtnetlink");
  struct subscription *subscription = subscription_make(NULL);
  if (subscription == NULL || feed_add(server, subscription, LINKS, &links) < 0) {
    int error = errno;
    discard(server, subscription);
    return fail("subscribe", error, "rtnetlink");
  }
  host = subscription;
  cleanup_fd int rules = events_open_rules();
  if (rules >= 0 && feed_add(server, subscription, RULES, &rules) == 0) return reply_ok(server, id, NULL);
  char told[160];
  snprintf(told, sizeof told, "changes of firewall rules are not noticed: nfnetlink: %s", strerror(errno));
  return reply_ok(server, id, told);
}

static struct subscription *find(const char *name)
{
  for (struct subscription *known = containers; known != NULL; known = known->next)
    if (strcmp(known->container, name) == 0) return known;
  return NULL;
}

int subscription_begin(const struct server *server, const char *id, char **arguments, size_t count)
{
  const char *name = arguments[0];
  struct process process;
  if (process_parse(arguments[1], arguments[2], &process) < 0) return fail("subscribe", EINVAL, "%s", name);
  discard(server, find(name));
  cleanup_fd int pidfd = process_open(&process);
  if (pidfd < 0) return errno == ESRCH ? reply_ok(server, id, NULL) : fail("subscribe", errno, "%s", name);
  char path[48];
  snprintf(path, sizeof path, "/proc/%d/mountinfo", (int)process.pid);
  cleanup_fd int mounts = open(path, O_RDONLY | O_CLOEXEC);
  /* What changes in the host's network namespace is told of the host. */
  bool hears_links = mounts >= 0 && !shares_network(process.pid);
  cleanup_fd int links = hears_links ? open_links_of(pidfd) : -1;
  int error = errno;
  /* It may have ended, and its number be another's, since. */
  if (sys_pidfd_send_signal(pidfd, 0) < 0 && errno == ESRCH) return reply_ok(server, id, NULL);
  if (mounts < 0 || (hears_links && links < 0)) return fail("subscribe", error, "%s", name);
  struct subscription *subscription = subscription_make(name);
  if (subscription == NULL || (hears_links && feed_add(server, subscription, LINKS, &links) < 0) ||
      feed_add(server, subscription, MOUNTS, &mounts) < 0 || feed_add(server, subscription, PROCESS, &pidfd) < 0) {
    error = errno;
    discard(server, subscription);
    return fail("subscribe", error, "%s", name);
  }
  subscription->next = containers;
  containers = subscription;
  if (count < 4 || watch_oom(server, subscription, arguments[3]) == 0) return reply_ok(server, id, NULL);
  char told[320];
  snprintf(told, sizeof told, "processes killed for want of memory in container `%s` are not noticed: %s: %s", name,
           arguments[3], strerror(errno));
  return reply_ok(server, id, told);
}

int subscription_end(const struct server *server, const char *id, const char *name)
{
  discard(server, find(name));
  return reply_ok(server, id, NULL);
}

static bool shares_network(pid_t pid)
{
  char path[48];
  struct stat ours, theirs;
  snprintf(path, sizeof path, "/proc/%d/ns/net", (int)pid);
  return stat("/proc/self/ns/net", &ours) == 0 && stat(path, &theirs) == 0 && ours.st_ino == theirs.st_ino &&
         ours.st_dev == theirs.st_dev;
}

/** setns(2) with a pidfd, Linux 5.8. Of this one thread, which is all there is. */
static int open_links_of(int pidfd)
{
  static int home = -1;
  if (home < 0) home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (home < 0 || setns(pidfd, CLONE_NEWNET) < 0) return -1;
  int links = events_open_links();
  int error = errno;
  if (setns(home, CLONE_NEWNET) < 0) {
    fprintf(stderr, "tsstack-launcher: cannot return to the host's network namespace: %s\n", strerror(errno));
    _exit(1);
  }
  errno = error;
  return links;
}

static void on_links(const struct server *server, struct source *source)
{
  events_tell_links(server->engine, source->fd, ((struct feed *)source)->subscription->container);
}

static void on_rules(const struct server *server, struct source *source)
{
  events_hear_rules(server->engine, source->fd);
}

/** There is nothing to read: the poll that brought us here has taken note of the change (fs/proc_namespace.c,
 * mounts_poll). */
static void on_mounts(const struct server *server, struct source *source)
{
  events_tell_mounts(server->engine, ((struct feed *)source)->subscription->container);
}

static void hear_oom(const struct server *server, struct subscription *subscription)
{
  struct source *source = &subscription->feeds[OOM].source;
  if (source->fd < 0) return;
  enum oom_news news = oom_hear(&subscription->oom, source->fd);
  if (news == OOM_TOLD) events_tell_oom(server->engine, subscription->container);
  /* Of a cgroup that is gone, poll(2) would tell for ever. */
  if (news == OOM_GONE) source_close(server, source);
}

static void on_oom(const struct server *server, struct source *source)
{
  hear_oom(server, ((struct feed *)source)->subscription);
}

static void on_process(const struct server *server, struct source *source)
{
  struct subscription *ended = ((struct feed *)source)->subscription;
  /* v2 tells up to 10 ms late if it has told of something else before (kernel/cgroup/cgroup.c, cgroup_file_notify). */
  hear_oom(server, ended);
  discard(server, ended);
}

static const struct {
  uint32_t events;
  void (*on_event)(const struct server *server, struct source *source);
} FEED[FEEDS] = {
    [LINKS] = {EPOLLIN, on_links},
    [RULES] = {EPOLLIN, on_rules},
    /* EPOLLERR comes unasked, and EPOLLIN always. */
    [MOUNTS] = {EPOLLPRI, on_mounts},
    [PROCESS] = {EPOLLIN, on_process},
    /* What to wait for depends: oom_epoll_events(). */
    [OOM] = {0, on_oom},
};

static struct subscription *subscription_make(const char *container)
{
  struct subscription *subscription = calloc(1, sizeof *subscription);
  if (subscription == NULL) return NULL;
  for (int i = 0; i < FEEDS; i++)
    subscription->feeds[i] = (struct feed){{.on_event = FEED[i].on_event, .fd = -1}, .subscription = subscription};
  if (container == NULL) return subscription;
  subscription->container = strdup(container);
  if (subscription->container != NULL) return subscription;
  free(subscription);
  return NULL;
}

/** Takes the descriptor. -1 with errno: it didn't. */
static int feed_add(const struct server *server, struct subscription *subscription, int feed, int *fd)
{
  struct source *source = &subscription->feeds[feed].source;
  uint32_t events = feed == OOM ? oom_epoll_events(&subscription->oom) : FEED[feed].events;
  struct epoll_event event = {.events = events, .data.ptr = source};
  if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, *fd, &event) < 0) return -1;
  source->fd = take_fd(fd);
  return 0;
}

/** -1 with errno. */
static int watch_oom(const struct server *server, struct subscription *subscription, const char *file)
{
  cleanup_fd int news = oom_open(file, &subscription->oom);
  return news < 0 ? -1 : feed_add(server, subscription, OOM, &news);
}

/** No subscription: nothing to do. */
static void discard(const struct server *server, struct subscription *gone)
{
  if (gone == NULL) return;
  for (struct subscription **link = &containers; *link != NULL; link = &(*link)->next) {
    if (*link != gone) continue;
    *link = gone->next;
    break;
  }
  for (int i = 0; i < FEEDS; i++) source_close(server, &gone->feeds[i].source);
  free(gone->container);
  free(gone);
}
