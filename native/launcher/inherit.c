/*
 * An archive need not have entries for the directories above its files. In an overlay such a directory, which unpack
 * had to make, would hide the mode and owner that a lower layer gives it: /tmp would not be writable any more. One
 * layer is shared by images with different layers below, so it isn't changed; a layer of such directories, with what
 * they should have, is put on top of all.
 */
#include "inherit.h"

#include "cleanup.h"
#include "fail.h"
#include "syscalls.h"
#include "unpack_pax.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

/** A directory that had no entry in the archive of its layer. */
struct implicit {
  const char *path;
  uint64_t layer;
};

static struct {
  /** Topmost first. */
  int layers[1024];
  size_t layer_count;
  struct implicit *list;
  size_t count;
  int target;
} given;

/** Whether there was anything to be done. */
static bool made;

static int open_given(char **arguments, int count);
static int read_implicit(void);
static int for_each_inheriting(int (*act)(const char *path));
static int make(const char *path);
static int copy_attributes(const char *path);

int inherit_main(char **arguments, int count)
{
  /* Attributes when all is there: what is made in a directory changes its time. */
  if (open_given(arguments, count) == 0 && read_implicit() == 0 && for_each_inheriting(make) == 0 &&
      for_each_inheriting(copy_attributes) == 0)
    return made && puts("made") < 0;
  fprintf(stderr, "%s `%s`: %s\n", failure()->stage, failure()->detail, strerror(failure()->error));
  return 1;
}

