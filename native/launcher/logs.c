#include "logs.h"

#include "fail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { LINES_PER_WRITE = 128 };

/* Lines on their way to the file. Each is prefix, text (with its newline), and for a part a newline of ours. */
struct batch {
  struct iovec parts[3 * LINES_PER_WRITE];
  int count;
  size_t bytes;
};

static struct batch batch;

static void write_lines(struct log *log, struct stream *stream);
static void add_line(struct log *log, const char *prefix, const char *text, size_t size, bool newline);
static void write_batch(struct log *log);
static void rotate(struct log *log);

int log_open(struct log *log, const char *path, uint64_t max_bytes)
{
  struct stat found;
  log->path = path;
  log->max_bytes = max_bytes;
  log->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (log->fd < 0 || fstat(log->fd, &found) < 0) return fail("log", errno, "%s", path);
  log->size = (uint64_t)found.st_size;
  return 0;
}

bool log_pump(struct log *log, struct stream *stream)
{
  if (stream->fd < 0) return false;
  ssize_t got = read(stream->fd, stream->buffer + stream->held, sizeof stream->buffer - stream->held);
  if (got < 0) return errno == EINTR;
  if (got == 0) {
    close(stream->fd);
    stream->fd = -1;
    return false;
  }
  stream->held += (size_t)got;
  write_lines(log, stream);
  return true;
}

/** `2026-11-22T20:00:00.123456789Z stdout F `: CRI logging format, time in RFC 3339, UTC. */
static void make_prefix(char prefix[64], const char *stream, char tag)
{
  struct timespec now;
  struct tm utc;
  clock_gettime(CLOCK_REALTIME, &now);
  gmtime_r(&now.tv_sec, &utc);
  char seconds[32];
  strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf(prefix, 64, "%s.%09ldZ %s %c ", seconds, now.tv_nsec, stream, tag);
}

static void write_lines(struct log *log, struct stream *stream)
{
  char whole[64], part[64];
  make_prefix(whole, stream->name, 'F');
  const char *line = stream->buffer, *end = stream->buffer + stream->held;
  for (const char *newline; (newline = memchr(line, '\n', (size_t)(end - line))) != NULL; line = newline + 1) {
    add_line(log, whole, line, (size_t)(newline - line) + 1, true);
    stream->partial = false;
  }
  stream->held = (size_t)(end - line);
  if (stream->held == sizeof stream->buffer) {
    make_prefix(part, stream->name, 'P');
    add_line(log, part, line, stream->held, false);
    stream->partial = true;
    stream->held = 0;
  }
  write_batch(log);
  memmove(stream->buffer, line, stream->held);
}

void log_finish(struct log *log, struct stream *stream)
{
  while (log_pump(log, stream)) continue;
  if (stream->held == 0 && !stream->partial) return;
  char prefix[64];
  make_prefix(prefix, stream->name, 'F');
  add_line(log, prefix, stream->buffer, stream->held, false);
  write_batch(log);
  stream->held = 0;
  stream->partial = false;
}

static void add_part(const char *text, size_t size)
{
  batch.parts[batch.count++] = (struct iovec){.iov_base = (void *)text, .iov_len = size};
  batch.bytes += size;
}

static void add_line(struct log *log, const char *prefix, const char *text, size_t size, bool newline)
{
  if (batch.count > 3 * LINES_PER_WRITE - 3) write_batch(log);
  add_part(prefix, strlen(prefix));
  add_part(text, size);
  if (!newline) add_part("\n", 1);
}

/**
 * A full disk must not stop the container: what cannot be written is dropped and counted, and the count is written when
 * there is room again.
 */
static void write_batch(struct log *log)
{
  if (batch.count == 0) return;
  if (log->max_bytes > 0 && log->size > 0 && log->size + batch.bytes > log->max_bytes) rotate(log);
  if (log->lost > 0) {
    char prefix[64], line[160];
    make_prefix(prefix, "stderr", 'F');
    int size = snprintf(line, sizeof line, "%stsstack: %llu bytes of output were lost\n", prefix,
                        (unsigned long long)log->lost);
    if (write(log->fd, line, (size_t)size) == size) {
      log->lost = 0;
      log->size += (uint64_t)size;
    }
  }
  ssize_t written;
  do written = writev(log->fd, batch.parts, batch.count);
  while (written < 0 && errno == EINTR);
  log->size += written < 0 ? 0 : (uint64_t)written;
  log->lost += written < 0 ? batch.bytes : batch.bytes - (size_t)written;
  batch.count = 0;
  batch.bytes = 0;
}

/** If there can be no new file, the old one goes on growing: late lines are better than none. */
static void rotate(struct log *log)
{
  char old[4096];
  if ((size_t)snprintf(old, sizeof old, "%s.1", log->path) >= sizeof old || rename(log->path, old) < 0) return;
  int fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd < 0) return;
  close(log->fd);
  log->fd = fd;
  log->size = 0;
}
