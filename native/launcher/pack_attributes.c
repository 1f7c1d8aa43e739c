#include "pack_attributes.h"

#include "cleanup.h"
#include "fail.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <linux/posix_acl_xattr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

/** As many as a container's user namespace has (PROTOCOL.md, `--id-size`). */
enum { IDS = 65536 };

/** <linux/posix_acl.h> */
enum { TAG_USER = 0x02, TAG_GROUP = 0x08 };

static uint32_t base;

void attributes_shift(uint32_t first)
{
  base = first;
}

int attributes_owner(uint32_t id, uint32_t *shifted)
{
  *shifted = id - base;
  if (base != 0 && (id < base || *shifted >= IDS))
    return fail("owner", ERANGE, "%u is none of the container's ids", id);
  return 0;
}

static bool begins(const char *name, const char *prefix)
{
  return strncmp(name, prefix, strlen(prefix)) == 0;
}

/**
 * What overlayfs notes for itself, what unpack wouldn't set, and what this host's security modules say of its files: no
 * other host could read an image with those.
 */
static bool is_left_out(const char *name)
{
  static const char *const prefixes[] = {"trusted.overlay.", "user.overlay.", "trusted.tsstack."};
  static const char *const names[] = {"security.selinux", "security.ima", "security.evm", "system.nfs4_acl"};
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
    if (begins(name, prefixes[i])) return true;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0) return true;
  return false;
}

/** capabilities(7), "File capability extended attribute versioning": version 3 is 2 with the namespace's root after it.
 */
static int shift_capability(void *value, size_t *size)
{
  struct vfs_ns_cap_data *data = value;
  if (base == 0 || *size != XATTR_CAPS_SZ_3) return 0;
  uint32_t magic = le32toh(data->magic_etc), owner;
  if ((magic & VFS_CAP_REVISION_MASK) != VFS_CAP_REVISION_3) return 0;
  if (attributes_owner(le32toh(data->rootid), &owner) < 0) return -1;
  data->rootid = htole32(owner);
  if (owner != 0) return 0;
  data->magic_etc = htole32((magic & ~VFS_CAP_REVISION_MASK) | VFS_CAP_REVISION_2);
  *size = XATTR_CAPS_SZ_2;
  return 0;
}

/** acl(5) in the form of <linux/posix_acl_xattr.h>: ids in it are owners, too. */
static int shift_list(void *value, size_t size)
{
  struct posix_acl_xattr_header *header = value;
  struct posix_acl_xattr_entry *entries = (void *)(header + 1);
  if (base == 0 || size < sizeof *header) return 0;
  for (size_t i = 0; i < (size - sizeof *header) / sizeof *entries; i++) {
    uint16_t tag = le16toh(entries[i].e_tag);
    uint32_t owner;
    if (tag != TAG_USER && tag != TAG_GROUP) continue;
    if (attributes_owner(le32toh(entries[i].e_id), &owner) < 0) return -1;
    entries[i].e_id = htole32(owner);
  }
  return 0;
}

static int read_one(const char *path, const char *name, struct records *records, bool *opaque)
{
  static _Alignas(8) char value[XATTR_SIZE_MAX];
  char key[sizeof "SCHILY.xattr." + XATTR_NAME_MAX];
  ssize_t got = lgetxattr(path, name, value, sizeof value);
  if (got < 0) return fail("xattr", errno, "%s", name);
  size_t size = (size_t)got;
  if (strcmp(name, "trusted.overlay.opaque") == 0) *opaque = size == 1 && value[0] == 'y';
  /* The content is somewhere else then: overlayfs.rst, "metadata only copy up" and "redirect_dir". */
  if (strcmp(name, "trusted.overlay.metacopy") == 0 || strcmp(name, "trusted.overlay.redirect") == 0)
    return fail("xattr", ENOTSUP, "%s", name);
  if (is_left_out(name)) return 0;
  /* The key ends at the first `=`. */
  if (strchr(name, '=') != NULL) return fail("xattr", EINVAL, "%s", name);
  if (strcmp(name, "security.capability") == 0 && shift_capability(value, &size) < 0) return -1;
  if (begins(name, "system.posix_acl_") && shift_list(value, size) < 0) return -1;
  snprintf(key, sizeof key, "SCHILY.xattr.%s", name);
  return records_add(records, key, value, size);
}

static int compare(const void *a, const void *b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int attributes_read(const char *path, struct records *records, bool *opaque)
{
  static char list[XATTR_LIST_MAX];
  static const char *names[XATTR_LIST_MAX / 2];
  *opaque = false;
  ssize_t size = llistxattr(path, list, sizeof list);
  if (size < 0) return errno == ENOTSUP ? 0 : fail("xattr", errno, "list");
  size_t count = 0;
  for (const char *name = list; name < list + size; name += strlen(name) + 1) names[count++] = name;
  qsort(names, count, sizeof *names, compare);
  for (size_t i = 0; i < count; i++)
    if (read_one(path, names[i], records, opaque) < 0) return -1;
  return 0;
}
