#include "pack_names.h"

#include "cleanup.h"
#include "fail.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/** overlayfs.rst, "whiteouts and opaque directories". One file system in three has no types in its directories. */
static int is_whiteout(int directory, const struct dirent *entry, bool *whiteout)
{
  *whiteout = false;
  if (entry->d_type != DT_CHR && entry->d_type != DT_UNKNOWN) return 0;
  struct stat found;
  if (fstatat(directory, entry->d_name, &found, AT_SYMLINK_NOFOLLOW) < 0)
    return fail("stat", errno, "%s", entry->d_name);
  *whiteout = S_ISCHR(found.st_mode) && found.st_rdev == 0;
  return 0;
}

static int no_memory(void)
{
  return fail("names", ENOMEM, "directory");
}

/** A byte that says whether it is a whiteout, the name, a NUL. */
static int read_all(DIR *directory, struct names *names)
{
  size_t size = 0, room = 0;
  for (struct dirent *entry; errno = 0, (entry = readdir(directory)) != NULL;) {
    bool whiteout;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (is_whiteout(dirfd(directory), entry, &whiteout) < 0) return -1;
    size_t length = strlen(entry->d_name) + 2;
    if (size + length > room) {
      room = room == 0 ? 1024 : 2 * room;
      char *grown = realloc(names->bytes, room);
      if (grown == NULL) return no_memory();
      names->bytes = grown;
    }
    names->bytes[size] = whiteout;
    memcpy(names->bytes + size + 1, entry->d_name, length - 1);
    size += length;
    names->count++;
  }
  return errno == 0 ? 0 : fail("read", errno, "directory");
}

static int compare(const void *a, const void *b)
{
  const struct name *left = a, *right = b;
  if (left->whiteout != right->whiteout) return left->whiteout ? -1 : 1;
  return strcmp(left->text, right->text);
}

int names_read(const char *path, struct names *names)
{
  *names = (struct names){0};
  int fd = sys_openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                       RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
  DIR *directory = fd < 0 ? NULL : fdopendir(fd);
  if (directory == NULL) {
    int error = errno;
    if (fd >= 0) close(fd);
    return fail("open", error, "directory");
  }
  int result = read_all(directory, names);
  closedir(directory);
  if (result < 0) return -1;
  names->list = malloc((names->count + 1) * sizeof *names->list);
  if (names->list == NULL) return no_memory();
  const char *next = names->bytes;
  for (size_t i = 0; i < names->count; i++, next += strlen(next) + 1) {
    names->list[i].whiteout = *next++ != 0;
    names->list[i].text = next;
  }
  qsort(names->list, names->count, sizeof *names->list, compare);
  return 0;
}

void names_free(struct names *names)
{
  free(names->list);
  free(names->bytes);
}
