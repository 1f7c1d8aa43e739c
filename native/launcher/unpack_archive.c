/*
 * tar(5) of libarchive, pax(1) of POSIX and the GNU tar manual ("Tar Internals") are followed; where they leave it
 * open, what Go's archive/tar does, since most images are made and read by it.
 */
#include "unpack_archive.h"

#include "fail.h"
#include "unpack_header.h"
#include "unpack_input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/** As Go's archive/tar: an extended header, or a name, longer than that isn't one. */
enum { EXTENDED_MAX = 1024 * 1024 };

/** Of the entry at hand: what headers before its own said, and its own. */
static struct {
  struct pax pax;
  char *long_path, *long_link;
  char path[HEADER_PATH_MAX], link[HEADER_PATH_MAX];
  struct extents extents;
  /** Of its content: bytes not read yet, and what fills the last block. */
  uint64_t left, padding;
} current;

/** For all entries after it. */
static struct pax global;

static int read_entry(const struct header *header, struct entry *entry);
static int read_prelude(const struct header *header);

int archive_next(struct entry *entry)
{
  if (input_skip(current.left) < 0 || input_skip_padding(current.padding) < 0) return -1;
  pax_free(&current.pax);
  free(current.long_path);
  free(current.long_link);
  free(current.extents.list);
  memset(&current, 0, sizeof current);
  for (;;) {
    struct header header;
    int got = header_read(&header);
    if (got <= 0) return got;
    if (strchr("xXgLKV", header.type) == NULL || header.type == '\0') return read_entry(&header, entry) < 0 ? -1 : 1;
    if (read_prelude(&header) < 0) return -1;
  }
}

int archive_content(const struct entry *entry, int fd)
{
  const struct extents *extents = entry->extents;
  for (size_t i = 0; i < extents->count; i++) {
    if (input_copy(fd, extents->list[i].offset, extents->list[i].size) < 0) return -1;
    current.left -= extents->list[i].size;
  }
  return 0;
}

static uint64_t padding_of(uint64_t size)
{
  return (BLOCK - size % BLOCK) % BLOCK;
}

/** An extended header, or the long name of what comes next. */
static int read_prelude(const struct header *header)
{
  if (header->type == 'V') return input_skip(header->size) < 0 ? -1 : input_skip(padding_of(header->size));
  if (header->size > EXTENDED_MAX)
    return fail("header", E2BIG, "extended header of %llu bytes", (unsigned long long)header->size);
  size_t size = (size_t)header->size;
  char *text = malloc(size + 1);
  if (text == NULL) return fail("header", ENOMEM, "extended header");
  text[size] = '\0';
  if ((size > 0 && input_read(text, size) <= 0) || input_skip(padding_of(size)) < 0) {
    free(text);
    return fail("input", EPIPE, "the archive ends too early");
  }
  if (header->type == 'L' || header->type == 'K') {
    char **name = header->type == 'L' ? &current.long_path : &current.long_link;
    free(*name);
    *name = text;
    return 0;
  }
  struct pax *pax = header->type == 'g' ? &global : &current.pax;
  pax_free(pax);
  return pax_parse(pax, text, size);
}

static int set_type(const struct header *header, struct entry *entry)
{
  size_t length = strlen(entry->path);
  switch (header->type) {
  case '1':
    entry->type = ENTRY_HARD_LINK;
    break;
  case '2':
    entry->type = ENTRY_SYMLINK;
    break;
  case '3':
  case '4':
    entry->type = ENTRY_DEVICE;
    entry->mode |= header->type == '3' ? S_IFCHR : S_IFBLK;
    break;
  case '5':
    entry->type = ENTRY_DIRECTORY;
    break;
  case '6':
    entry->type = ENTRY_FIFO;
    break;
  case '\0': /* Archives of before 1988 tell a directory by this. */
    entry->type = length > 0 && entry->path[length - 1] == '/' ? ENTRY_DIRECTORY : ENTRY_FILE;
    break;
  case '0':
  case '7':
  case 'S':
    entry->type = ENTRY_FILE;
    break;
  default:
    return fail("header", ENOTSUP, "entry of type `%c`", header->type);
  }
  return 0;
}

/** The kernel takes -1 for "leave it". */
static int set_owner(const struct header *header, struct entry *entry)
{
  uint64_t uid = header->uid, gid = header->gid;
  for (int i = 0; i < 2; i++) {
    if (entry->attributes[i]->has_uid) uid = entry->attributes[i]->uid;
    if (entry->attributes[i]->has_gid) gid = entry->attributes[i]->gid;
  }
  if (uid >= UINT32_MAX || gid >= UINT32_MAX) return fail("header", EOVERFLOW, "owner");
  entry->uid = (uid_t)uid;
  entry->gid = (gid_t)gid;
  return 0;
}

