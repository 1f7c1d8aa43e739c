/*
 * A layer's directory as an archive (image-spec, layer.md): what unpack reads, the other way round. The same tree gives
 * the same bytes, on any file system: nothing of its inode numbers, its order of names or its holes is in them.
 */
#include "pack.h"

#include "cleanup.h"
#include "fail.h"
#include "pack_attributes.h"
#include "pack_header.h"
#include "pack_links.h"
#include "pack_names.h"
#include "pack_output.h"
#include "packets.h"
#include "syscalls.h"
#include "unpack_pax.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char WHITEOUT[] = ".wh.", OPAQUE[] = ".wh..wh..opq";

/** Of what is being packed, from the directory, which is the working directory. The root is the empty string. */
static char path[PATH_MAX];

static int pack_directory(const struct stat *found);
static int parse_arguments(char **arguments, int count, const char **directory);

int pack_main(char **arguments, int count)
{
  const char *directory;
  if (parse_arguments(arguments, count, &directory) < 0) {
    fputs("usage: tsstack-launcher pack [--uid-base N] DIRECTORY\n", stderr);
    return 2;
  }
  if (chdir(directory) < 0) {
    fail("open", errno, "%s", directory);
    return pack_failed();
  }
  return pack_working_directory();
}

int pack_working_directory(void)
{
  struct stat root;
  int result = lstat(".", &root) < 0 ? fail("stat", errno, ".") : pack_directory(&root);
  return result == 0 && header_write_end() == 0 && output_flush() == 0 ? 0 : pack_failed();
}

int pack_failed(void)
{
  struct packet packet = {.size = 0};
  packet_add(&packet, "error");
  packet_add(&packet, path);
  packet_add(&packet, failure()->stage);
  packet_add_number(&packet, failure()->error);
  packet_add(&packet, failure()->detail);
  packet_write_frame(STDERR_FILENO, &packet);
  return 1;
}

static int parse_arguments(char **arguments, int count, const char **directory)
{
  uint64_t base = 0;
  bool shifted = count == 3 && strcmp(arguments[0], "--uid-base") == 0;
  if (shifted && (parse_decimal(arguments[1], strlen(arguments[1]), &base) < 0 || base > UINT32_MAX)) return -1;
  attributes_shift((uint32_t)base);
  *directory = count > 0 ? arguments[count - 1] : NULL;
  return shifted || count == 1 ? 0 : -1;
}

/** A name below the one at hand. Returns the length before, to be given back to leave(). -1: it is too long. */
static ssize_t enter(const char *prefix, const char *name)
{
  size_t length = strlen(path);
  int added = snprintf(path + length, sizeof path - length, "%s%s%s", length == 0 ? "" : "/", prefix, name);
  if ((size_t)added < sizeof path - length) return (ssize_t)length;
  path[length] = '\0';
  return fail("path", ENAMETOOLONG, "%s", name);
}

static void leave(ssize_t length)
{
  path[length] = '\0';
}

/** An empty file whose name says that something is hidden. Its attributes mean nothing. */
static int pack_whiteout(const char *prefix, const char *name)
{
  static const struct records none;
  ssize_t before = enter(prefix, name);
  if (before < 0) return -1;
  const struct packed entry = {.type = '0', .path = path, .link = ""};
  if (header_write(&entry, &none) < 0) return -1;
  leave(before);
  return 0;
}

/** Attributes that any entry has. `records` holds the extended ones until the next call. */
static int describe(const struct stat *found, struct packed *entry, const struct records **records, bool *opaque)
{
  static struct records xattrs;
  xattrs.size = 0;
  *entry = (struct packed){.path = path, .link = "", .mode = found->st_mode & 07777, .mtime = found->st_mtim};
  if (attributes_owner(found->st_uid, &entry->uid) < 0 || attributes_owner(found->st_gid, &entry->gid) < 0) return -1;
  *records = &xattrs;
  return attributes_read(*path == '\0' ? "." : path, &xattrs, opaque);
}

