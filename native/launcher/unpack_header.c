#include "unpack_header.h"

#include "fail.h"
#include "unpack_input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/** tar(5): in a map of a sparse file, in the header and in a block after it. */
enum { EXTENT_LENGTH = 2 * TAR_NUMBER_LENGTH, HEADER_EXTENTS = 4, BLOCK_EXTENTS = 21 };

static int read_numbers(struct header *header);

static bool is_zero(const uint8_t *block)
{
  return block[0] == 0 && memcmp(block, block + 1, BLOCK - 1) == 0;
}

/** Some old ones added up signed bytes. The checksum's own field counts as spaces. */
static bool checksum_is_right(const uint8_t *block, uint64_t expected)
{
  uint64_t sum = 0;
  int64_t signed_sum = 0;
  for (int i = 0; i < BLOCK; i++) {
    uint8_t byte = i >= TAR_CHECKSUM && i < TAR_CHECKSUM + TAR_SHORT_LENGTH ? ' ' : block[i];
    sum += byte;
    signed_sum += (int8_t)byte;
  }
  return sum == expected || (uint64_t)signed_sum == expected;
}

/** Octal digits with blanks or NULs around, or the top bit and then a big-endian number in two's complement. -1:
 * neither. */
static int parse_number(const uint8_t *field, size_t size, int64_t *number)
{
  *number = 0;
  if (field[0] & 0x80) {
    bool negative = field[0] & 0x40;
    uint64_t value = negative ? UINT64_MAX : 0;
    for (size_t i = 0; i < size; i++) {
      uint8_t byte = i == 0 ? (uint8_t)((field[0] & 0x7f) | (negative ? 0x80 : 0)) : field[i];
      if (size - i > sizeof value && byte != (negative ? 0xff : 0)) return -1;
      value = value << 8 | byte;
    }
    *number = (int64_t)value;
    return negative == (*number < 0) ? 0 : -1;
  }
  size_t i = 0;
  while (i < size && (field[i] == ' ' || field[i] == '\0')) i++;
  for (; i < size && field[i] >= '0' && field[i] <= '7'; i++) *number = *number << 3 | (field[i] - '0');
  return i == size || field[i] == ' ' || field[i] == '\0' ? 0 : -1;
}

static int parse_unsigned(const uint8_t *field, size_t size, uint64_t *number)
{
  int64_t value;
  if (parse_number(field, size, &value) < 0 || value < 0) return -1;
  *number = (uint64_t)value;
  return 0;
}

int header_read(struct header *header)
{
  int got = input_read(header->block, BLOCK);
  if (got <= 0) return got;
  if (is_zero(header->block)) {
    /* Two blocks of zeros end it; the input may end after the first, too. */
    got = input_read(header->block, BLOCK);
    if (got <= 0 || is_zero(header->block)) return got < 0 ? -1 : 0;
  }
  uint64_t checksum;
  if (parse_unsigned(header->block + TAR_CHECKSUM, TAR_SHORT_LENGTH, &checksum) < 0 ||
      !checksum_is_right(header->block, checksum))
    return fail("header", EINVAL, "this is no tar header");
  return read_numbers(header) < 0 ? -1 : 1;
}

static int read_numbers(struct header *header)
{
  const uint8_t *block = header->block;
  uint64_t mode, device_major = 0, device_minor = 0;
  header->type = (char)block[TAR_TYPE];
  bool device = header->type == '3' || header->type == '4';
  if (parse_unsigned(block + TAR_MODE, TAR_SHORT_LENGTH, &mode) < 0 ||
      parse_unsigned(block + TAR_UID, TAR_SHORT_LENGTH, &header->uid) < 0 ||
      parse_unsigned(block + TAR_GID, TAR_SHORT_LENGTH, &header->gid) < 0 ||
      parse_unsigned(block + TAR_SIZE, TAR_NUMBER_LENGTH, &header->size) < 0 ||
      parse_number(block + TAR_MTIME, TAR_NUMBER_LENGTH, &header->mtime) < 0)
    return fail("header", EINVAL, "a number in it isn't one");
  if (device && (parse_unsigned(block + TAR_MAJOR, TAR_SHORT_LENGTH, &device_major) < 0 ||
                 parse_unsigned(block + TAR_MINOR, TAR_SHORT_LENGTH, &device_minor) < 0))
    return fail("header", EINVAL, "device number");
  header->real_size = header->size;
  if (header->type == 'S' && parse_unsigned(block + TAR_GNU_REAL_SIZE, TAR_NUMBER_LENGTH, &header->real_size) < 0)
    return fail("header", EINVAL, "size of a sparse file");
  header->mode = (uint32_t)mode;
  header->device_major = (unsigned)device_major;
  header->device_minor = (unsigned)device_minor;
  return 0;
}

void header_text(const struct header *header, char *path, char *link)
{
  const char *block = (const char *)header->block;
  /* GNU's magic is `ustar  `, and it has other things where the prefix is; star's prefix is shorter. */
  bool posix = memcmp(block + TAR_MAGIC, "ustar", 6) == 0;
  bool star = posix && memcmp(block + TAR_STAR_TAIL, "tar", 4) == 0;
  int prefix = posix ? (int)strnlen(block + TAR_PREFIX, star ? 131 : TAR_PREFIX_LENGTH) : 0;
  int name = (int)strnlen(block + TAR_NAME, TAR_TEXT_LENGTH), target = (int)strnlen(block + TAR_LINK, TAR_TEXT_LENGTH);
  snprintf(path, HEADER_PATH_MAX, "%.*s%s%.*s", prefix, block + TAR_PREFIX, prefix > 0 ? "/" : "", name,
           block + TAR_NAME);
  snprintf(link, HEADER_PATH_MAX, "%.*s", target, block + TAR_LINK);
}

static int add_extents(const uint8_t *fields, int count, struct extents *extents)
{
  for (const uint8_t *field = fields; count-- > 0 && field[0] != '\0'; field += EXTENT_LENGTH) {
    uint64_t offset, size;
    if (parse_unsigned(field, TAR_NUMBER_LENGTH, &offset) < 0 ||
        parse_unsigned(field + TAR_NUMBER_LENGTH, TAR_NUMBER_LENGTH, &size) < 0)
      return fail("header", EINVAL, "map of a sparse file");
    if (extents_add(extents, offset, size) < 0) return -1;
  }
  return 0;
}

int header_read_extents(const struct header *header, struct extents *extents)
{
  if (add_extents(header->block + TAR_GNU_SPARSE, HEADER_EXTENTS, extents) < 0) return -1;
  uint8_t block[BLOCK];
  for (bool more = header->block[TAR_GNU_EXTENDED] != 0; more; more = block[BLOCK_EXTENTS * EXTENT_LENGTH] != 0) {
    if (input_read(block, BLOCK) <= 0) return fail("input", EPIPE, "the archive ends too early");
    if (add_extents(block, BLOCK_EXTENTS, extents) < 0) return -1;
  }
  return 0;
}
