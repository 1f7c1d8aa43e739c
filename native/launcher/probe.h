#pragma once

/**
 * Can a user namespace be made, and that directory, seen through it, be the lowerdir of an overlay? 0, or 1 with the
 * reason on stderr.
 */
int probe_idmap(const char *directory);
