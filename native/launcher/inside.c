#include "inside.h"

#include "cleanup.h"
#include "fail.h"
#include "hide.h"
#include "mounts.h"
#include "syscalls.h"
#include "sysctls.h"

#include <errno.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

static int become_root(const struct options *options);
static int raise_loopback(void);
static int enter_root(int tree);
static int mount_own(const struct options *options, int proc, int sys);

int inside_prepare(const struct options *options, int tree)
{
  if (become_root(options) < 0) return -1;
  if (unshare(CLONE_NEWCGROUP) < 0) return fail("unshare", errno, "cgroup namespace");
  if (sethostname(options->hostname, strlen(options->hostname)) < 0)
    return fail("sethostname", errno, "%s", options->hostname);
  if (owns_network(options) && raise_loopback() < 0) return -1;
  umask(022);
  /* Before the host's own are out of sight: mount_too_revealing() in fs/namespace.c asks for a full one to be visible.
   */
  unsigned quiet = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  cleanup_fd int proc = mount_make("proc", NULL, quiet);
  if (proc < 0) return fail("proc", errno, "/proc");
  cleanup_fd int sys = owns_network(options) ? mount_make("sysfs", NULL, quiet | MOUNT_ATTR_RDONLY) : -1;
  if (owns_network(options) && sys < 0) return fail("sysfs", errno, "/sys");
  if (enter_root(tree) < 0 || mount_own(options, proc, sys) < 0) return -1;
  if (sysctls_write(options) < 0) return -1;
  return hide_paths(options);
}

/** Raw system calls: the ids of a process that is about to be someone else's, with no thread to keep in step. */
static int become_root(const struct options *options)
{
  if (options->id_size == 0) return 0;
  if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
    return fail("setresuid", errno, "0");
  return 0;
}

static int raise_loopback(void)
{
  cleanup_fd int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  if (udp < 0 || ioctl(udp, SIOCSIFFLAGS, &request) < 0) return fail("link up", errno, "lo");
  return 0;
}

/*
 * The tree goes on top of the old root, so that no path of the host has to be looked up (we may not be allowed to).
 * Then pivot_root(2), "pivot_root(".", ".")": old and new root stacked at one place, the old one on top, and detached.
 */
static int enter_root(int tree)
{
  if (sys_move_mount(tree, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0) return fail("move_mount", errno, "/");
  if (fchdir(tree) < 0 || sys_pivot_root(".", ".") < 0) return fail("pivot_root", errno, "/");
  if (sys_umount2(".", MNT_DETACH) < 0) return fail("umount", errno, "the old root");
  if (chdir("/") < 0) return fail("chdir", errno, "/");
  return 0;
}

/** No symlink is followed: an image that makes one of /proc would have us hide and protect the wrong place. */
static int attach(int mount, const char *path)
{
  cleanup_fd int target = sys_openat2(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, RESOLVE_NO_SYMLINKS);
  return target < 0 ? -1 : mount_attach(mount, target);
}

static int mount_own(const struct options *options, int proc, int sys)
{
  if (attach(proc, "/proc") < 0) return fail("proc", errno, "/proc");
  if (sys >= 0 && attach(sys, "/sys") < 0) return fail("sysfs", errno, "/sys");
  unsigned quiet = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  if (options->cgroup_unified != NULL) {
    cleanup_fd int cgroup = mount_make("cgroup2", NULL, quiet | MOUNT_ATTR_RDONLY);
    if (cgroup < 0 || attach(cgroup, "/sys/fs/cgroup") < 0)
      warn("no cgroup view at `/sys/fs/cgroup`: %s", strerror(errno));
  }
  cleanup_fd int queues = mount_make("mqueue", NULL, quiet);
  if (queues < 0 || attach(queues, "/dev/mqueue") < 0) {
    /* A kernel without CONFIG_POSIX_MQUEUE knows no such file system; a user's mount may hide our /dev. */
    if (errno != ENODEV && errno != ENOENT) return fail("mqueue", errno, "/dev/mqueue");
  }
  return 0;
}
