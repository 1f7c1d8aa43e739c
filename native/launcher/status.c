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

int status_open(int directory)
{
  if (unlinkat(directory, "status", 0) < 0 && errno != ENOENT) return fail("status", errno, "status");
  int file = openat(directory, "status", O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
  return file < 0 ? fail("status", errno, "status") : file;
}

static int format_end(char *text, size_t size, const struct status *status)
{
  int length =
      snprintf(text, size, "finished=%lld\nexit_code=%d\nsignal=%d\noom=%d\ninit_killed=%d\n",
               (long long)status->finished, status->exit_code, status->signal, status->oom, status->init_killed);
  if (status->error == NULL) return length;
  char error[1024];
  snprintf(error, sizeof error, "%s", status->error);
  for (char *c = error; *c != '\0'; c++)
    if (*c == '\n') *c = ' ';
  return length + snprintf(text + length, size - (size_t)length, "error=%s\n", error);
}

/*
 * A file that only grows, where the last line of a key counts and `state` comes last: a reader that meets half a write
 * takes the state before it. Writing a new file and renaming it would do too, at the price of three inodes for each
 * container and a flush of each (ext4(5), auto_da_alloc).
 */
int status_write(int file, const struct status *status)
{
  char text[2048];
  int length = 0;
  if (status->finished != 0)
    length = format_end(text, sizeof text, status);
  else if (status->started != 0)
    length = snprintf(text, sizeof text, "started=%lld\n", (long long)status->started);
  else
    length = snprintf(text, sizeof text, "boot=%s\nmonitor=%d %llu\ninit=%d %llu\ncreated=%lld\n", status->boot_id,
                      (int)status->monitor.pid, status->monitor.start_time, (int)status->init.pid,
                      status->init.start_time, (long long)status->created);
  length += snprintf(text + length, sizeof text - (size_t)length, "state=%s\n", status->state);
  return write_all(file, text, (size_t)length) < 0 ? fail("status", errno, "status") : 0;
}

void status_remove(int directory)
{
  unlinkat(directory, "status", 0);
}
