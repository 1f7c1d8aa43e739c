#pragma once
#include "options.h"

/**
 * Init's share of the set-up, in its new namespaces: takes the tree that rootfs_build() made as its root, mounts what
 * belongs to its namespaces, hides what must be hidden. Afterwards nothing of the host's tree is left. -1 after fail().
 */
int inside_prepare(const struct options *options, int tree);