static int open_given(char **arguments, int count)
{
  for (int i = 0; i < count; i++) {
    int fd = open(arguments[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return fail("open", errno, "%s", arguments[i]);
    if (i == 0)
      given.target = fd;
    else if (given.layer_count < sizeof given.layers / sizeof *given.layers)
      given.layers[given.layer_count++] = fd;
    else
      return fail("open", E2BIG, "%d layers", count - 1);
  }
  return 0;
}

static int compare(const void *a, const void *b)
{
  const struct implicit *left = a, *right = b;
  int order = strcmp(left->path, right->path);
  if (order != 0) return order;
  return left->layer < right->layer ? -1 : left->layer > right->layer;
}

/** All of standard input, with a NUL after it. */
static char *read_input(size_t *size)
{
  char *bytes = NULL;
  *size = 0;
  for (size_t room = 0;;) {
    if (*size + 1 >= room) {
      room = room == 0 ? 65536 : 2 * room;
      char *grown = realloc(bytes, room);
      if (grown == NULL) return NULL;
      bytes = grown;
    }
    ssize_t got = read(STDIN_FILENO, bytes + *size, room - *size - 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return NULL;
    bytes[*size + (size_t)got] = '\0';
    if (got == 0) return bytes;
    *size += (size_t)got;
  }
}

/** Strings with a NUL after each: the number of a layer, a path in it, and so on. */
static int read_implicit(void)
{
  size_t size, strings = 0;
  char *bytes = read_input(&size);
  if (bytes == NULL) return fail("read", errno, "standard input");
  for (size_t i = 0; i < size; i++) strings += bytes[i] == '\0';
  given.list = calloc(strings / 2 + 1, sizeof *given.list);
  if (given.list == NULL) return fail("read", ENOMEM, "%zu directories", strings / 2);
  for (const char *next = bytes; given.count < strings / 2; given.count++) {
    struct implicit *implicit = &given.list[given.count];
    if (parse_decimal(next, strlen(next), &implicit->layer) < 0) return fail("read", EINVAL, "%s", next);
    implicit->path = next + strlen(next) + 1;
    next = implicit->path + strlen(implicit->path) + 1;
  }
  qsort(given.list, given.count, sizeof *given.list, compare);
  return 0;
}

static bool is_implicit(const char *path, size_t layer)
{
  const struct implicit wanted = {.path = path, .layer = layer};
  return bsearch(&wanted, given.list, given.count, sizeof *given.list, compare) != NULL;
}

static bool is_opaque(int directory)
{
  char value[4];
  return fgetxattr(directory, "trusted.overlay.opaque", value, sizeof value) == 1 && value[0] == 'y';
}

/**
 * What the layer has at the path: 1: a directory, 0: nothing, -1: an error. `hides`: lower layers' one isn't seen, if
 * there is any (overlayfs.rst, "whiteouts and opaque directories").
 */
static int look_up(int layer, const char *path, bool *hides)
{
  cleanup_fd int at = openat(layer, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (at < 0) return fail("open", errno, "%s", path);
  *hides = false;
  for (const char *next = path; *next != '\0'; next += strcspn(next, "/"), next += *next == '/') {
    char name[NAME_MAX + 1];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(next, "/"), next);
    int below = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below < 0 && errno == ENOENT) return 0;
    if (below < 0 && (errno == ENOTDIR || errno == ELOOP)) {
      *hides = true;
      return 0;
    }
    if (below < 0) return fail("open", errno, "%s", path);
    close(at);
    at = below;
    *hides |= is_opaque(at);
  }
  return 1;
}

/**
 * The layer whose attributes the merged directory should have: the topmost with an entry for it, or else the topmost.
 * -1: none, or an error. `shown`: that whose attributes it has.
 */
static int find_source(const char *path, int *shown)
{
  *shown = -1;
  bool hides = false;
  for (size_t i = 0; i < given.layer_count && !hides; i++) {
    int found = look_up(given.layers[i], path, &hides);
    if (found < 0) return -1;
    if (found == 0) continue;
    if (*shown < 0) *shown = (int)i;
    if (!is_implicit(path, i)) return (int)i;
  }
  return *shown;
}

/** With all above it, from the root on. */
static int act_on_all(const char *path, int (*act)(const char *path))
{
  char part[PATH_MAX];
  if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part) return fail("path", ENAMETOOLONG, "%.64s", path);
  if (act("") < 0) return -1;
  for (char *end = part; *path != '\0' && end != NULL; *end++ = '/') {
    end = strchr(end, '/');
    if (end == NULL) break;
    *end = '\0';
    if (act(part) < 0) return -1;
  }
  return *path == '\0' ? 0 : act(path);
}

/** Those that are shown with other attributes than they should have. */
static int for_each_inheriting(int (*act)(const char *path))
{
  for (size_t i = 0; i < given.count; i++) {
    int shown;
    if (i > 0 && strcmp(given.list[i].path, given.list[i - 1].path) == 0) continue;
    int source = find_source(given.list[i].path, &shown);
    if (source < 0 && failure()->stage[0] != '\0') return -1;
    if (source != shown && act_on_all(given.list[i].path, act) < 0) return -1;
  }
  return 0;
}

static int make(const char *path)
{
  made = true;
  if (*path == '\0' || mkdirat(given.target, path, 0700) == 0 || errno == EEXIST) return 0;
  return fail("mkdir", errno, "%s", path);
}

static int open_at(int root, const char *path)
{
  return sys_openat2(root, *path == '\0' ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
}

/** How layers are put together is said by each for itself. */
static int copy_xattrs(int from, int to, const char *path)
{
  static char list[XATTR_LIST_MAX], value[XATTR_SIZE_MAX];
  ssize_t size = flistxattr(from, list, sizeof list);
  if (size < 0) return errno == ENOTSUP ? 0 : fail("xattr", errno, "%s", path);
  for (const char *name = list; name < list + size; name += strlen(name) + 1) {
    if (strncmp(name, "trusted.overlay.", 16) == 0) continue;
    ssize_t got = fgetxattr(from, name, value, sizeof value);
    if (got < 0 || fsetxattr(to, name, value, (size_t)got, 0) < 0) return fail("xattr", errno, "%s", name);
  }
  return 0;
}

static int copy_attributes(const char *path)
{
  int shown, source = find_source(path, &shown);
  if (source < 0) return failure()->stage[0] != '\0' ? -1 : fail("open", ENOENT, "%s", path);
  cleanup_fd int from = open_at(given.layers[source], path);
  cleanup_fd int to = open_at(given.target, path);
  struct stat found;
  if (from < 0 || to < 0 || fstat(from, &found) < 0) return fail("open", errno, "%s", path);
  if (fchown(to, found.st_uid, found.st_gid) < 0 || fchmod(to, found.st_mode & 07777) < 0)
    return fail("attributes", errno, "%s", path);
  if (copy_xattrs(from, to, path) < 0) return -1;
  const struct timespec times[2] = {found.st_mtim, found.st_mtim};
  return futimens(to, times) < 0 ? fail("times", errno, "%s", path) : 0;
}
