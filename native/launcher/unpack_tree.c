#include "unpack_tree.h"

#include "cleanup.h"
#include "fail.h"
#include "remove_tree.h"
#include "syscalls.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/** overlayfs.rst, "whiteouts and opaque directories" */
static const char OPAQUE[] = "trusted.overlay.opaque";
/** On a directory until an entry for it comes. Gone when all is done. */
static const char IMPLICIT[] = "trusted.tsstack.implicit";
enum { LINKS_MAX = 40 };

static int root = -1;

/** The last parent: consecutive entries mostly share it. `path`: from the root, without links. */
static struct {
  int fd;
  char path[PATH_MAX], asked[PATH_MAX];
  /** What was removed may be a link that it was found through. */
  bool stale;
} parent = {.fd = -1};

enum { HIDDEN = -2 };

static int walk(const char *path, enum missing missing);
static int remember(const char *path, struct timespec time);

int tree_open(const char *directory)
{
  root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return fail("open", errno, "%s", directory);
  /* In case no entry is for it. */
  if (fsetxattr(root, IMPLICIT, "y", 1, 0) < 0) return fail("xattr", errno, "%s", IMPLICIT);
  return remember("", (struct timespec){0});
}

static int open_below(const char *path, int flags)
{
  const char *from_root = *path == '\0' ? "." : path;
  return sys_openat2(root, from_root, (uint64_t)(flags | O_DIRECTORY | O_CLOEXEC),
                     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

static void forget_parent(void)
{
  if (parent.fd >= 0) close(parent.fd);
  parent.fd = -1;
  parent.stale = false;
}

/** In place: no empty and no `.` components, no slash at either end. */
static int tidy(char *path)
{
  char *to = path;
  size_t length;
  for (const char *from = path; *from != '\0'; from += length) {
    from += strspn(from, "/");
    length = strcspn(from, "/");
    if (length == 0 || (length == 1 && *from == '.')) continue;
    if (length == 2 && from[0] == '.' && from[1] == '.') return fail("path", EINVAL, "`..` in it");
    if (to != path) *to++ = '/';
    memmove(to, from, length);
    to += length;
  }
  *to = '\0';
  return 0;
}

int tree_find(char *path, enum missing missing, struct place *place)
{
  if (strlen(path) >= PATH_MAX) return fail("path", ENAMETOOLONG, "%zu bytes", strlen(path));
  if (tidy(path) < 0) return -1;
  char *slash = strrchr(path, '/');
  place->name = slash == NULL ? path : slash + 1;
  char directory[PATH_MAX];
  snprintf(directory, sizeof directory, "%.*s", slash == NULL ? 0 : (int)(slash - path), path);
  if (parent.fd < 0 || parent.stale || strcmp(parent.asked, directory) != 0) {
    forget_parent();
    snprintf(parent.asked, sizeof parent.asked, "%s", directory);
    memcpy(parent.path, directory, sizeof directory);
    parent.fd = open_below(directory, O_PATH);
    int found = parent.fd >= 0 ? parent.fd : walk(directory, missing);
    parent.fd = found < 0 ? -1 : found;
    if (found < 0) return found == HIDDEN ? 1 : -1;
  }
  place->parent = parent.fd;
  return 0;
}

/** Appends to the path from the root; -1: it is too long. */
static int append(char *path, const char *name, size_t length)
{
  size_t there = strlen(path);
  if (there + length + 2 > PATH_MAX) return fail("path", ENAMETOOLONG, "symbolic links");
  snprintf(path + there, PATH_MAX - there, "%s%.*s", there == 0 ? "" : "/", (int)length, name);
  return 0;
}

/** Makes a directory that no entry was there for. Its time is that of no day, so that it is the same at every
 * extraction. */
static int make_implicit(int above, const char *name)
{
  const struct place place = {.parent = above, .name = name};
  cleanup_fd int made = tree_directory(&place);
  if (made < 0) return -1;
  if (fchmod(made, 0755) < 0) return fail("chmod", errno, "%s", name);
  if (fsetxattr(made, IMPLICIT, "y", 1, 0) < 0) return fail("xattr", errno, "%s", IMPLICIT);
  return tree_time_later(&place, (struct timespec){0});
}

/** One component of `rest`, in the directory `parent.path`, which follows. `rest` grows by what a symbolic link has. */
static int step(char *rest, enum missing missing, unsigned *links)
{
  size_t length = strcspn(rest, "/");
  char name[NAME_MAX + 1], target[PATH_MAX], tail[PATH_MAX];
  if (length > NAME_MAX) return fail("path", ENAMETOOLONG, "%zu bytes", length);
  snprintf(name, sizeof name, "%.*s", (int)length, rest);
  snprintf(tail, sizeof tail, "%s", rest + length + strspn(rest + length, "/"));
  snprintf(rest, PATH_MAX, "%s", tail);
  if (strcmp(name, "..") == 0) {
    char *slash = strrchr(parent.path, '/');
    *(slash == NULL ? parent.path : slash) = '\0';
    return 0;
  }
  if (name[0] == '\0' || strcmp(name, ".") == 0) return 0;
  cleanup_fd int above = open_below(parent.path, O_PATH);
  if (above < 0) return fail("open", errno, "%s", parent.path);
  ssize_t size = readlinkat(above, name, target, sizeof target - 1);
  if (size < 0) {
    struct stat there;
    bool exists = fstatat(above, name, &there, AT_SYMLINK_NOFOLLOW) == 0;
    bool hidden = exists && S_ISCHR(there.st_mode) && there.st_rdev == 0;
    if (!exists && missing == MISSING_REFUSED) return fail("open", ENOENT, "%s", name);
    if (exists && !S_ISDIR(there.st_mode) && missing == MISSING_MADE_IF_SHOWN) return HIDDEN;
    if ((!exists || hidden) && make_implicit(above, name) < 0) return -1;
    if (exists && !hidden && !S_ISDIR(there.st_mode)) return fail("open", ENOTDIR, "%s", name);
    return append(parent.path, name, length);
  }
  if (++*links > LINKS_MAX) return fail("open", ELOOP, "%s", name);
  if (target[0] == '/') parent.path[0] = '\0';
  if ((size_t)size + strlen(tail) + 2 > PATH_MAX) return fail("path", ENAMETOOLONG, "symbolic links");
  target[size] = '/';
  memcpy(rest, target, (size_t)size + 1);
  memcpy(rest + size + 1, tail, strlen(tail) + 1);
  return 0;
}

/** Symbolic links are followed as if the root were `/`, also into what isn't there yet: a lower layer may have it. */
static int walk(const char *path, enum missing missing)
{
  char rest[PATH_MAX];
  unsigned links = 0;
  snprintf(rest, sizeof rest, "%s", path);
  parent.path[0] = '\0';
  while (rest[0] != '\0') {
    int result = step(rest, missing, &links);
    if (result < 0) return result;
  }
  int fd = open_below(parent.path, O_PATH);
  return fd < 0 ? fail("open", errno, "%s", parent.path) : fd;
}

int tree_clear(const struct place *place)
{
  if (unlinkat(place->parent, place->name, 0) < 0) {
    if (errno == ENOENT) return 0;
    if (errno != EISDIR || remove_tree(place->parent, place->name) < 0) return fail("remove", errno, "%s", place->name);
  }
  parent.stale = true;
  return 0;
}

int tree_directory(const struct place *place)
{
  const char *name = *place->name == '\0' ? "." : place->name;
  struct stat there;
  bool exists = fstatat(place->parent, name, &there, AT_SYMLINK_NOFOLLOW) == 0;
  bool hides = exists && S_ISCHR(there.st_mode) && there.st_rdev == 0;
  if (exists && !S_ISDIR(there.st_mode) && tree_clear(place) < 0) return -1;
  if ((!exists || !S_ISDIR(there.st_mode)) && mkdirat(place->parent, name, 0700) < 0)
    return fail("mkdir", errno, "%s", name);
  int fd = openat(place->parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return fail("open", errno, "%s", name);
  if (hides && tree_opaque(fd) < 0) {
    close(fd);
    return -1;
  }
  if (exists) fremovexattr(fd, IMPLICIT);
  return fd;
}

int tree_opaque(int directory)
{
  return fsetxattr(directory, OPAQUE, "y", 1, 0) < 0 ? fail("opaque", errno, "%s", OPAQUE) : 0;
}

bool tree_is_implicit(int directory)
{
  return fgetxattr(directory, IMPLICIT, NULL, 0) >= 0;
}

bool tree_is_opaque(void)
{
  return fgetxattr(root, OPAQUE, NULL, 0) > 0;
}

/** Times of directories, one after another: struct timespec, path from the root with its NUL. */
static struct {
  char *bytes;
  size_t size, room;
} times;

int tree_time_later(const struct place *place, struct timespec time)
{
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s", parent.path);
  if (*place->name != '\0' && append(path, place->name, strlen(place->name)) < 0) return -1;
  return remember(path, time);
}

static int remember(const char *path, struct timespec time)
{
  size_t size = sizeof time + strlen(path) + 1;
  if (times.size + size > times.room) {
    size_t room = times.room == 0 ? 65536 : 2 * times.room;
    char *grown = realloc(times.bytes, room);
    if (grown == NULL) return fail("times", ENOMEM, "%zu bytes", room);
    times.bytes = grown;
    times.room = room;
  }
  memcpy(times.bytes + times.size, &time, sizeof time);
  memcpy(times.bytes + times.size + sizeof time, path, size - sizeof time);
  times.size += size;
  return 0;
}

/** One that has been replaced meanwhile has a time of its own, or needs none. */
static int finish(const char *path, struct timespec time, int (*tell_implicit)(const char *path))
{
  cleanup_fd int directory = open_below(path, O_RDONLY);
  if (directory < 0) return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : fail("open", errno, "%s", path);
  if (fremovexattr(directory, IMPLICIT) == 0 && tell_implicit(path) < 0) return -1;
  const struct timespec both[2] = {time, time};
  return futimens(directory, both) < 0 ? fail("times", errno, "%s", path) : 0;
}

int tree_finish(int (*tell_implicit)(const char *path))
{
  struct timespec time;
  for (size_t at = 0; at < times.size; at += strlen(times.bytes + at) + 1) {
    memcpy(&time, times.bytes + at, sizeof time);
    at += sizeof time;
    if (finish(times.bytes + at, time, tell_implicit) < 0) return -1;
  }
  return 0;
}
