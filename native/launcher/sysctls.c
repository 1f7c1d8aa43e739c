#include "sysctls.h"

#include "fail.h"
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/*
 * What is under net/ipv4/conf/<interface> appears with the interface, which the engine makes while init waits. The
 * descriptor is of the mount below the read-only one, so that it stays writable.
 */
static int late = -1;

static int write_all_of(const struct options *options, int directory, bool missing_is_error)
{
  int missing = 0;
  for (size_t i = 0; i + 1 < options->sysctls.count; i += 2) {
    const char *path = options->sysctls.items[i];
    if (write_value(directory, path, options->sysctls.items[i + 1]) == 0) continue;
    if (errno != ENOENT || missing_is_error) return fail("sysctl", errno, "%s", path);
    missing++;
  }
  return missing;
}

int sysctls_write(const struct options *options)
{
  if (options->sysctls.count == 0) return 0;
  int directory = open("/proc/sys", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return fail("sysctl", errno, "/proc/sys");
  int missing = write_all_of(options, directory, false);
  if (missing > 0)
    late = directory;
  else
    close(directory);
  return missing < 0 ? -1 : 0;
}

int sysctls_write_late(const struct options *options)
{
  if (late < 0) return 0;
  int result = write_all_of(options, late, true);
  close(late);
  late = -1;
  return result;
}
