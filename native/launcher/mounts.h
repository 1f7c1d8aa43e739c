#pragma once
#include <stdbool.h>
#include <sys/types.h>

/**
 * A detached copy of the mount at a path, private (nothing propagates either way). `ids`: a user namespace through
 * which its file owners are seen, or -1. Where the file system can't do that, a plain copy and a warning. A descriptor,
 * or -1 after fail().
 */
int mount_clone(const char *path, bool recursive, bool read_only, int ids);

/** A new file system, detached. `data`: options as mount(2) takes them, or null. -1 with errno. */
int mount_make(const char *type, const char *data, unsigned attributes);

/** Puts a detached mount on a directory or file. -1 with errno. */
int mount_attach(int mount, int target);

/**
 * What a path means for a process whose root directory is `root`: symlinks, absolute ones too, never lead out of it.
 * O_PATH descriptor, or -1 with errno.
 */
int open_in_root(int root, const char *path, unsigned extra_flags);
