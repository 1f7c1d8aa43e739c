#include "flush.h"

#include "cleanup.h"

#include <fcntl.h>
#include <stdio.h>

int flush_main(const char *directory)
{
  cleanup_fd int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0 && syncfs(fd) == 0) return 0;
  perror(directory);
  return 1;
}
