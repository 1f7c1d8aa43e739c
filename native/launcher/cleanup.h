#pragma once
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

static inline void close_owned_fd(int *fd)
{
  if (*fd >= 0) close(*fd);
}

static inline void free_owned(void *pointer)
{
  free(*(void **)pointer);
}

/** The variable owns what it holds: closed or freed when it goes out of scope. */
#define cleanup_fd __attribute__((cleanup(close_owned_fd)))
#define cleanup_free __attribute__((cleanup(free_owned)))

/** Gives up ownership. */
static inline int take_fd(int *fd)
{
  int taken = *fd;
  *fd = -1;
  return taken;
}
