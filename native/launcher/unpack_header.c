#include "unpack_header.h"

#include "fail.h"
#include "unpack_input.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/** Where fields are: tar(5), "POSIX ustar Archives" and "GNU Tar Archives". */
enum {
  NAME = 0,
  MODE = 100,
  UID = 108,
  GID = 116,
  SIZE = 124,
  MTIME = 136,
  CHECKSUM = 148,
  TYPE = 156,
  LINK = 157,
  MAGIC = 257,
  MAJOR = 329,
  MINOR = 337,
  PREFIX = 345,
  GNU_SPARSE = 386,
  GNU_EXTENDED = 482,
  GNU_REAL_SIZE = 483,
  STAR_TAIL = 508,
  NAME_SIZE = 100,
  PREFIX_SIZE = 155,
  NUMBER_SIZE = 12,
  SHORT_SIZE = 8,
  EXTENT_SIZE = 2 * NUMBER_SIZE,
  HEADER_EXTENTS = 4,
  BLOCK_EXTENTS = 21,
};

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
    uint8_t byte = i >= CHECKSUM && i < CHECKSUM + SHORT_SIZE ? ' ' : block[i];
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
  if (parse_unsigned(header->block + CHECKSUM, SHORT_SIZE, &checksum) < 0 ||
      !checksum_is_right(header->block, checksum))
    return fail("header", EINVAL, "this is no tar header");
  return read_numbers(header) < 0 ? -1 : 1;
}

static int read_numbers(struct header *header)
{
  const uint8_t *block = header->block;
  uint64_t mode, device_major = 0, device_minor = 0;
  header->type = (char)block[TYPE];
  bool device = header->type == '3' || header->type == '4';
  if (parse_unsigned(block + MODE, SHORT_SIZE, &mode) < 0 ||
      parse_unsigned(block + UID, SHORT_SIZE, &header->uid) < 0 ||
      parse_unsigned(block + GID, SHORT_SIZE, &header->gid) < 0 ||
      parse_unsigned(block + SIZE, NUMBER_SIZE, &header->size) < 0 ||
      parse_number(block + MTIME, NUMBER_SIZE, &header->mtime) < 0)
    return fail("header", EINVAL, "a number in it isn't one");
  if (device && (parse_unsigned(block + MAJOR, SHORT_SIZE, &device_major) < 0 ||
                 parse_unsigned(block + MINOR, SHORT_SIZE, &device_minor) < 0))
    return fail("header", EINVAL, "device number");
  header->real_size = header->size;
  if (header->type == 'S' && parse_unsigned(block + GNU_REAL_SIZE, NUMBER_SIZE, &header->real_size) < 0)
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
  bool posix = memcmp(block + MAGIC, "ustar", 6) == 0;
  bool star = posix && memcmp(block + STAR_TAIL, "tar", 4) == 0;
  int prefix = posix ? (int)strnlen(block + PREFIX, star ? 131 : PREFIX_SIZE) : 0;
  int name = (int)strnlen(block + NAME, NAME_SIZE), target = (int)strnlen(block + LINK, NAME_SIZE);
  snprintf(path, HEADER_PATH_MAX, "%.*s%s%.*s", prefix, block + PREFIX, prefix > 0 ? "/" : "", name, block + NAME);
  snprintf(link, HEADER_PATH_MAX, "%.*s", target, block + LINK);
}

static int add_extents(const uint8_t *fields, int count, struct extents *extents)
{
  for (const uint8_t *field = fields; count-- > 0 && field[0] != '\0'; field += EXTENT_SIZE) {
    uint64_t offset, size;
    if (parse_unsigned(field, NUMBER_SIZE, &offset) < 0 || parse_unsigned(field + NUMBER_SIZE, NUMBER_SIZE, &size) < 0)
      return fail("header", EINVAL, "map of a sparse file");
    if (extents_add(extents, offset, size) < 0) return -1;
  }
  return 0;
}

int header_read_extents(const struct header *header, struct extents *extents)
{
  if (add_extents(header->block + GNU_SPARSE, HEADER_EXTENTS, extents) < 0) return -1;
  uint8_t block[BLOCK];
  for (bool more = header->block[GNU_EXTENDED] != 0; more; more = block[BLOCK_EXTENTS * EXTENT_SIZE] != 0) {
    if (input_read(block, BLOCK) <= 0) return fail("input", EPIPE, "the archive ends too early");
    if (add_extents(block, BLOCK_EXTENTS, extents) < 0) return -1;
  }
  return 0;
}