/** Format 1.0 has the map at the beginning of the content: decimal numbers, a line each, filled up to a block. */
static int read_map(struct extents *extents)
{
  char block[BLOCK];
  uint64_t numbers[2] = {0}, total = 0, digits = 0;
  for (uint64_t index = 0; index <= total * 2;) {
    if (current.left < BLOCK) return fail("header", EINVAL, "map of a sparse file");
    if (input_read(block, BLOCK) <= 0) return fail("input", EPIPE, "the archive ends too early");
    current.left -= BLOCK;
    for (size_t i = 0; i < BLOCK && index <= total * 2; i++) {
      uint64_t *number = &numbers[index == 0 ? 0 : (index - 1) % 2];
      if (block[i] >= '0' && block[i] <= '9' && ++digits < 19) {
        *number = *number * 10 + (uint64_t)(block[i] - '0');
        continue;
      }
      if (block[i] != '\n' || digits == 0) return fail("header", EINVAL, "map of a sparse file");
      if (index == 0) total = numbers[0] < INT32_MAX ? numbers[0] : INT32_MAX;
      if (index > 0 && index % 2 == 0 && extents_add(extents, numbers[0], numbers[1]) < 0) return -1;
      if (index % 2 == 0) numbers[0] = numbers[1] = 0;
      index++;
      digits = 0;
    }
  }
  return 0;
}

/** In order, apart, within the file, and all of the content that is there. */
static int check_extents(const struct entry *entry)
{
  uint64_t end = 0, sum = 0;
  for (size_t i = 0; i < entry->extents->count; i++) {
    const struct extent *extent = &entry->extents->list[i];
    if (extent->offset < end || extent->size > entry->size || extent->offset > entry->size - extent->size)
      return fail("header", EINVAL, "map of a sparse file");
    end = extent->offset + extent->size;
    sum += extent->size;
  }
  return sum == current.left ? 0
                             : fail("header", EINVAL, "map of a sparse file: it has %llu bytes of %llu",
                                    (unsigned long long)sum, (unsigned long long)current.left);
}

/** Where its content belongs. */
static int set_content(const struct header *header, struct entry *entry)
{
  struct pax *pax = &current.pax;
  entry->size = current.left;
  entry->extents = &current.extents;
  if (header->type == 'S') {
    entry->size = header->real_size;
    return header_read_extents(header, &current.extents) < 0 ? -1 : check_extents(entry);
  }
  if (!pax->has_sparse) return current.left == 0 ? 0 : extents_add(&current.extents, 0, current.left);
  if (!pax->has_real_size) return fail("header", EINVAL, "sparse file without its size");
  entry->size = pax->real_size;
  if (pax->sparse_name != NULL) entry->path = pax->sparse_name;
  if (pax->sparse_major == 0)
    entry->extents = &pax->sparse;
  else if (pax->sparse_major != 1 || pax->sparse_minor != 0)
    return fail("header", ENOTSUP, "sparse format %u.%u", pax->sparse_major, pax->sparse_minor);
  else if (read_map(&current.extents) < 0)
    return -1;
  return check_extents(entry);
}

static int read_entry(const struct header *header, struct entry *entry)
{
  struct pax *pax = &current.pax;
  header_text(header, current.path, current.link);
  *entry = (struct entry){
      .path = pax->path           ? pax->path
              : current.long_path ? current.long_path
              : global.path       ? global.path
                                  : current.path,
      .link = pax->link           ? pax->link
              : current.long_link ? current.long_link
              : global.link       ? global.link
                                  : current.link,
      .mode = header->mode & 07777,
      .mtime = pax->has_mtime     ? pax->mtime
               : global.has_mtime ? global.mtime
                                  : (struct timespec){.tv_sec = header->mtime},
      .device = makedev(header->device_major, header->device_minor),
      .attributes = {&global, pax},
      .extents = &current.extents,
  };
  if (set_type(header, entry) < 0 || set_owner(header, entry) < 0) return -1;
  /* Some archives have a size in the header of a link or a directory, and no content. */
  if (entry->type != ENTRY_FILE) return 0;
  current.left = pax->has_size ? pax->size : header->size;
  if (current.left > INT64_MAX / 2) return fail("header", EOVERFLOW, "size");
  current.padding = padding_of(current.left);
  return set_content(header, entry);
}
