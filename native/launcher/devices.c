#include "devices.h"

#include "cleanup.h"
#include "fail.h"
#include "mounts.h"
#include "syscalls.h"
#include "targets.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* Linux allocated devices (admin-guide/devices.txt). */
static const struct {
  const char *name;
  unsigned major, minor;
} NODES[] = {{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

static const struct {
  const char *name, *to;
} LINKS[] = {{"ptmx", "pts/ptmx"},
             {"fd", "/proc/self/fd"},
             {"stdin", "/proc/self/fd/0"},
             {"stdout", "/proc/self/fd/1"},
             {"stderr", "/proc/self/fd/2"}};

static int make_nodes(int dev, uid_t owner);
static int make_below(int dev, const char *name, const char *type, const char *data);

int devices_attach(int root, const struct options *options)
{
  uid_t owner = root_of(options);
  char data[96];
  snprintf(data, sizeof data, "mode=755,size=64k,uid=%u,gid=%u", owner, owner);
  /* Made by host root, outside the user namespace: a tmpfs made inside is nodev for good, and mknod is refused there.
   */
  cleanup_fd int dev = mount_make("tmpfs", data, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  if (dev < 0) return fail("tmpfs", errno, "/dev");
  if (make_nodes(dev, owner) < 0) return -1;
  cleanup_fd int target = target_open(root, "/dev", true, owner);
  if (target < 0) return -1;
  if (mount_attach(dev, target) < 0) return fail("tmpfs", errno, "/dev");

  snprintf(data, sizeof data, "mode=1777,size=64m,uid=%u,gid=%u", owner, owner);
  if (make_below(dev, "shm", "tmpfs", data) < 0) return -1;
  /* gid 5 is tty on every distribution, and glibc's grantpt expects it. With few ids mapped there is none. */
  bool has_tty_group = options->id_size == 0 || options->id_size > 5;
  snprintf(data, sizeof data, has_tty_group ? "ptmxmode=0666,mode=0620,gid=%u" : "ptmxmode=0666,mode=0620", owner + 5);
  return make_below(dev, "pts", "devpts", data);
}

static int make_nodes(int dev, uid_t owner)
{
  for (size_t i = 0; i < sizeof NODES / sizeof *NODES; i++) {
    if (mknodat(dev, NODES[i].name, S_IFCHR | 0666, makedev(NODES[i].major, NODES[i].minor)) < 0 ||
        (owner != 0 && fchownat(dev, NODES[i].name, owner, owner, AT_SYMLINK_NOFOLLOW) < 0))
      return fail("mknod", errno, "/dev/%s", NODES[i].name);
  }
  for (size_t i = 0; i < sizeof LINKS / sizeof *LINKS; i++)
    if (symlinkat(LINKS[i].to, dev, LINKS[i].name) < 0 ||
        (owner != 0 && fchownat(dev, LINKS[i].name, owner, owner, AT_SYMLINK_NOFOLLOW) < 0))
      return fail("symlink", errno, "/dev/%s", LINKS[i].name);
  if (mkdirat(dev, "shm", 0755) < 0 || mkdirat(dev, "pts", 0755) < 0 || mkdirat(dev, "mqueue", 0755) < 0)
    return fail("mkdir", errno, "/dev");
  return 0;
}

static int make_below(int dev, const char *name, const char *type, const char *data)
{
  cleanup_fd int mount =
      mount_make(type, data, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | (type[0] == 't' ? MOUNT_ATTR_NODEV : 0));
  if (mount < 0) return fail(type, errno, "/dev/%s", name);
  if (sys_move_mount(mount, "", dev, name, MOVE_MOUNT_F_EMPTY_PATH) < 0) return fail(type, errno, "/dev/%s", name);
  return 0;
}
