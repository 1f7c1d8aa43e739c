/* What hides something of lower layers: overlayfs.rst, "whiteouts and opaque directories". */
#include "cleanup.h"
#include "fail.h"
#include "unpack_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/** Nothing that this layer has: empty, or whiteouts, or more of such directories that had no entry. Takes over the
 * descriptor. -1: an error. */
static int is_hollow(int fd)
{
  DIR *directory = fdopendir(fd);
  if (directory == NULL) {
    close(fd);
    return -1;
  }
  int hollow = tree_is_implicit(fd);
  for (struct dirent *entry; hollow == 1 && (errno = 0, entry = readdir(directory)) != NULL;) {
    struct stat there;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (fstatat(fd, entry->d_name, &there, AT_SYMLINK_NOFOLLOW) < 0)
      hollow = -1;
    else if (S_ISDIR(there.st_mode)) {
      int below = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
      hollow = below < 0 ? -1 : is_hollow(below);
    } else
      hollow = S_ISCHR(there.st_mode) && there.st_rdev == 0;
  }
  int error = errno;
  closedir(directory);
  errno = error;
  return hollow == 1 && error != 0 ? -1 : hollow;
}

int tree_whiteout(const struct place *place)
{
  struct stat there;
  if (fstatat(place->parent, place->name, &there, AT_SYMLINK_NOFOLLOW) < 0)
    return mknodat(place->parent, place->name, S_IFCHR, makedev(0, 0)) < 0 ? fail("whiteout", errno, "%s", place->name)
                                                                           : 0;
  if (!S_ISDIR(there.st_mode)) return 0;
  cleanup_fd int directory = openat(place->parent, place->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  int scan = directory < 0 ? -1 : openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int hollow = scan < 0 ? -1 : is_hollow(scan);
  if (hollow < 0) return fail("open", errno, "%s", place->name);
  if (hollow == 0) return tree_opaque(directory);
  /* Only whiteouts were below it: of what is removed whole, some tools say that of each file. */
  return tree_clear(place) < 0 ? -1 : tree_whiteout(place);
}
