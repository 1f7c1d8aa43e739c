#pragma once
#include "process.h"

#include <stdbool.h>
#include <stdint.h>

/** What a monitor knows of its container; PROTOCOL.md has the file's format. Times in ns since the epoch, 0: not yet.
 */
struct status {
  const char *state;
  const char *boot_id;
  struct process monitor;
  struct process init;
  int64_t created;
  int64_t started;
  int64_t finished;
  int exit_code;
  /** 0: it wasn't a signal. */
  int signal;
  bool oom;
  /** PID 1 was killed, and neither by the OOM killer nor with its command's end. */
  bool init_killed;
  /** Why it could not be started; null: it could. */
  const char *error;
};

int64_t status_now(void);
/** Begins the file anew in that directory. A descriptor for status_write(), or -1 after fail(). */
int status_open(int directory);
/** Adds what the status is now; a reader sees all of it or nothing. -1 after fail(). */
int status_write(int file, const struct status *status);
void status_remove(int directory);
