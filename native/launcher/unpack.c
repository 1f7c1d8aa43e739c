/*
 * One layer of an image (image-spec, layer.md) as a lowerdir of overlayfs. PROTOCOL.md has what comes on standard
 * output.
 */
#include "unpack.h"

#include "cleanup.h"
#include "fail.h"
#include "packets.h"
#include "unpack_archive.h"
#include "unpack_attributes.h"
#include "unpack_input.h"
#include "unpack_tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char WHITEOUT[] = ".wh.", WHITEOUT_OPAQUE[] = ".wh..wh..opq", WHITEOUT_META[] = ".wh..wh.";

static int extract_all(char *path_of_entry);
static int answer(const struct packet *packet);
static int tell_failure(const char *path);
static int tell_implicit(const char *path);
static int tell_unsupported(const struct entry *entry, const char *name);

int unpack_main(const char *directory)
{
  static char path[8192];
  attributes_tell_unsupported = tell_unsupported;
  umask(0);
  if (tree_open(directory) < 0 || extract_all(path) < 0) {
    tell_failure(path);
    return 1;
  }
  path[0] = '\0';
  if (tree_finish(tell_implicit) < 0 || input_drain() < 0) {
    tell_failure(path);
    return 1;
  }
  struct packet opaque = {.size = 0}, done = {.size = 0};
  packet_add(&opaque, "opaque");
  packet_add(&done, "done");
  return (tree_is_opaque() && answer(&opaque) < 0) || answer(&done) < 0;
}

static int extract(struct entry *entry, const struct place *place);
static int hide(const struct place *place);
static bool is_meta(const char *path);
static bool is_whiteout(const char *path);

/** Leaves the path of the entry that it stopped at. */
static int extract_all(char *path)
{
  struct entry entry;
  int got;
  while ((got = archive_next(&entry)) > 0) {
    snprintf(path, 8192, "%s", entry.path);
    struct place place;
    if (is_meta(entry.path)) continue;
    bool whiteout = is_whiteout(entry.path);
    int found = tree_find(entry.path, whiteout ? MISSING_MADE_IF_SHOWN : MISSING_MADE, &place);
    if (found < 0) return -1;
    if (found == 0 && (whiteout ? hide(&place) : extract(&entry, &place)) < 0) return -1;
    path[0] = '\0';
  }
  return got;
}

/** AUFS kept notes of its own in layers, under names that begin so. */
static bool is_meta(const char *path)
{
  for (const char *name = path; *name != '\0'; name += strcspn(name, "/"), name += strspn(name, "/")) {
    size_t length = strcspn(name, "/");
    bool opaque = length == sizeof WHITEOUT_OPAQUE - 1 && strncmp(name, WHITEOUT_OPAQUE, length) == 0;
    if (!opaque && strncmp(name, WHITEOUT_META, sizeof WHITEOUT_META - 1) == 0) return true;
  }
  return false;
}

/** By its name alone, whatever its type. */
static bool is_whiteout(const char *path)
{
  const char *last = path;
  for (const char *name = path; *name != '\0'; name += strcspn(name, "/"), name += strspn(name, "/")) last = name;
  return strncmp(last, WHITEOUT, sizeof WHITEOUT - 1) == 0;
}

