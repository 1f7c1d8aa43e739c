#pragma once
#include "logs.h"
#include "options.h"
#include "status.h"

#include <linux/filter.h>

/** One container as its monitor holds it. */
struct container {
  struct options options;
  struct sock_fprog seccomp;
  struct status status;
  struct log log;
  struct stream streams[2];
  /** Where `status` is kept, and the file itself. */
  int directory;
  int status_file;
  /** SOCK_SEQPACKET to init; -1 once it is closed at the other end. */
  int sync;
  int pidfd;
};

/** Everything up to an init that waits, and the status `created`. `control`: a descriptor init must not have. -1 after
 * fail(). */
int container_make(struct container *container, char **options, size_t count, int control);
/** The root file system, handed to init. -1 after fail(). */
int container_build(struct container *container, const char *stage);
/** Kills init, if there is one, and reaps it. Its wait status. */
int container_kill(struct container *container);
/** `oom_kill N` of the container's cgroup; 0 if there is no such file. */
unsigned long long container_oom_kills(const struct container *container);
