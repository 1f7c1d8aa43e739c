#pragma once
#include "options.h"

/** Puts it, and what is mounted in it, at /dev. -1 after fail(). */
int devices_attach(int root, const struct options *options);
