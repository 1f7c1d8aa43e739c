#include "fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { WARNINGS = 8, WARNING_BYTES = 320 };

static struct failure first;
static char warnings[WARNINGS][WARNING_BYTES];
static unsigned warning_count;

int fail(const char *stage, int error, const char *format, ...)
{
  if (first.stage[0] != '\0') return -1;
  snprintf(first.stage, sizeof first.stage, "%s", stage);
  first.error = error;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(first.detail, sizeof first.detail, format, arguments);
  va_end(arguments);
  return -1;
}

const struct failure *failure(void)
{
  return &first;
}

void failure_clear(void)
{
  first.stage[0] = '\0';
}

void warn(const char *format, ...)
{
  if (warning_count == WARNINGS) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(warnings[warning_count++], WARNING_BYTES, format, arguments);
  va_end(arguments);
}

const char *warning(unsigned index)
{
  return index < warning_count ? warnings[index] : NULL;
}
