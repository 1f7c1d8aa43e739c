#include "hide.h"

#include "cleanup.h"
#include "fail.h"
#include "mounts.h"
#include "syscalls.h"

#include <errno.h>
#include <sys/stat.h>

static int mask(int root, const char *path, int *empty);
static int protect(int root, const char *path);

int hide_paths(const struct options *options)
{
  cleanup_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return fail("mask", errno, "/");
  cleanup_fd int empty = -1;
  for (size_t i = 0; i < options->masked_paths.count; i++)
    if (mask(root, options->masked_paths.items[i], &empty) < 0) return -1;
  for (size_t i = 0; i < options->readonly_paths.count; i++)
    if (protect(root, options->readonly_paths.items[i]) < 0) return -1;
  return 0;
}

static int copy_of(int mount)
{
  return sys_open_tree(mount, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
}

/** One empty read-only tmpfs serves all directories: the first is attached, the others are copies of it. */
static int cover_directory(int target, int *empty)
{
  if (*empty >= 0) {
    cleanup_fd int copy = copy_of(*empty);
    return copy < 0 ? -1 : mount_attach(copy, target);
  }
  *empty = mount_make("tmpfs", "mode=755,size=4k,nr_inodes=2",
                      MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  return *empty < 0 ? -1 : mount_attach(*empty, target);
}

static int mask(int root, const char *path, int *empty)
{
  cleanup_fd int target = open_in_root(root, path, 0);
  struct stat found;
  if (target < 0 && (errno == ENOENT || errno == ENOTDIR)) return 0;
  if (target < 0 || fstat(target, &found) < 0) return fail("mask", errno, "%s", path);
  if (S_ISDIR(found.st_mode)) return cover_directory(target, empty) < 0 ? fail("mask", errno, "%s", path) : 0;
  cleanup_fd int null = sys_open_tree(root, "dev/null", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (null < 0 || mount_attach(null, target) < 0) return fail("mask", errno, "%s", path);
  return 0;
}

static int protect(int root, const char *path)
{
  cleanup_fd int target = open_in_root(root, path, 0);
  if (target < 0 && (errno == ENOENT || errno == ENOTDIR)) return 0;
  if (target < 0) return fail("read-only", errno, "%s", path);
  cleanup_fd int copy = sys_open_tree(target, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE);
  struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
  if (copy < 0 || sys_mount_setattr(copy, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes) < 0 ||
      mount_attach(copy, target) < 0)
    return fail("read-only", errno, "%s", path);
  return 0;
}
