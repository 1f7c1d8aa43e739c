#pragma once
#include "options.h"

/** Writes all that exist yet; keeps the rest for later. While /proc/sys is still writable. -1 after fail(). */
int sysctls_write(const struct options *options);
/** Writes the kept ones; a missing one is an error now. Works though /proc/sys has become read-only. -1 after fail().
 */
int sysctls_write_late(const struct options *options);
