#include "unpack_attributes.h"

#include "fail.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

int (*attributes_tell_unsupported)(const struct entry *entry, const char *name);

/**
 * Those that say how layers are put together are ours alone: with a redirect an image could show what another directory
 * of a lower layer has (overlayfs.rst, "redirect_dir").
 */
static bool is_ours(const char *name)
{
  static const char *const ours[] = {"trusted.overlay.", "user.overlay.", "trusted.tsstack."};
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
    if (strncmp(name, ours[i], strlen(ours[i])) == 0) return true;
  return false;
}

static int set_xattr(const struct entry *entry, const char *name, const struct xattr *xattr, int fd)
{
  if (is_ours(xattr->name)) return 0;
  int result = fd >= 0 ? fsetxattr(fd, xattr->name, xattr->value, xattr->size, 0)
                       : lsetxattr(name, xattr->name, xattr->value, xattr->size, 0);
  if (result == 0) return 0;
  /* xattr(7): no `user.` ones on links and special files. */
  if (errno == ENOTSUP || (errno == EPERM && strncmp(xattr->name, "user.", 5) == 0 && fd < 0))
    return attributes_tell_unsupported(entry, xattr->name);
  return fail("xattr", errno, "%s", xattr->name);
}

/** After the owner: chown(2) takes capabilities away. There is no call with a directory and a name before Linux 6.13.
 */
static int set_xattrs(const struct entry *entry, const struct place *place, int fd)
{
  if (entry->attributes[0]->xattr_count + entry->attributes[1]->xattr_count == 0) return 0;
  if (fd < 0 && fchdir(place->parent) < 0) return fail("xattr", errno, "%s", place->name);
  for (int i = 0; i < 2; i++)
    for (size_t j = 0; j < entry->attributes[i]->xattr_count; j++)
      if (set_xattr(entry, place->name, &entry->attributes[i]->xattrs[j], fd) < 0) return -1;
  return 0;
}

/** A default list of the directory above (acl(5)) has been given to what was made in it. */
static int drop_inherited(const struct entry *entry, const struct place *place, int fd)
{
  static const char *const lists[] = {"system.posix_acl_access", "system.posix_acl_default"};
  if (entry->type == ENTRY_SYMLINK) return 0;
  if (fd < 0 && fchdir(place->parent) < 0) return fail("xattr", errno, "%s", place->name);
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
    int result = fd >= 0 ? fremovexattr(fd, lists[i]) : lremovexattr(place->name, lists[i]);
    if (result < 0 && errno != ENODATA && errno != ENOTSUP) return fail("xattr", errno, "%s", lists[i]);
  }
  return 0;
}

static bool has_default_list(const struct entry *entry)
{
  for (int i = 0; i < 2; i++)
    for (size_t j = 0; j < entry->attributes[i]->xattr_count; j++)
      if (strcmp(entry->attributes[i]->xattrs[j].name, "system.posix_acl_default") == 0) return true;
  return false;
}

int attributes_set(const struct entry *entry, const struct place *place, int fd)
{
  static bool lists_are_inherited;
  const struct timespec times[2] = {entry->mtime, entry->mtime};
  int result = fd >= 0 ? fchown(fd, entry->uid, entry->gid)
                       : fchownat(place->parent, place->name, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW);
  if (result < 0) return fail("chown", errno, "%u:%u", entry->uid, entry->gid);
  if (lists_are_inherited && drop_inherited(entry, place, fd) < 0) return -1;
  lists_are_inherited |= has_default_list(entry);
  /* After the owner, too: chown(2) takes the set-ID bits. */
  if (entry->type != ENTRY_SYMLINK) {
    mode_t mode = entry->mode & 07777;
    result = fd >= 0 ? fchmod(fd, mode) : fchmodat(place->parent, place->name, mode, 0);
    if (result < 0) return fail("chmod", errno, "%o", mode);
  }
  if (set_xattrs(entry, place, fd) < 0) return -1;
  if (entry->type == ENTRY_DIRECTORY) return tree_time_later(place, entry->mtime);
  result = fd >= 0 ? futimens(fd, times) : utimensat(place->parent, place->name, times, AT_SYMLINK_NOFOLLOW);
  return result < 0 ? fail("times", errno, "%s", place->name) : 0;
}
