/*
 * Directories that aren't empty are moved up next to their parent before they are emptied: so no path is ever longer
 * than two names, while an archive can make one longer than PATH_MAX and deeper than there are descriptors. An overlay
 * refuses to move what a lower layer has (overlayfs.rst, "renaming directories"): that is emptied where it is.
 */
#include "remove_tree.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int open_directory(int parent, const char *name)
{
  return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/** Moves what isn't empty to `top` (if it is another directory) under a name that is free there. */
static int move_up(int directory, const char *name, int top)
{
  static unsigned long count;
  char free_name[64];
  for (;;) {
    snprintf(free_name, sizeof free_name, ".tsstack-removed-%lu", count++);
    if (renameat(directory, name, top, free_name) == 0) return 0;
    if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR) return -1;
  }
}

/** Removes all in it that is no directory or an empty one; the rest is moved to `top`. */
static int flatten(int parent, const char *name, int top)
{
  int fd = open_directory(parent, name);
  DIR *directory = fd < 0 ? NULL : fdopendir(fd);
  if (directory == NULL) {
    int error = errno;
    if (fd >= 0) close(fd);
    errno = error;
    return -1;
  }
  int error = 0;
  for (struct dirent *entry; error == 0 && (entry = readdir(directory)) != NULL;) {
    const char *child = entry->d_name;
    if (strcmp(child, ".") == 0 || strcmp(child, "..") == 0) continue;
    if (unlinkat(fd, child, 0) == 0 || errno == ENOENT) continue;
    if (errno == EISDIR && unlinkat(fd, child, AT_REMOVEDIR) == 0) continue;
    if ((errno == ENOTEMPTY || errno == EEXIST) && move_up(fd, child, top) == 0) continue;
    if (errno != EXDEV || remove_tree(fd, child) < 0) error = errno;
  }
  closedir(directory);
  errno = error;
  return error != 0 ? -1 : unlinkat(parent, name, AT_REMOVEDIR);
}

int remove_tree(int parent, const char *name)
{
  cleanup_fd int top = open_directory(parent, name);
  if (top < 0) return -1;
  for (;;) {
    int scan = open_directory(top, ".");
    DIR *directory = scan < 0 ? NULL : fdopendir(scan);
    if (directory == NULL) {
      if (scan >= 0) close(scan);
      return -1;
    }
    bool found = false;
    int error = 0;
    for (struct dirent *entry; error == 0 && (entry = readdir(directory)) != NULL;) {
      const char *child = entry->d_name;
      if (strcmp(child, ".") == 0 || strcmp(child, "..") == 0) continue;
      found = true;
      if (unlinkat(top, child, 0) == 0 || errno == ENOENT) continue;
      if (errno != EISDIR || flatten(top, child, top) < 0) error = errno;
    }
    closedir(directory);
    errno = error;
    if (error != 0) return -1;
    if (!found) return unlinkat(parent, name, AT_REMOVEDIR);
  }
}

int remove_main(const char *path)
{
  if (remove_tree(AT_FDCWD, path) == 0 || errno == ENOENT) return 0;
  fprintf(stderr, "%s: %s\n", path, strerror(errno));
  return 1;
}
