#include "unpack_input.h"

#include "fail.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER = 1024 * 1024, ZEROS = 32 * 1024 };

static uint8_t buffer[BUFFER];
static size_t start, end;

/** Reads when nothing is left. 1: there is something, 0: the end, -1: an error. */
static int fill(void)
{
  if (start < end) return 1;
  ssize_t got;
  do got = read(STDIN_FILENO, buffer, sizeof buffer);
  while (got < 0 && errno == EINTR);
  if (got < 0) return fail("input", errno, "standard input");
  start = 0;
  end = (size_t)got;
  return got > 0;
}

/** Up to `limit` of the bytes that are there. */
static size_t take(const uint8_t **bytes, uint64_t limit)
{
  size_t size = end - start < limit ? end - start : (size_t)limit;
  *bytes = buffer + start;
  start += size;
  return size;
}

static int fill_more(void)
{
  int got = fill();
  return got == 0 ? fail("input", EPIPE, "the archive ends too early") : got;
}

int input_read(void *bytes, size_t size)
{
  const uint8_t *part;
  int got = fill();
  if (got <= 0) return got;
  for (size_t length = 0; length < size;) {
    if (fill_more() < 0) return -1;
    size_t taken = take(&part, size - length);
    memcpy((uint8_t *)bytes + length, part, taken);
    length += taken;
  }
  return 1;
}

int input_skip(uint64_t size)
{
  const uint8_t *part;
  while (size > 0) {
    if (fill_more() < 0) return -1;
    size -= take(&part, size);
  }
  return 0;
}

int input_skip_padding(uint64_t size)
{
  const uint8_t *part;
  while (size > 0) {
    int got = fill();
    if (got <= 0) return got;
    size -= take(&part, size);
  }
  return 1;
}

static int write_at(int fd, const uint8_t *bytes, size_t size, uint64_t offset)
{
  while (size > 0) {
    ssize_t written = pwrite(fd, bytes, size, (off_t)offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail("write", errno, "content");
    bytes += written;
    size -= (size_t)written;
    offset += (uint64_t)written;
  }
  return 0;
}

/** Runs of zeros are left out: they are holes then, and an archive of nothing else takes no room. */
static int write_data(int fd, const uint8_t *bytes, size_t size, uint64_t offset)
{
  size_t written = 0, piece;
  for (size_t at = 0; at < size; at += piece) {
    piece = size - at < ZEROS ? size - at : ZEROS;
    if (bytes[at] != 0 || memcmp(bytes + at, bytes + at + 1, piece - 1) != 0) continue;
    if (write_at(fd, bytes + written, at - written, offset + written) < 0) return -1;
    written = at + piece;
  }
  return write_at(fd, bytes + written, size - written, offset + written);
}

int input_copy(int fd, uint64_t offset, uint64_t size)
{
  const uint8_t *part;
  while (size > 0) {
    if (fill_more() < 0) return -1;
    size_t taken = take(&part, size);
    if (write_data(fd, part, taken, offset) < 0) return -1;
    offset += taken;
    size -= taken;
  }
  return 0;
}

int input_drain(void)
{
  int got;
  while ((got = fill()) > 0) start = end;
  return got;
}
