#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

/** Records of an extended header (pax(1), "pax Header Block"), one after another. */
struct records {
  char *bytes;
  size_t size, room;
};

/** One entry of an archive, as it is to be written. */
struct packed {
  /** As in tar(5): `0` file, `1` hard link, `2` symbolic link, `3` and `4` devices, `5` directory, `6` FIFO. */
  char type;
  const char *path;
  /** Where a link leads; empty. */
  const char *link;
  mode_t mode;
  uint32_t uid, gid;
  uint64_t size;
  struct timespec mtime;
  dev_t device;
};

int records_add(struct records *records, const char *key, const void *value, size_t size);
/**
 * The header of the entry; before it an extended one if an ordinary one can't say all. `records`: more of those, which
 * come after its own. Numbers and texts are put into the ordinary one as far as they fit.
 */
int header_write(const struct packed *entry, const struct records *records);
/** Fills up the last block of content of that size. */
int header_write_padding(uint64_t size);
/** The end of the archive. */
int header_write_end(void);
