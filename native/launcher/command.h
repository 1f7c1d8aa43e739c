#pragma once
#include "options.h"

#include <linux/filter.h>

/** How a process becomes the command. */
struct start {
  const struct command *command;
  const struct sock_fprog *seccomp;
  /** Standard input, output and error. */
  int stdio[3];
  /** Sent when the parent dies; 0: none. `lifeline` then has an end that the parent holds, so that a death before is
   * seen. */
  int death_signal;
  int lifeline;
};

/** execve(2), never to return; -1 after fail() if it did. Call it in the process that is to be the command. */
int command_exec(const struct start *start);
/** 127: not found, 126: cannot be invoked, 125: anything else. Of the failure that fail() has kept. */
int command_exit_code(void);
