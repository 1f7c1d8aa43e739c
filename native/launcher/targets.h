#pragma once
#include <stdbool.h>
#include <sys/types.h>

/**
 * The directory or file at a path inside a container's root, made (owned by `owner`) if it is not there, with its
 * parents. Symlinks are followed as the container would, and never lead out of the root. An O_PATH descriptor, or -1
 * after fail().
 */
int target_open(int root, const char *path, bool directory, uid_t owner);
