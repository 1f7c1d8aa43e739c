#pragma once

/**
 * Removes a directory and all below it, however deep: with a few descriptors and no recursion, but for directories that
 * an overlay has from below. -1 with errno. Follows no link.
 */
int remove_tree(int parent, const char *name);
/** `tsstack-launcher remove PATH`: not there, nothing happens. Returns the exit code. */
int remove_main(const char *path);
