#pragma once
#include "options.h"

#include <linux/filter.h>
#include <stdnoreturn.h>

/**
 * PID 1 of a container. Waits on `sync` for the tree of its root file system, prepares everything, says `ready`, waits
 * for `go`, starts the command and, with `--init`, stays: forwards signals, reaps, and tells its monitor how it ended.
 */
noreturn void init_main(const struct options *options, const struct sock_fprog *seccomp, int sync, const int output[2]);
