/*
 * Who mounts what, and why in two places.
 *
 * The monitor, which is host root, does what only host root can: an overlay with trusted xattrs, idmapped copies of
 * host directories, device nodes. It does so in a mount namespace of its own while init, already cloned, waits and the
 * engine configures init's network. Then it hands init one descriptor: a detached copy of the whole tree (open_tree(2)
 * with OPEN_TREE_CLONE | AT_RECURSIVE). Init attaches it (move_mount(2)), which is allowed in its own namespace for any
 * detached tree, and adds what belongs to its namespaces: /proc, /sys, the message queues, the cgroup view. A /sys that
 * shows a network namespace of others is the monitor's, too.
 *
 *   monitor                                     init (clone3'd before, user namespace's root)
 *   stage: tmpfs                                fsmount proc, sysfs (while the host's are still visible: the kernel
 *     l0 l1 …  idmapped lowers, or symlinks        refuses them to a user namespace that can't see a full one)
 *     c0 c1 …  content files                    move_mount(tree, "/"), pivot_root, detach the old root
 *     m        overlay                          attach proc, sysfs, mqueue, cgroup2
 *       /dev, binds, tmpfs                      masks, read-only paths
 *   open_tree(m) ───────── one descriptor ─────▶
 *
 * A tree that is moved in, unlike one that is inherited through clone(CLONE_NEWUSER | CLONE_NEWNS), carries no locked
 * mounts (mount_namespaces(7)): a container given CAP_SYS_ADMIN could undo masks and read-only flags. Containers don't
 * have it, and a user namespace they make themselves locks everything again.
 *
 * Everything mounted here is a slave of the host's mounts or private, so that an unmount on the host still reaches this
 * namespace and a device never stays busy because a container runs; and it dies with the monitor.
 */
#include "rootfs.h"

#include "cleanup.h"
#include "devices.h"
#include "fail.h"
#include "files.h"
#include "mounts.h"
#include "syscalls.h"
#include "targets.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int make_stage(const char *stage);
static int attach_sysfs(int target);
static int mount_overlay(const struct options *options, int ids);
static int mount_all(const struct options *options, int root, int ids);
static int make_working_dir(const struct options *options, int root);

