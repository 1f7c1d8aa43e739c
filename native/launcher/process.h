#pragma once
#include <stdbool.h>
#include <sys/types.h>

/** A process that can't be confused with a later one of the same number: start time in ticks since boot. */
struct process {
  pid_t pid;
  unsigned long long start_time;
};

/** Field 22 of /proc/<pid>/stat (proc(5)). -1 with errno; ESRCH: there is none. */
int process_identify(pid_t pid, struct process *process);
/** A pidfd of exactly that process. -1 with errno; ESRCH: it is gone, whoever has its number now. */
int process_open(const struct process *process);
/** Two decimal strings. -1 and EINVAL if they aren't. */
int process_parse(const char *pid, const char *start_time, struct process *process);