static int hide(const struct place *place)
{
  if (strcmp(place->name, WHITEOUT_OPAQUE) == 0) {
    cleanup_fd int directory = openat(place->parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return directory < 0 ? fail("open", errno, "%s", place->name) : tree_opaque(directory);
  }
  const struct place hidden = {.parent = place->parent, .name = place->name + sizeof WHITEOUT - 1};
  if (hidden.name[0] == '\0' || strcmp(hidden.name, ".") == 0 || strcmp(hidden.name, "..") == 0)
    return fail("whiteout", EINVAL, "it names nothing");
  return tree_whiteout(&hidden);
}

static int make_directory(const struct entry *entry, const struct place *place)
{
  cleanup_fd int fd = tree_directory(place);
  return fd < 0 ? -1 : attributes_set(entry, place, fd);
}

static int make_file(const struct entry *entry, const struct place *place)
{
  if (tree_clear(place) < 0) return -1;
  cleanup_fd int fd = openat(place->parent, place->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return fail("open", errno, "%s", place->name);
  if (archive_content(entry, fd) < 0) return -1;
  /* Holes at the end, and there alone, are not there yet. */
  struct stat there;
  if (fstat(fd, &there) < 0 || ((uint64_t)there.st_size != entry->size && ftruncate(fd, (off_t)entry->size) < 0))
    return fail("write", errno, "size");
  return attributes_set(entry, place, fd);
}

/** To what this archive had before; never through a symbolic link at its end. It has its attributes already. */
static int make_hard_link(const struct entry *entry, const char *path)
{
  struct place from, to;
  struct stat source, there;
  char own_path[4096 * 2];
  snprintf(own_path, sizeof own_path, "%s", path);
  if (tree_find(entry->link, MISSING_REFUSED, &from) < 0) return -1;
  cleanup_fd int directory = fcntl(from.parent, F_DUPFD_CLOEXEC, 0);
  if (directory < 0) return fail("link", errno, "%s", entry->link);
  if (fstatat(directory, from.name, &source, AT_SYMLINK_NOFOLLOW) < 0) return fail("link", errno, "%s", entry->link);
  if (S_ISDIR(source.st_mode)) return fail("link", EISDIR, "%s", entry->link);
  if (tree_find(own_path, MISSING_MADE, &to) < 0) return -1;
  bool exists = fstatat(to.parent, to.name, &there, AT_SYMLINK_NOFOLLOW) == 0;
  if (exists && there.st_ino == source.st_ino && there.st_dev == source.st_dev) return 0;
  if (exists && tree_clear(&to) < 0) return -1;
  return linkat(directory, from.name, to.parent, to.name, 0) < 0 ? fail("link", errno, "%s", entry->link) : 0;
}

static int make_special(const struct entry *entry, const struct place *place)
{
  if (tree_clear(place) < 0) return -1;
  if (entry->type == ENTRY_SYMLINK) {
    if (symlinkat(entry->link, place->parent, place->name) < 0) return fail("symlink", errno, "%s", entry->link);
  } else {
    mode_t type = entry->type == ENTRY_FIFO ? S_IFIFO : entry->mode & S_IFMT;
    if (mknodat(place->parent, place->name, type | 0600, entry->device) < 0)
      return fail("mknod", errno, "%s", place->name);
  }
  return attributes_set(entry, place, -1);
}

static int extract(struct entry *entry, const struct place *place)
{
  if (entry->type == ENTRY_DIRECTORY) return make_directory(entry, place);
  if (place->name[0] == '\0') return fail("path", EINVAL, "the root is a directory");
  if (entry->type == ENTRY_FILE) return make_file(entry, place);
  if (entry->type == ENTRY_HARD_LINK) return make_hard_link(entry, entry->path);
  return make_special(entry, place);
}

/** A frame on standard output. */
static int answer(const struct packet *packet)
{
  return packet_write_frame(STDOUT_FILENO, packet) < 0 ? fail("answer", errno, "standard output") : 0;
}

static int tell_failure(const char *path)
{
  struct packet packet = {.size = 0};
  packet_add(&packet, "error");
  packet_add(&packet, path);
  packet_add(&packet, failure()->stage);
  packet_add_number(&packet, failure()->error);
  packet_add(&packet, failure()->detail);
  return answer(&packet);
}

static int tell_implicit(const char *path)
{
  struct packet packet = {.size = 0};
  packet_add(&packet, "implicit");
  packet_add(&packet, path);
  return answer(&packet);
}

static int tell_unsupported(const struct entry *entry, const char *name)
{
  struct packet packet = {.size = 0};
  packet_add(&packet, "unsupported");
  packet_add(&packet, entry->path);
  packet_add(&packet, name);
  packet_add_number(&packet, errno);
  return answer(&packet);
}
