#pragma once
#include "options.h"

/** Masked and read-only paths of the OCI runtime spec ("Masked Paths", "Readonly Paths"). Missing ones don't matter. */
int hide_paths(const struct options *options);
