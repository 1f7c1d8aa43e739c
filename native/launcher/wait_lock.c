#include "wait_lock.h"

#include <errno.h>
#include <stdio.h>
#include <sys/file.h>

int wait_lock(void)
{
  while (flock(3, LOCK_EX) < 0) {
    if (errno == EINTR) continue;
    perror("flock");
    return 1;
  }
  return 0;
}
