#pragma once
#include "tar_header.h"
#include "unpack_pax.h"

#include <sys/types.h>

enum { HEADER_PATH_MAX = 258 };

/** One block of a tar archive that is a header, its numbers read. */
struct header {
  uint8_t block[BLOCK];
  char type;
  uint32_t mode;
  uint64_t uid, gid, size, real_size;
  int64_t mtime;
  unsigned device_major, device_minor;
};

/** 1: a header, 0: the end of the archive, -1: none of a tar archive, or an error. */
int header_read(struct header *header);
/** Name (with its prefix) and link name, each HEADER_PATH_MAX bytes. */
void header_text(const struct header *header, char *path, char *link);
/** Of a sparse file as old GNU tar has them, in the header and in blocks after it. */
int header_read_extents(const struct header *header, struct extents *extents);
