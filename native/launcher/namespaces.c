#include "namespaces.h"

#include "cleanup.h"
#include "fail.h"
#include "files.h"
#include "process.h"
#include "syscalls.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

static pid_t clone_child(struct clone_args *arguments, int cgroup, const char *cgroup_path);
static int join(pid_t pid, const char *directory);

/*
 * Joined by the monitor, so that its child is born there: before it has a user namespace of its own, from which nobody
 * may enter (setns(2) asks for CAP_SYS_ADMIN over both). The monitor stays there. It ends with the container, and what
 * it does next is to mount the sysfs that shows this network namespace.
 */
int network_join(const struct options *options)
{
  if (options->network_of.count == 0) return 0;
  const char *pid = options->network_of.items[0];
  struct process process;
  if (process_parse(pid, options->network_of.items[1], &process) < 0)
    return fail("options", errno, "--network-of %s", pid);
  cleanup_fd int pidfd = process_open(&process);
  if (pidfd < 0) return fail("network", errno, "process %s", pid);
  if (setns(pidfd, CLONE_NEWNET) < 0) return fail("network", errno, "process %s", pid);
  return 0;
}

pid_t namespaces_clone(const struct options *options, int *pidfd)
{
  cleanup_fd int cgroup = -1;
  if (options->cgroup_unified != NULL) {
    cgroup = open(options->cgroup_unified, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (cgroup < 0) return fail("cgroup", errno, "%s", options->cgroup_unified);
  }
  /* CLONE_NEWCGROUP isn't here: the root of that namespace is the cgroup one is in when it is made, and the v1 ones
   * come later. */
  struct clone_args arguments = {
      .flags = CLONE_PIDFD | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC |
               (owns_network(options) ? CLONE_NEWNET : 0) | (options->id_size == 0 ? 0 : CLONE_NEWUSER),
      .pidfd = (uint64_t)(uintptr_t)pidfd,
      .exit_signal = SIGCHLD,
  };
  pid_t pid = clone_child(&arguments, cgroup, options->cgroup_unified);
  if (pid < 0) return fail("clone3", errno, "new namespaces");
  return pid;
}

static pid_t clone_child(struct clone_args *arguments, int cgroup, const char *cgroup_path)
{
  if (cgroup < 0) return (pid_t)sys_clone3(arguments, CLONE_ARGS_SIZE_VER1);
  struct clone_args into = *arguments;
  into.flags |= CLONE_INTO_CGROUP;
  into.cgroup = (uint64_t)cgroup;
  pid_t pid = (pid_t)sys_clone3(&into, CLONE_ARGS_SIZE_VER2);
  if (pid >= 0 || (errno != E2BIG && errno != EINVAL)) return pid;
  /* Before Linux 5.7 there is no CLONE_INTO_CGROUP. */
  pid = (pid_t)sys_clone3(arguments, CLONE_ARGS_SIZE_VER1);
  if (pid > 0 && join(pid, cgroup_path) < 0) {
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return -1;
  }
  return pid;
}

int namespaces_map_ids(pid_t pid, const struct options *options)
{
  if (options->id_size == 0) return 0;
  char map[64];
  snprintf(map, sizeof map, "0 %u %u\n", (unsigned)options->id_base, (unsigned)options->id_size);
  static const char *const files[] = {"uid_map", "gid_map"};
  for (int i = 0; i < 2; i++) {
    char path[48];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, files[i]);
    if (write_value(AT_FDCWD, path, map) < 0) return fail(files[i], errno, "0 %u", (unsigned)options->id_base);
  }
  return 0;
}

static int join(pid_t pid, const char *directory)
{
  char path[4096], text[16];
  if ((size_t)snprintf(path, sizeof path, "%s/cgroup.procs", directory) >= sizeof path)
    return fail("cgroup", ENAMETOOLONG, "%s", directory);
  snprintf(text, sizeof text, "%d", (int)pid);
  return write_value(AT_FDCWD, path, text) < 0 ? fail("cgroup", errno, "%s", directory) : 0;
}

int cgroups_join(pid_t pid, const struct options *options, bool unified)
{
  if (unified && options->cgroup_unified != NULL && join(pid, options->cgroup_unified) < 0) return -1;
  for (size_t i = 0; i < options->cgroups_legacy.count; i++)
    if (join(pid, options->cgroups_legacy.items[i]) < 0) return -1;
  return 0;
}
