#include "flush.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

int flush_main(const char *directory, char **marks, int count)
{
  cleanup_fd int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || syncfs(fd) < 0) {
    perror(directory);
    return 1;
  }
  int result = 0;
  for (int i = 0; i < count; i++) {
    if (unlinkat(fd, marks[i], 0) == 0 || errno == ENOENT) continue;
    perror(marks[i]);
    result = 1;
  }
  return result;
}
