#pragma once
#include "server.h"

#include <stdbool.h>
#include <stdint.h>

/** How often the kernel has killed for want of memory in a cgroup, and what tells of the next time. */
struct oom {
  /** Of v1: an eventfd. EPOLLIN. */
  bool legacy;
  /** Of v2: told so far. */
  unsigned long long kills;
};

enum oom_news { OOM_NOTHING, OOM_TOLD, OOM_GONE };

/** N of the line `oom_kill N` of a cgroup's file; 0 if it has none. */
unsigned long long oom_kills(const char *text);
/** `file`: v2 `memory.events`, v1 `memory.oom_control`. A descriptor for epoll, or -1 with errno. */
int oom_open(const char *file, struct oom *oom);
/** What to wait for. */
uint32_t oom_epoll_events(const struct oom *oom);
/** After an event, or before the descriptor is closed. OOM_GONE: the cgroup is, and nothing more will come. */
enum oom_news oom_hear(struct oom *oom, int fd);
