#include "place.h"

#include "cleanup.h"
#include "fail.h"
#include "files.h"
#include "remove_tree.h"
#include "syscalls.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { CHUNK = 65536 };

static int open_parent(const char *path, const struct owner *owner, const char **name);
static int own(int parent, const char *name, const struct owner *owner);
static int copy(int source, int to, uint64_t *left);

/** A name beside the real one, that nobody else has. */
struct draft {
  char name[64];
};

static struct draft next_draft(void)
{
  static unsigned count;
  struct draft draft;
  snprintf(draft.name, sizeof draft.name, ".tsstack-%d-%u", (int)getpid(), count++);
  return draft;
}

/** rename(2) replaces all but a directory. */
static int put_in_place(int parent, const char *draft, const char *name)
{
  if (renameat(parent, draft, parent, name) == 0) return 0;
  if (errno != EISDIR || remove_tree(parent, name) < 0) return -1;
  return renameat(parent, draft, parent, name);
}

int place_directory(const char *path, mode_t mode, const struct owner *owner)
{
  const char *name;
  cleanup_fd int parent = open_parent(path, owner, &name);
  if (parent < 0) return -1;
  struct stat there;
  if (mkdirat(parent, name, mode & 0777) < 0) {
    if (errno != EEXIST) return fail("mkdir", errno, "%s", path);
    if (fstatat(parent, name, &there, 0) == 0 && S_ISDIR(there.st_mode)) return 0;
    if (unlinkat(parent, name, 0) < 0 || mkdirat(parent, name, mode & 0777) < 0)
      return fail("mkdir", errno, "%s", path);
  }
  return own(parent, name, owner) < 0 ? fail("chown", errno, "%s", path) : 0;
}

int place_symlink(const char *path, const char *target, const struct owner *owner)
{
  const char *name;
  cleanup_fd int parent = open_parent(path, owner, &name);
  if (parent < 0) return -1;
  struct draft draft = next_draft();
  if (symlinkat(target, parent, draft.name) < 0) return fail("symlink", errno, "%s", path);
  if (own(parent, draft.name, owner) == 0 && put_in_place(parent, draft.name, name) == 0) return 0;
  fail("symlink", errno, "%s", path);
  unlinkat(parent, draft.name, 0);
  return -1;
}

int place_file(const char *path, mode_t mode, const struct owner *owner, int source, uint64_t *left)
{
  const char *name;
  cleanup_fd int parent = open_parent(path, owner, &name);
  if (parent < 0) return -1;
  struct draft draft = next_draft();
  cleanup_fd int file = openat(parent, draft.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return fail("write", errno, "%s", path);
  /* The mode after the owner: chown(2) takes bits away. Never a set-user-ID one: it would be the container's user's. */
  if (copy(source, file, left) == 0 && own(parent, draft.name, owner) == 0 && fchmod(file, mode & 0777) == 0 &&
      put_in_place(parent, draft.name, name) == 0)
    return 0;
  fail("write", errno, "%s", path);
  unlinkat(parent, draft.name, 0);
  return -1;
}

int place_nothing(const char *path)
{
  const char *name;
  cleanup_fd int parent = open_parent(path, NULL, &name);
  if (parent < 0) {
    bool gone = failure()->error == ENOENT || failure()->error == ENOTDIR;
    if (gone) failure_clear();
    return gone ? 0 : -1;
  }
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return 0;
  if (errno == EISDIR && remove_tree(parent, name) == 0) return 0;
  return fail("remove", errno, "%s", path);
}

static int open_directory(const char *path)
{
  return sys_openat2(AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, RESOLVE_NO_MAGICLINKS);
}

static int own(int parent, const char *name, const struct owner *owner)
{
  /* What root makes is root's: without CAP_CHOWN that much still works. */
  if (owner->uid == 0 && owner->gid == 0) return 0;
  return fchownat(parent, name, owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW);
}

/** Each by the descriptor of the one above it. -1 with errno. */
static int make_directories(char *path, const struct owner *owner)
{
  int above = open_directory("/");
  for (char *end = path; end != NULL && above >= 0;) {
    char *component = end + 1;
    end = strchr(component, '/');
    if (end != NULL) *end = '\0';
    int next = open_directory(path);
    if (next < 0 && errno == ENOENT && mkdirat(above, component, 0755) == 0 && own(above, component, owner) == 0)
      next = open_directory(path);
    int error = errno;
    close(above);
    errno = error;
    above = next;
    if (end != NULL) *end = '/';
  }
  return above;
}

static bool is_plain(const char *path)
{
  if (path[0] != '/' || strlen(path) >= PATH_MAX) return false;
  for (const char *next = path; next != NULL; next = strchr(next, '/')) {
    size_t length = strcspn(++next, "/");
    if (length == 0 || (length <= 2 && strspn(next, ".") >= length)) return false;
  }
  return true;
}

/** O_PATH descriptor of the directory that `path` is in; `name`: the rest. Without an owner nothing is made. */
static int open_parent(const char *path, const struct owner *owner, const char **name)
{
  if (!is_plain(path)) return fail("path", EINVAL, "%s", path);
  *name = strrchr(path, '/') + 1;
  if (*name == path + 1) {
    int root = open_directory("/");
    return root < 0 ? fail("open", errno, "%s", path) : root;
  }
  cleanup_free char *directory = strndup(path, (size_t)(*name - path - 1));
  if (directory == NULL) return fail("open", ENOMEM, "%s", path);
  int parent = open_directory(directory);
  if (parent < 0 && errno == ENOENT && owner != NULL) parent = make_directories(directory, owner);
  return parent < 0 ? fail("open", errno, "%s", directory) : parent;
}

/** -1 with errno; EPIPE: the source ended before. */
static int copy(int source, int to, uint64_t *left)
{
  static char bytes[CHUNK];
  while (*left > 0) {
    ssize_t got = read(source, bytes, *left < CHUNK ? (size_t)*left : CHUNK);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0) errno = EPIPE;
    if (got <= 0) return -1;
    *left -= (uint64_t)got;
    if (write_all(to, bytes, (size_t)got) < 0) return -1;
  }
  return 0;
}
