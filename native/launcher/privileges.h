#pragma once
#include "options.h"

#include <linux/filter.h>

/** Reads a file of struct sock_filter (linux/filter.h); empty program if the path is null. -1 after fail(). */
int seccomp_read(const char *path, struct sock_fprog *program);
/** For good: the filter holds for this process and all it starts. Needs no_new_privs. -1 after fail(). */
int seccomp_install(const struct sock_fprog *program);
/**
 * From here on the process is the command's user, with at most the given capabilities, and can gain no more: bounding
 * set, ambient and inheritable empty, no_new_privs (capabilities(7)). -1 after fail().
 */
int privileges_drop(const struct command *command);
/** Keeps one capability of those it has, e.g. CAP_KILL. -1 after fail(). */
int privileges_keep_only(int capability);
