#include "mounts.h"

#include "cleanup.h"
#include "fail.h"
#include "syscalls.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static int change(int mount, bool recursive, struct mount_attr attributes)
{
  attributes.propagation = MS_PRIVATE;
  return sys_mount_setattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attributes);
}

int mount_clone(const char *path, bool recursive, bool read_only, int ids)
{
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_NO_AUTOMOUNT | (recursive ? AT_RECURSIVE : 0);
  cleanup_fd int mount = sys_open_tree(AT_FDCWD, path, flags);
  if (mount < 0) return fail("bind", errno, "%s", path);
  struct mount_attr attributes = {.attr_set = read_only ? MOUNT_ATTR_RDONLY : 0};
  if (ids >= 0) {
    struct mount_attr mapped = attributes;
    mapped.attr_set |= MOUNT_ATTR_IDMAP;
    mapped.userns_fd = (uint64_t)ids;
    if (change(mount, recursive, mapped) == 0) return take_fd(&mount);
    /* EINVAL: this file system, or one below it, has no idmapped mounts (mount_setattr(2)); EPERM: it is one already.
     */
    if (errno != EINVAL && errno != EPERM && errno != EOPNOTSUPP) return fail("idmap", errno, "%s", path);
    warn("owners of files in `%s` are not mapped: %s", path, strerror(errno));
  }
  if (change(mount, recursive, attributes) < 0) return fail("mount_setattr", errno, "%s", path);
  return take_fd(&mount);
}

/** `size=64m,mode=1777` as one fsconfig(2) call each. */
static int configure(int fs, const char *data)
{
  char copy[512];
  if (strlen(data) >= sizeof copy) {
    errno = E2BIG;
    return -1;
  }
  strcpy(copy, data);
  char *rest = copy;
  for (char *key; (key = strsep(&rest, ",")) != NULL;) {
    if (*key == '\0') continue;
    char *value = strchr(key, '=');
    if (value != NULL) *value++ = '\0';
    unsigned command = value == NULL ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
    if (sys_fsconfig(fs, command, key, value, 0) < 0) return -1;
  }
  return 0;
}

int mount_make(const char *type, const char *data, unsigned attributes)
{
  cleanup_fd int fs = sys_fsopen(type, FSOPEN_CLOEXEC);
  if (fs < 0 || (data != NULL && configure(fs, data) < 0)) return -1;
  if (sys_fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0) return -1;
  return sys_fsmount(fs, FSMOUNT_CLOEXEC, attributes);
}

int mount_attach(int mount, int target)
{
  return sys_move_mount(mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int open_in_root(int root, const char *path, unsigned extra_flags)
{
  /* RESOLVE_NO_MAGICLINKS: a link in /proc/<pid> would jump straight out. EAGAIN: a rename raced with us (openat2(2)).
   */
  int fd, tries = 0;
  do fd = sys_openat2(root, path, O_PATH | O_CLOEXEC | extra_flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  while (fd < 0 && errno == EAGAIN && ++tries < 100);
  return fd;
}
