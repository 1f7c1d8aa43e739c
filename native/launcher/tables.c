/*
 * The legacy tables tell nobody of a change (net/ipv4/netfilter/ip_tables.c), so they are looked at: one getsockopt(2)
 * for each. It gives size and number of the rules and where in them each built-in chain begins and ends, of which at
 * least one differs when rules came, went or moved to another chain. A rule that was replaced by one of the same size,
 * or a policy, doesn't show.
 */
#include "tables.h"

#include "cleanup.h"
#include "events.h"
#include "fail.h"
#include "frames.h"

#include <errno.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

/** There are five of each family. */
enum { TABLES = 10, SECONDS = 1 };

/* ask() takes one for the other. */
_Static_assert(sizeof(struct ip6t_getinfo) == sizeof(struct ipt_getinfo), "both have the same fields");

struct table {
  bool ipv6;
  struct ipt_getinfo info;
};

static struct {
  struct source timer; /* first: see server.h */
  int socket;
  int socket6; /* opened when it is needed: a kernel may have no IPv6 */
  size_t count;
  struct table tables[TABLES];
} watched = {.timer.fd = -1, .socket = -1, .socket6 = -1};

static int begin(const struct server *server);
static void end(const struct server *server);
static int look(const char *name, struct table *table);
static int ask(struct table *table);
static void on_second(const struct server *server, struct source *source);

int tables_watch(const struct server *server, const char *id, char **names, size_t count)
{
  end(server);
  if (count > TABLES) return fail("watch-tables", E2BIG, "%zu tables", count);
  if (count > 0 && begin(server) < 0) {
    int error = errno;
    end(server);
    return fail("watch-tables", error, "socket");
  }
  for (size_t i = 0; i < count; i++) {
    if (look(names[i], &watched.tables[i]) == 0) continue;
    int error = errno;
    end(server);
    return fail("watch-tables", error, "%s", names[i]);
  }
  watched.count = count;
  struct packet packet = {.size = 0};
  packet_add(&packet, "ok");
  frames_reply(server->engine, id, &packet);
  return 0;
}

/** raw(7): a socket of IPPROTO_RAW receives nothing. */
static int begin(const struct server *server)
{
  watched.socket = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
  cleanup_fd int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  struct itimerspec every = {.it_interval.tv_sec = SECONDS, .it_value.tv_sec = SECONDS};
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = &watched};
  if (watched.socket < 0 || timer < 0 || timerfd_settime(timer, 0, &every, NULL) < 0) return -1;
  if (epoll_ctl(server->epoll, EPOLL_CTL_ADD, timer, &event) < 0) return -1;
  watched.timer = (struct source){.on_event = on_second, .fd = take_fd(&timer)};
  return 0;
}

static void end(const struct server *server)
{
  source_close(server, &watched.timer);
  if (watched.socket >= 0) close(watched.socket);
  if (watched.socket6 >= 0) close(watched.socket6);
  watched.socket = -1;
  watched.socket6 = -1;
  watched.count = 0;
}

/** For the first time, by its name here: `filter6` is ip6tables' `filter`. As ask(). */
static int look(const char *name, struct table *table)
{
  size_t length = strlen(name);
  *table = (struct table){.ipv6 = length > 0 && name[length - 1] == '6'};
  snprintf(table->info.name, sizeof table->info.name, "%.*s", (int)(length - table->ipv6), name);
  if (table->ipv6 && watched.socket6 < 0) watched.socket6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
  return ask(table);
}

/** What a table is now. -1 with errno: it can't be seen, as when its module was unloaded; nothing but its name, then.
 */
static int ask(struct table *table)
{
  struct ipt_getinfo blank = {.name = {0}};
  memcpy(blank.name, table->info.name, sizeof blank.name);
  table->info = blank;
  socklen_t size = sizeof table->info;
  int result = table->ipv6 ? getsockopt(watched.socket6, IPPROTO_IPV6, IP6T_SO_GET_INFO, &table->info, &size)
                           : getsockopt(watched.socket, IPPROTO_IP, IPT_SO_GET_INFO, &table->info, &size);
  if (result == 0) return 0;
  table->info = blank;
  return -1;
}

static void on_second(const struct server *server, struct source *source)
{
  uint64_t times;
  if (read(source->fd, &times, sizeof times) < 0) return;
  bool changed = false;
  for (size_t i = 0; i < watched.count; i++) {
    struct ipt_getinfo before = watched.tables[i].info;
    ask(&watched.tables[i]);
    changed |= memcmp(&before, &watched.tables[i].info, sizeof before) != 0;
  }
  if (changed) events_tell_rules(server->engine);
}