static int pack_content(uint64_t size)
{
  cleanup_fd int fd = sys_openat2(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC,
                                  RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
  if (fd < 0) return fail("open", errno, "file");
  return output_file(fd, size) < 0 ? -1 : header_write_padding(size);
}

/** Anything but a directory. */
static int pack_other(const struct stat *found)
{
  struct packed entry;
  const struct records *records;
  bool opaque;
  char target[PATH_MAX];
  if (describe(found, &entry, &records, &opaque) < 0) return -1;
  if (S_ISREG(found->st_mode)) {
    entry.type = '0';
    entry.size = (uint64_t)found->st_size;
  } else if (S_ISLNK(found->st_mode)) {
    ssize_t size = readlink(path, target, sizeof target - 1);
    if (size < 0) return fail("readlink", errno, "symbolic link");
    target[size] = '\0';
    entry.type = '2';
    entry.link = target;
  } else {
    entry.type = S_ISFIFO(found->st_mode) ? '6' : S_ISCHR(found->st_mode) ? '3' : '4';
    entry.device = found->st_rdev;
  }
  if (header_write(&entry, records) < 0) return -1;
  return S_ISREG(found->st_mode) ? pack_content(entry.size) : 0;
}

/** Its content and attributes are those of the file that came before. */
static int pack_link(const struct stat *found, const char *first)
{
  static const struct records none;
  struct packed entry = {
      .type = '1', .path = path, .link = first, .mode = found->st_mode & 07777, .mtime = found->st_mtim};
  if (attributes_owner(found->st_uid, &entry.uid) < 0 || attributes_owner(found->st_gid, &entry.gid) < 0) return -1;
  return header_write(&entry, &none);
}

static int pack_name(const char *name)
{
  struct stat found;
  const char *first = NULL;
  if (strncmp(name, WHITEOUT, sizeof WHITEOUT - 1) == 0) return fail("name", EINVAL, "`%s` would hide a file", name);
  if (lstat(path, &found) < 0) return fail("stat", errno, "%s", name);
  if (S_ISSOCK(found.st_mode)) return 0;
  if (S_ISDIR(found.st_mode)) return pack_directory(&found);
  if (found.st_nlink > 1 && links_find(found.st_dev, found.st_ino, path, &first) < 0) return -1;
  return first == NULL ? pack_other(&found) : pack_link(&found, first);
}

static int pack_children(void)
{
  struct names names;
  int result = names_read(*path == '\0' ? "." : path, &names);
  for (size_t i = 0; result == 0 && i < names.count; i++) {
    const struct name *name = &names.list[i];
    if (name->whiteout) {
      result = pack_whiteout(WHITEOUT, name->text);
      continue;
    }
    ssize_t before = enter("", name->text);
    result = before < 0 ? -1 : pack_name(name->text);
    if (result == 0) leave(before);
  }
  names_free(&names);
  return result;
}

/** What a layer's root is that nobody has touched says nothing of the image's: that is as layers below have it. */
static bool is_fresh_root(const struct packed *entry, const struct records *records)
{
  return *path == '\0' && entry->mode == 0755 && entry->uid == 0 && entry->gid == 0 && records->size == 0;
}

static int pack_directory(const struct stat *found)
{
  struct packed entry;
  const struct records *records;
  bool opaque;
  /* Not needed any more when it goes deeper. */
  static char name[PATH_MAX + 2];
  if (describe(found, &entry, &records, &opaque) < 0) return -1;
  snprintf(name, sizeof name, "%s/", *path == '\0' ? "." : path);
  entry.type = '5';
  entry.path = name;
  if (!is_fresh_root(&entry, records) && header_write(&entry, records) < 0) return -1;
  if (opaque && pack_whiteout("", OPAQUE) < 0) return -1;
  return pack_children();
}
