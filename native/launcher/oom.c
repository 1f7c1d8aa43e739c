/*
 * v1 (cgroup-v1/memory.rst, 10. OOM Control): an eventfd that is registered in `cgroup.event_control` is written to
 * when the cgroup runs out of memory: before the victim is chosen, and so before it is counted. Whoever is told looks
 * again.
 *
 * v2 (cgroup-v2.rst, "memory.events"): a change of the file is told to poll(2), after it was counted. Other counts are
 * in the file too: `max` of a container that lives at its limit changes all the time, and is nobody's business.
 */
#include "oom.h"

#include "cleanup.h"
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

static int count(int fd, unsigned long long *kills);
static int announce(const char *file, int event, int counted);

unsigned long long oom_kills(const char *text)
{
  for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
    line += *line == '\n';
    if (strncmp(line, "oom_kill ", 9) == 0) return strtoull(line + 9, NULL, 10);
  }
  return 0;
}

int oom_open(const char *file, struct oom *oom)
{
  const char *name = strrchr(file, '/');
  oom->legacy = name != NULL && strcmp(name, "/memory.oom_control") == 0;
  cleanup_fd int counted = open(file, O_RDONLY | O_CLOEXEC);
  if (counted < 0) return -1;
  /* kernfs: a poll tells what has changed since the last read. */
  if (!oom->legacy) return count(counted, &oom->kills) < 0 ? -1 : take_fd(&counted);
  cleanup_fd int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event < 0 || announce(file, event, counted) < 0) return -1;
  return take_fd(&event);
}

/** A file of kernfs is always readable; EPOLLPRI is that it has changed (fs/kernfs/file.c, kernfs_generic_poll). */
uint32_t oom_epoll_events(const struct oom *oom)
{
  return oom->legacy ? EPOLLIN : EPOLLPRI;
}

enum oom_news oom_hear(struct oom *oom, int fd)
{
  if (oom->legacy) {
    eventfd_t times;
    return eventfd_read(fd, &times) == 0 ? OOM_TOLD : OOM_NOTHING;
  }
  unsigned long long before = oom->kills;
  if (count(fd, &oom->kills) < 0) return OOM_GONE;
  return oom->kills > before ? OOM_TOLD : OOM_NOTHING;
}

static int count(int fd, unsigned long long *kills)
{
  char text[1024];
  ssize_t size = pread(fd, text, sizeof text - 1, 0);
  if (size < 0) return -1;
  text[size] = '\0';
  *kills = oom_kills(text);
  return 0;
}

/** `<eventfd> <descriptor of memory.oom_control>`. The kernel forgets it when the eventfd is closed. */
static int announce(const char *file, int event, int counted)
{
  char path[PATH_MAX], value[32];
  int directory = (int)(strrchr(file, '/') - file);
  if ((size_t)snprintf(path, sizeof path, "%.*s/cgroup.event_control", directory, file) >= sizeof path)
    return errno = ENAMETOOLONG, -1;
  snprintf(value, sizeof value, "%d %d", event, counted);
  return write_value(AT_FDCWD, path, value);
}
