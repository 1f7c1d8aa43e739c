#pragma once
#include "options.h"

/**
 * Builds the container's root file system as host root, in a mount namespace that this call makes: overlay, /dev, and
 * every mount of the options. `stage`: an empty directory of the host, `ids`: the container's user namespace or -1.
 * Returns a detached copy of the whole tree, for init to attach in its own namespace; -1 after fail().
 */
int rootfs_build(const struct options *options, const char *stage, int ids);
