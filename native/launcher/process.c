#include "process.h"

#include "cleanup.h"
#include "files.h"
#include "syscalls.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int process_identify(pid_t pid, struct process *process)
{
  char path[32], text[1024];
  snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
  if (read_small(AT_FDCWD, path, text, sizeof text) < 0) {
    if (errno == ENOENT) errno = ESRCH;
    return -1;
  }
  /* The second field, the command in parentheses, may hold spaces and parentheses itself: count from the last one. */
  char *field = strrchr(text, ')');
  for (int number = 2; field != NULL && number < 22; number++) field = strchr(field + 1, ' ');
  if (field == NULL) {
    errno = EPROTO;
    return -1;
  }
  process->pid = pid;
  process->start_time = strtoull(field + 1, NULL, 10);
  return 0;
}

int process_open(const struct process *process)
{
  cleanup_fd int pidfd = sys_pidfd_open(process->pid);
  if (pidfd < 0) return -1;
  struct process found;
  if (process_identify(process->pid, &found) < 0) return -1;
  /* The pidfd may be of a process that died before stat was read, with the number given away in between: ask it again.
   */
  if (found.start_time != process->start_time || sys_pidfd_send_signal(pidfd, 0) < 0) {
    errno = ESRCH;
    return -1;
  }
  return take_fd(&pidfd);
}

int process_parse(const char *pid, const char *start_time, struct process *process)
{
  char *pid_end = NULL, *time_end = NULL;
  errno = 0;
  long number = strtol(pid, &pid_end, 10);
  process->start_time = strtoull(start_time, &time_end, 10);
  if (errno != 0 || number <= 0 || *pid_end != '\0' || *time_end != '\0' || pid_end == pid || time_end == start_time) {
    errno = EINVAL;
    return -1;
  }
  process->pid = (pid_t)number;
  return 0;
}
