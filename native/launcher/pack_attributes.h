#pragma once
#include "pack_header.h"

#include <stdbool.h>

/** Ids of the archive's owners are those of the directory less `base`; there are 65536 of them. 0: they are the same.
 */
void attributes_shift(uint32_t base);
int attributes_owner(uint32_t id, uint32_t *shifted);
/**
 * The extended attributes of what is at the path, sorted. Those that say how layers are put together are left out; of
 * them, `opaque`: that it is an opaque directory.
 */
int attributes_read(const char *path, struct records *records, bool *opaque);
