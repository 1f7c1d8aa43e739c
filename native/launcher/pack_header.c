#include "pack_header.h"

#include "fail.h"
#include "pack_output.h"
#include "tar_header.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

/** unpack takes no more, and neither does Go's archive/tar. */
enum { EXTENDED_MAX = 1024 * 1024 };

/** What seven and eleven octal digits can say. */
static const uint64_t SHORT_MAX = 07777777, NUMBER_MAX = 077777777777;

static int make_room(struct records *records, size_t size)
{
  if (records->size + size <= records->room) return 0;
  size_t room = records->room == 0 ? 4096 : records->room;
  while (room < records->size + size) room *= 2;
  char *grown = realloc(records->bytes, room);
  if (grown == NULL) return fail("header", ENOMEM, "extended header");
  records->bytes = grown;
  records->room = room;
  return 0;
}

/** `LENGTH KEY=VALUE\n`; the length counts its own digits. */
int records_add(struct records *records, const char *key, const void *value, size_t size)
{
  size_t rest = strlen(key) + size + 3, length = rest + 1;
  char digits[24];
  while ((size_t)snprintf(digits, sizeof digits, "%zu", length) + rest != length) length = strlen(digits) + rest;
  if (make_room(records, length + 1) < 0) return -1;
  char *to = records->bytes + records->size;
  to += sprintf(to, "%zu %s=", length, key);
  memcpy(to, value, size);
  to[size] = '\n';
  records->size += length;
  return 0;
}

static int add_text(struct records *records, const char *key, const char *text)
{
  return records_add(records, key, text, strlen(text));
}

static int add_number(struct records *records, const char *key, uint64_t number)
{
  char text[24];
  snprintf(text, sizeof text, "%llu", (unsigned long long)number);
  return add_text(records, key, text);
}

/** Seconds with a fraction; before the epoch both count backwards. Without the zeros at its end. */
static int add_time(struct records *records, struct timespec time)
{
  bool negative = time.tv_sec < 0;
  uint64_t seconds = negative ? -(uint64_t)time.tv_sec : (uint64_t)time.tv_sec;
  long nanoseconds = time.tv_nsec;
  if (negative && nanoseconds > 0) {
    seconds--;
    nanoseconds = 1000000000 - nanoseconds;
  }
  char text[48];
  int length =
      snprintf(text, sizeof text, "%s%llu.%09ld", negative ? "-" : "", (unsigned long long)seconds, nanoseconds);
  while (text[length - 1] == '0') length--;
  if (text[length - 1] == '.') length--;
  return records_add(records, "mtime", text, (size_t)length);
}

/** An ordinary header has 100 bytes of ASCII (pax(1), "ustar Interchange Format"). */
static bool fits(const char *text)
{
  for (const char *next = text; *next != '\0'; next++)
    if ((unsigned char)*next >= 0x80) return false;
  return strlen(text) <= TAR_TEXT_LENGTH;
}

static bool time_fits(struct timespec time)
{
  return time.tv_nsec == 0 && time.tv_sec >= 0 && (uint64_t)time.tv_sec <= NUMBER_MAX;
}

/** What an ordinary header can't say. */
static int add_extended(struct records *records, const struct packed *entry)
{
  if (!fits(entry->path) && add_text(records, "path", entry->path) < 0) return -1;
  if (!fits(entry->link) && add_text(records, "linkpath", entry->link) < 0) return -1;
  if (entry->size > NUMBER_MAX && add_number(records, "size", entry->size) < 0) return -1;
  if (entry->uid > SHORT_MAX && add_number(records, "uid", entry->uid) < 0) return -1;
  if (entry->gid > SHORT_MAX && add_number(records, "gid", entry->gid) < 0) return -1;
  return time_fits(entry->mtime) ? 0 : add_time(records, entry->mtime);
}

static void put_number(char *block, size_t offset, size_t size, uint64_t number)
{
  char text[24];
  snprintf(text, sizeof text, "%0*llo", (int)size - 1, (unsigned long long)number);
  memcpy(block + offset, text, size);
}

static uint64_t clamp(uint64_t number, uint64_t most)
{
  return number <= most ? number : 0;
}

static int write_block(const struct packed *entry)
{
  char block[BLOCK] = {0};
  bool device = entry->type == '3' || entry->type == '4';
  memcpy(block, entry->path, strnlen(entry->path, TAR_TEXT_LENGTH));
  memcpy(block + TAR_LINK, entry->link, strnlen(entry->link, TAR_TEXT_LENGTH));
  put_number(block, TAR_MODE, TAR_SHORT_LENGTH, entry->mode & 07777);
  put_number(block, TAR_UID, TAR_SHORT_LENGTH, clamp(entry->uid, SHORT_MAX));
  put_number(block, TAR_GID, TAR_SHORT_LENGTH, clamp(entry->gid, SHORT_MAX));
  put_number(block, TAR_SIZE, TAR_NUMBER_LENGTH, clamp(entry->size, NUMBER_MAX));
  put_number(block, TAR_MTIME, TAR_NUMBER_LENGTH,
             entry->mtime.tv_sec < 0 ? 0 : clamp((uint64_t)entry->mtime.tv_sec, NUMBER_MAX));
  block[TAR_TYPE] = entry->type;
  memcpy(block + TAR_MAGIC,
         "ustar\0"
         "00",
         8);
  put_number(block, TAR_MAJOR, TAR_SHORT_LENGTH, device ? major(entry->device) : 0);
  put_number(block, TAR_MINOR, TAR_SHORT_LENGTH, device ? minor(entry->device) : 0);
  memset(block + TAR_CHECKSUM, ' ', TAR_SHORT_LENGTH);
  unsigned sum = 0;
  for (int i = 0; i < BLOCK; i++) sum += (unsigned char)block[i];
  put_number(block, TAR_CHECKSUM, TAR_SHORT_LENGTH - 1, sum);
  return output_write(block, BLOCK);
}

int header_write(const struct packed *entry, const struct records *records)
{
  static struct records extended;
  extended.size = 0;
  if (add_extended(&extended, entry) < 0) return -1;
  if (make_room(&extended, records->size) < 0) return -1;
  if (records->size > 0) memcpy(extended.bytes + extended.size, records->bytes, records->size);
  extended.size += records->size;
  if (extended.size > EXTENDED_MAX) return fail("header", E2BIG, "%zu bytes of extended attributes", records->size);
  if (extended.size > 0) {
    const struct packed prelude = {
        .type = 'x', .path = "././@PaxHeader", .link = "", .mode = 0644, .size = extended.size};
    if (write_block(&prelude) < 0 || output_write(extended.bytes, extended.size) < 0 ||
        header_write_padding(extended.size) < 0)
      return -1;
  }
  return write_block(entry);
}

int header_write_padding(uint64_t size)
{
  return output_zeros((BLOCK - size % BLOCK) % BLOCK);
}

int header_write_end(void)
{
  return output_zeros(2 * BLOCK);
}