int rootfs_build(const struct options *options, const char *stage, int ids)
{
  if (make_stage(stage) < 0) return -1;
  if (mount_overlay(options, ids) < 0) return -1;
  cleanup_fd int root = open("m", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return fail("overlay", errno, "%s", options->upperdir);
  if (devices_attach(root, options) < 0) return -1;
  cleanup_fd int proc = target_open(root, "/proc", true, root_of(options));
  cleanup_fd int sys = target_open(root, "/sys", true, root_of(options));
  if (proc < 0 || sys < 0) return -1;
  if (!owns_network(options) && attach_sysfs(sys) < 0) return -1;
  if (mount_all(options, root, ids) < 0 || make_working_dir(options, root) < 0) return -1;
  if (options->read_only_root) {
    struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
    if (sys_mount_setattr(root, "", AT_EMPTY_PATH, &read_only) < 0) return fail("read-only root", errno, "/");
  }
  int tree = sys_open_tree(root, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
  if (tree < 0) return fail("open_tree", errno, "/");
  if (chdir("/") < 0) return fail("chdir", errno, "/");
  return tree;
}

static int make_stage(const char *stage)
{
  if (unshare(CLONE_NEWNS) < 0) return fail("unshare", errno, "mount namespace");
  if (sys_mount("tsstack", stage, "tmpfs", MS_NOSUID | MS_NODEV, "mode=700,size=4m") < 0 || chdir(stage) < 0)
    return fail("stage", errno, "%s", stage);
  return 0;
}

/*
 * A sysfs shows the network namespace of who mounts it, and takes rights over that one (fs/sysfs/mount.c,
 * kobj_ns_current_may_mount): of a network namespace that isn't the container's own, only the monitor has them.
 */
static int attach_sysfs(int target)
{
  unsigned quiet = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
  cleanup_fd int sys = mount_make("sysfs", NULL, quiet | MOUNT_ATTR_RDONLY);
  return sys < 0 || mount_attach(sys, target) < 0 ? fail("sysfs", errno, "/sys") : 0;
}

/** `name`, relative to the stage, stands for a lowerdir. */
static int place_lower(const char *name, const char *path, int ids)
{
  if (ids < 0) return symlink(path, name) < 0 ? fail("overlay", errno, "%s", path) : 0;
  cleanup_fd int mount = mount_clone(path, false, false, ids);
  if (mount < 0) return -1;
  if (mkdir(name, 0700) < 0 || sys_move_mount(mount, "", AT_FDCWD, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
    return fail("overlay", errno, "%s", path);
  return 0;
}

/**
 * A fresh upperdir belongs to the container's root. Not idmapped itself: a mounter that is host root has no id there,
 * and the kernel makes the overlay read-only without a word (EOVERFLOW on the workdir).
 */
static int own_upper(const char *upper, uid_t owner)
{
  struct stat found;
  if (stat(upper, &found) < 0) return fail("overlay", errno, "%s", upper);
  if (found.st_uid == owner) return 0;
  if (chown(upper, owner, owner) < 0 || chmod(upper, 0755) < 0) return fail("overlay", errno, "%s", upper);
  return 0;
}

/*
 * mount(2) takes one page of options, in which `:` and `,` mean something, and images have up to 127 layers. Short
 * names in the stage, which overlayfs resolves from the working directory, avoid the limit and the escaping.
 */
static int mount_overlay(const struct options *options, int ids)
{
  char data[2048] = "lowerdir=";
  size_t length = strlen(data);
  for (size_t i = 0; i < options->lowerdirs.count; i++) {
    char name[24];
    snprintf(name, sizeof name, "l%zu", i);
    if (place_lower(name, options->lowerdirs.items[i], ids) < 0) return -1;
    length += (size_t)snprintf(data + length, sizeof data - length, "%s%s", i == 0 ? "" : ":", name);
    if (length > sizeof data - 96) return fail("overlay", E2BIG, "%zu layers", options->lowerdirs.count);
  }
  if (options->id_size != 0 && own_upper(options->upperdir, root_of(options)) < 0) return -1;
  /* Whatever the kernel's defaults are: with these, the upperdir has all that was changed, and can become a layer. */
  snprintf(data + length, sizeof data - length, ",upperdir=u,workdir=w,redirect_dir=off,metacopy=off");
  if (symlink(options->upperdir, "u") < 0 || symlink(options->workdir, "w") < 0 || mkdir("m", 0700) < 0 ||
      sys_mount("overlay", "m", "overlay", MS_NODEV, data) < 0)
    return fail("overlay", errno, "%s", options->upperdir);
  return 0;
}

static int make_content(const struct mount *mount, size_t index, uid_t owner)
{
  char name[24];
  snprintf(name, sizeof name, "c%zu", index);
  cleanup_fd int file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0 || fchmod(file, 0644) < 0 || fchown(file, owner, owner) < 0 ||
      write_all(file, mount->source, strlen(mount->source)) < 0)
    return fail("content", errno, "%s", mount->target);
  return mount_clone(name, false, true, -1);
}

static int make_mount(const struct mount *mount, size_t index, uid_t owner, int ids)
{
  if (mount->type == MOUNT_BIND) return mount_clone(mount->source, true, mount->read_only, ids);
  if (mount->type == MOUNT_CONTENT) return make_content(mount, index, owner);
  char data[512];
  snprintf(data, sizeof data, "uid=%u,gid=%u%s%s", owner, owner, *mount->source == '\0' ? "" : ",", mount->source);
  unsigned attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (mount->read_only ? MOUNT_ATTR_RDONLY : 0);
  int made = mount_make("tmpfs", data, attributes);
  return made < 0 ? fail("tmpfs", errno, "%s", mount->target) : made;
}

static int mount_all(const struct options *options, int root, int ids)
{
  uid_t owner = root_of(options);
  for (size_t i = 0; i < options->mount_count; i++) {
    const struct mount *mount = &options->mounts[i];
    cleanup_fd int made = make_mount(mount, i, owner, ids);
    struct stat found;
    if (made < 0) return -1;
    if (fstat(made, &found) < 0) return fail("bind", errno, "%s", mount->target);
    cleanup_fd int target = target_open(root, mount->target, S_ISDIR(found.st_mode), owner);
    if (target < 0) return -1;
    if (mount_attach(made, target) < 0) return fail("bind", errno, "%s", mount->target);
  }
  return 0;
}

/** Made if missing, as Docker does. What is under /proc and /sys is not there yet. */
static int make_working_dir(const struct options *options, int root)
{
  const char *path = options->command.working_dir;
  if (strncmp(path, "/proc/", 6) == 0 || strncmp(path, "/sys/", 5) == 0 || strcmp(path, "/") == 0) return 0;
  cleanup_fd int directory = target_open(root, path, true, root_of(options));
  return directory < 0 ? -1 : 0;
}
