#pragma once
#include <stddef.h>
#include <sys/types.h>

/** The whole of a small file, NUL-terminated, at most size - 1 bytes. Returns its length, or -1 with errno. */
ssize_t read_small(int directory, const char *path, char *buffer, size_t size);
/** One write of a whole value to an existing file (proc, sysfs, cgroup). Returns -1 with errno. */
int write_value(int directory, const char *path, const char *value);
/** All of it, over interruptions and short writes. Returns -1 with errno. */
int write_all(int fd, const void *data, size_t size);
