#pragma once
#include "options.h"

#include <linux/filter.h>

/**
 * Starts the options' command in the namespaces and cgroups of the process that `pidfd` refers to, as a child of the
 * caller. `terminal`: set to the master end of its terminal with `--tty`, else -1. The child's pid once it has exec'ed;
 * -1 after fail().
 */
pid_t enter_start(const struct options *options, const struct sock_fprog *seccomp, int pidfd, int *terminal);

/**
 * Moves the caller, which has one thread, into these namespaces (CLONE_NEWNS among them) and the user namespace of the
 * process `init_pid`, that `pidfd` refers to; makes its root ours, and us root there. -1 after fail().
 */
int enter_namespaces(const char *init_pid, int pidfd, int namespaces);
