#include "title.h"

#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>

/* The arguments lie one after another; /proc/<pid>/cmdline shows that memory as it is (proc(5)). */
static char *area;
static size_t area_size;

void title_remember(int argc, char **argv)
{
  area = argv[0];
  area_size = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) + 1 - argv[0]);
}

void title_set(const char *title)
{
  size_t length = strnlen(title, area_size - 1);
  memset(area, 0, area_size);
  memcpy(area, title, length);
  prctl(PR_SET_NAME, title, 0, 0, 0);
}
