#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/** A piece of a sparse file that holds data. */
struct extent {
  uint64_t offset;
  uint64_t size;
};

struct extents {
  struct extent *list;
  size_t count;
  size_t room;
};

struct xattr {
  char *name;
  void *value;
  size_t size;
};

/** Attributes of POSIX extended headers (pax(1), "pax Header Block") and of the vendors' there. Null, or not `has_`:
 * not told. */
struct pax {
  /** All strings below are in here. */
  char *text;
  char *path, *link;
  bool has_size, has_uid, has_gid, has_mtime;
  uint64_t size, uid, gid;
  struct timespec mtime;
  struct xattr *xattrs;
  size_t xattr_count;
  /** GNU tar manual, "Storing Sparse Files": formats 0.0, 0.1 and 1.0. */
  struct extents sparse;
  bool has_sparse, has_real_size;
  unsigned sparse_major, sparse_minor;
  uint64_t real_size;
  char *sparse_name;
};

/** Takes over `text`, of `size` bytes and a NUL, even if it fails. Later records count. */
int pax_parse(struct pax *pax, char *text, size_t size);
void pax_free(struct pax *pax);

/** Refuses what would take too much memory. */
int extents_add(struct extents *extents, uint64_t offset, uint64_t size);
/** Decimal digits and nothing else. -1 without fail(). */
int parse_decimal(const char *text, size_t length, uint64_t *number);
