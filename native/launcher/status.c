#include "status.h"

#include "cleanup.h"
#include "fail.h"
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int64_t status_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int format(char *text, size_t size, const struct status *status)
{
  int length = snprintf(text, size, "state=%s\nboot=%s\nmonitor=%d %llu\ninit=%d %llu\ncreated=%lld\n", status->state,
                        status->boot_id, (int)status->monitor.pid, status->monitor.start_time, (int)status->init.pid,
                        status->init.start_time, (long long)status->created);
  if (status->started != 0)
    length += snprintf(text + length, size - (size_t)length, "started=%lld\n", (long long)status->started);
  if (status->finished == 0) return length;
  length += snprintf(text + length, size - (size_t)length, "finished=%lld\nexit_code=%d\nsignal=%d\noom=%d\n",
                     (long long)status->finished, status->exit_code, status->signal, status->oom);
  if (status->error == NULL) return length;
  int error_at = length;
  length += snprintf(text + length, size - (size_t)length, "error=%s", status->error);
  if ((size_t)length > size - 2) length = (int)size - 2;
  for (char *c = text + error_at; *c != '\0'; c++)
    if (*c == '\n') *c = ' ';
  text[length++] = '\n';
  return length;
}

int status_write(int directory, const struct status *status)
{
  char text[2048];
  int length = format(text, sizeof text, status);
  cleanup_fd int file = openat(directory, "status.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0 || write_all(file, text, (size_t)length) < 0 ||
      renameat(directory, "status.new", directory, "status") < 0)
    return fail("status", errno, "status");
  return 0;
}

void status_remove(int directory)
{
  unlinkat(directory, "status", 0);
  unlinkat(directory, "status.new", 0);
}
