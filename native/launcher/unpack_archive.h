#pragma once
#include "unpack_pax.h"

#include <sys/types.h>

/** What an entry of an archive makes. */
enum entry_type { ENTRY_FILE, ENTRY_HARD_LINK, ENTRY_SYMLINK, ENTRY_DEVICE, ENTRY_DIRECTORY, ENTRY_FIFO };

struct entry {
  enum entry_type type;
  /** As the archive has it. */
  char *path, *link;
  /** Permission bits with set-ID and sticky ones; of a device with S_IFCHR or S_IFBLK. */
  mode_t mode;
  uid_t uid;
  gid_t gid;
  struct timespec mtime;
  dev_t device;
  /** Of a file, when it is whole. */
  uint64_t size;
  /** Where its content belongs. One piece if it isn't sparse. */
  const struct extents *extents;
  /** Those for all entries, then its own, which count if both name the same. */
  const struct pax *attributes[2];
};

/**
 * The next entry of the tar archive on standard input: pax, ustar, GNU and older ones. 1: there is one, 0: the end, -1:
 * an error. What is not read of the content of the one before is skipped. Valid until the next call.
 */
int archive_next(struct entry *entry);
/** Puts the content of the file just got where it belongs. -1: see input_copy(). */
int archive_content(const struct entry *entry, int fd);
