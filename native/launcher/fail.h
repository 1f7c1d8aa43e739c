#pragma once

/** Why the work of this process, or of the part it is in, could not be done. */
struct failure {
  /** What was tried, one word of PROTOCOL.md: `clone3`, `overlay`, `bind`, `exec`. Empty: nothing failed. */
  char stage[32];
  int error;
  /** The thing it was tried on. */
  char detail[512];
};

/** Every failure goes through here. Keeps the first one, so that what follows from it does not hide it. Returns -1. */
int fail(const char *stage, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
const struct failure *failure(void);
void failure_clear(void);

/** Worth telling, no reason to stop. Kept until sent. A sentence for people. */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** The nth warning; a null pointer past the last. */
const char *warning(unsigned index);
