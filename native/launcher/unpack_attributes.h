#pragma once
#include "unpack_archive.h"
#include "unpack_tree.h"

/** Owner, mode, extended attributes and, but for directories, the time of what was just made. `fd`: of it, or -1. */
int attributes_set(const struct entry *entry, const struct place *place, int fd);
/** Called with the name of each extended attribute that the file system or the kernel has no use for; errno says why.
 */
extern int (*attributes_tell_unsupported)(const struct entry *entry, const char *name);
