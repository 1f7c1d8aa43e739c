#include "targets.h"

#include "cleanup.h"
#include "fail.h"
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>

/* Where a walk has come to. Everything in `resolved` exists and is no symlink. */
struct walk {
  int root;
  bool directory;
  uid_t owner;
  int links;
  char resolved[PATH_MAX];
  char pending[PATH_MAX];
};

static int walk(struct walk *walk, const char *path);

int target_open(int root, const char *path, bool directory, uid_t owner)
{
  cleanup_fd int target = open_in_root(root, path, 0);
  if (target < 0 && errno == ENOENT) {
    struct walk state = {.root = root, .directory = directory, .owner = owner};
    if (walk(&state, path) < 0) return fail("target", errno, "%s", path);
    /* Once more by the kernel's own rules: what the walk found by text is not to be trusted. */
    target = open_in_root(root, state.resolved[0] == '\0' ? "." : state.resolved, 0);
  }
  if (target < 0) return fail("target", errno, "%s", path);
  struct stat found;
  if (fstat(target, &found) < 0) return fail("target", errno, "%s", path);
  if (directory && !S_ISDIR(found.st_mode)) return fail("target", ENOTDIR, "%s", path);
  if (!directory && S_ISDIR(found.st_mode)) return fail("target", EISDIR, "%s", path);
  return take_fd(&target);
}

static int make(int parent, const char *name, bool directory)
{
  if (directory) return mkdirat(parent, name, 0755);
  cleanup_fd int file = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  return file < 0 ? -1 : 0;
}

/*
 * Host root has no id in an idmapped mount, so that the kernel cannot write an owner down: EOVERFLOW. There, act as the
 * container's root, which owns what we need to write to.
 */
static int make_owned(int parent, const char *name, bool directory, uid_t owner)
{
  if (make(parent, name, directory) == 0)
    return owner == 0 ? 0 : fchownat(parent, name, owner, owner, AT_SYMLINK_NOFOLLOW);
  if (errno != EOVERFLOW) return -1;
  setfsgid(owner);
  setfsuid(owner);
  int result = make(parent, name, directory);
  int error = errno;
  setfsuid(0);
  setfsgid(0);
  errno = error;
  return result;
}

static int follow(struct walk *walk, int parent, const char *name)
{
  char link[PATH_MAX], rest[PATH_MAX];
  if (++walk->links > 40) return errno = ELOOP, -1;
  ssize_t size = readlinkat(parent, name, link, sizeof link - 1);
  if (size < 0) return -1;
  link[size] = '\0';
  strcpy(rest, walk->pending);
  if ((size_t)snprintf(walk->pending, sizeof walk->pending, "%s/%s", link, rest) >= sizeof walk->pending)
    return errno = ENAMETOOLONG, -1;
  if (link[0] == '/') walk->resolved[0] = '\0';
  return 0;
}

static int step(struct walk *walk, const char *name, bool last)
{
  cleanup_fd int parent = open_in_root(walk->root, walk->resolved[0] == '\0' ? "." : walk->resolved, O_DIRECTORY);
  if (parent < 0) return -1;
  struct stat found;
  if (fstatat(parent, name, &found, AT_SYMLINK_NOFOLLOW) < 0) {
    if (errno != ENOENT || make_owned(parent, name, walk->directory || !last, walk->owner) < 0) return -1;
  } else if (S_ISLNK(found.st_mode)) {
    return follow(walk, parent, name);
  }
  size_t length = strlen(walk->resolved);
  size_t room = sizeof walk->resolved - length;
  if ((size_t)snprintf(walk->resolved + length, room, "/%s", name) >= room) return errno = ENAMETOOLONG, -1;
  return 0;
}

static int walk(struct walk *walk, const char *path)
{
  if (strlen(path) >= sizeof walk->pending) return errno = ENAMETOOLONG, -1;
  strcpy(walk->pending, path);
  while (walk->pending[0] != '\0') {
    char name[NAME_MAX + 1];
    size_t length = strcspn(walk->pending, "/");
    if (length > NAME_MAX) return errno = ENAMETOOLONG, -1;
    memcpy(name, walk->pending, length);
    name[length] = '\0';
    size_t skip = length + strspn(walk->pending + length, "/");
    memmove(walk->pending, walk->pending + skip, strlen(walk->pending + skip) + 1);
    if (length == 0 || strcmp(name, ".") == 0) continue;
    if (strcmp(name, "..") == 0) {
      char *slash = strrchr(walk->resolved, '/');
      if (slash != NULL) *slash = '\0';
    } else if (step(walk, name, walk->pending[0] == '\0') < 0) {
      return -1;
    }
  }
  return 0;
}
