#pragma once
#include <sys/types.h>

/** The path that this file was first met by, or null: it is remembered by `path` from now on. -1: no memory. */
int links_find(dev_t device, ino_t inode, const char *path, const char **first);
