#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/** Longer lines are written in parts (CRI logging format: tags P and F). */
enum { LINE_BYTES = 16 * 1024 };

/** One of a container's outputs. */
struct stream {
  /** `stdout` or `stderr`. */
  const char *name;
  /** Read end of its pipe, non-blocking; -1 once at its end. */
  int fd;
  /** What was read and not written yet: less than a line. */
  size_t held;
  /** The last part written was P. */
  bool partial;
  char buffer[LINE_BYTES];
};

struct log {
  const char *path;
  uint64_t max_bytes;
  uint64_t size;
  int fd;
  /** Bytes that could not be written since the last that could. */
  uint64_t lost;
};

/** Appends to the file, made if it is not there. -1 after fail(). */
int log_open(struct log *log, const char *path, uint64_t max_bytes);
/** Reads once and writes whole lines. False when there is nothing more now: at the end, or the pipe is empty. */
bool log_pump(struct log *log, struct stream *stream);
/** Everything that is in the pipe, and the last line even without its newline. */
void log_finish(struct log *log, struct stream *stream);
