#include "pack_output.h"

#include "fail.h"
#include "files.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER = 256 * 1024 };

static uint8_t buffer[BUFFER];
static size_t used;

int output_flush(void)
{
  if (write_all(STDOUT_FILENO, buffer, used) < 0) return fail("output", errno, "standard output");
  used = 0;
  return 0;
}

/** At least one byte of room; as much as there is, up to `size`. */
static int make_room(uint64_t size, size_t *room)
{
  if (used == BUFFER && output_flush() < 0) return -1;
  *room = size < BUFFER - used ? (size_t)size : BUFFER - used;
  return 0;
}

int output_write(const void *bytes, size_t size)
{
  const uint8_t *next = bytes;
  for (size_t room; size > 0; next += room, size -= room) {
    if (make_room(size, &room) < 0) return -1;
    memcpy(buffer + used, next, room);
    used += room;
  }
  return 0;
}

int output_zeros(uint64_t size)
{
  for (size_t room; size > 0; size -= room) {
    if (make_room(size, &room) < 0) return -1;
    memset(buffer + used, 0, room);
    used += room;
  }
  return 0;
}

static int copy(int fd, off_t offset, uint64_t size)
{
  while (size > 0) {
    size_t room;
    if (make_room(size, &room) < 0) return -1;
    ssize_t got = pread(fd, buffer + used, room, offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail("read", errno, "content");
    if (got == 0) return fail("read", EIO, "it became shorter meanwhile");
    used += (size_t)got;
    offset += got;
    size -= (uint64_t)got;
  }
  return 0;
}

/** lseek(2): ENXIO past the last data; a file system that knows of no holes says EINVAL, and then all is data. */
static uint64_t next_data(int fd, uint64_t offset, uint64_t size)
{
  off_t found = lseek(fd, (off_t)offset, SEEK_DATA);
  if (found < 0) return errno == ENXIO ? size : offset;
  return (uint64_t)found < size ? (uint64_t)found : size;
}

static uint64_t next_hole(int fd, uint64_t offset, uint64_t size)
{
  off_t found = lseek(fd, (off_t)offset, SEEK_HOLE);
  return found < 0 || (uint64_t)found > size ? size : (uint64_t)found;
}

int output_file(int fd, uint64_t size)
{
  for (uint64_t at = 0; at < size;) {
    uint64_t data = next_data(fd, at, size);
    if (output_zeros(data - at) < 0) return -1;
    at = data < size ? next_hole(fd, data, size) : size;
    if (copy(fd, (off_t)data, at - data) < 0) return -1;
  }
  return 0;
}
