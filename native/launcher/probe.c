#include "probe.h"

#include "cleanup.h"
#include "fail.h"
#include "files.h"
#include "mounts.h"
#include "syscalls.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/** A mapping that no user of the host has a file under; any would do. */
static const char MAP[] = "0 100000 65536\n";

static int user_namespace(void);
static int try_overlay(const char *directory, int ids);

int probe_idmap(const char *directory)
{
  cleanup_fd int ids = user_namespace();
  if (ids >= 0 && try_overlay(directory, ids) == 0) return 0;
  if (failure()->stage[0] != '\0')
    fprintf(stderr, "%s %s: %s\n", failure()->stage, failure()->detail, strerror(failure()->error));
  else
    fprintf(stderr, "%s\n", warning(0));
  return 1;
}

/** The namespace outlives the child it was made with, through the descriptor. */
static int user_namespace(void)
{
  struct clone_args arguments = {.flags = CLONE_NEWUSER, .exit_signal = SIGCHLD};
  pid_t pid = (pid_t)sys_clone3(&arguments, CLONE_ARGS_SIZE_VER0);
  if (pid < 0) return fail("clone3", errno, "user namespace");
  if (pid == 0) {
    for (;;) pause();
  }
  static const char *const files[] = {"uid_map", "gid_map"};
  char path[48];
  int ids = 0;
  for (int i = 0; i < 2 && ids == 0; i++) {
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, files[i]);
    if (write_value(AT_FDCWD, path, MAP) < 0) ids = fail(files[i], errno, "user namespace");
  }
  if (ids == 0) {
    snprintf(path, sizeof path, "/proc/%d/ns/user", (int)pid);
    ids = open(path, O_RDONLY | O_CLOEXEC);
    if (ids < 0) fail("open", errno, "%s", path);
  }
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
  return ids;
}

/** In a mount namespace that ends with this process, on a tmpfs that covers the directory there. */
static int try_overlay(const char *directory, int ids)
{
  if (unshare(CLONE_NEWNS) < 0 || sys_mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
    return fail("unshare", errno, "mount namespace");
  cleanup_fd int lower = mount_clone(directory, false, false, ids);
  if (lower < 0 || warning(0) != NULL) return -1;
  if (sys_mount("probe", directory, "tmpfs", 0, NULL) < 0 || chdir(directory) < 0)
    return fail("tmpfs", errno, "%s", directory);
  if (mkdir("l", 0700) < 0 || mkdir("u", 0700) < 0 || mkdir("w", 0700) < 0 || mkdir("m", 0700) < 0 ||
      sys_move_mount(lower, "", AT_FDCWD, "l", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
      sys_mount("overlay", "m", "overlay", 0, "lowerdir=l,upperdir=u,workdir=w") < 0)
    return fail("overlay", errno, "of idmapped %s", directory);
  return 0;
}
