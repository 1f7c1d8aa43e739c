#pragma once
#include <stddef.h>
#include <stdnoreturn.h>

/** What a monitor gets from the launcher it is forked from. */
struct monitor_arguments {
  /** SOCK_SEQPACKET to the launcher. */
  int control;
  const char *stage;
  const char *boot_id;
  char **options;
  size_t option_count;
};

/**
 * Makes a container and stays its parent until its end: owner of its output and exit status. Answers on `control`: `ok`
 * and who it is when init exists, then `ok` once `start` has led to the running command; or `error`.
 */
noreturn void monitor_main(const struct monitor_arguments *arguments);
