#include "files.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

ssize_t read_small(int directory, const char *path, char *buffer, size_t size)
{
  cleanup_fd int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  size_t length = 0;
  while (length < size - 1) {
    ssize_t got = read(fd, buffer + length, size - 1 - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    length += (size_t)got;
  }
  buffer[length] = '\0';
  return (ssize_t)length;
}

int write_value(int directory, const char *path, const char *value)
{
  cleanup_fd int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  size_t size = strlen(value);
  ssize_t written = write(fd, value, size);
  if (written == (ssize_t)size) return 0;
  if (written >= 0) errno = EIO;
  return -1;
}

int write_all(int fd, const void *data, size_t size)
{
  const char *next = data;
  while (size > 0) {
    ssize_t written = write(fd, next, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return -1;
    next += written;
    size -= (size_t)written;
  }
  return 0;
}
