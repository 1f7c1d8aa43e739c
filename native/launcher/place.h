#pragma once
#include <stdint.h>
#include <sys/types.h>

/** Who owns what is made. Ids as this process sees them. */
struct owner {
  uid_t uid;
  gid_t gid;
};

/*
 * Each puts one thing at an absolute path below this process's root, over whatever is there, with the directories above
 * it that are missing (0755). Symbolic links on the way are followed within the root, those of proc that lead out of it
 * are not. The last component is never followed. -1 after fail().
 */

/** `mode`: permission bits. A directory, or a link to one, that is there stays as it is. */
int place_directory(const char *path, mode_t mode, const struct owner *owner);
int place_symlink(const char *path, const char *target, const struct owner *owner);
/**
 * Reads `*left` bytes from `source`, and counts them off, also when it fails. Appears whole, or not at all: who reads
 * the old file meanwhile keeps it.
 */
int place_file(const char *path, mode_t mode, const struct owner *owner, int source, uint64_t *left);
/** With all below it. What isn't there is removed. */
int place_nothing(const char *path);
