/** Files that have several names: a hash table with open addressing. */
#include "pack_links.h"

#include "fail.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct link {
  /** Null: free. */
  char *path;
  dev_t device;
  ino_t inode;
};

static struct {
  struct link *links;
  /** A power of two. */
  size_t room, count;
} table;

/** Where it is, or belongs. */
static struct link *slot(struct link *links, size_t room, dev_t device, ino_t inode)
{
  uint64_t hash = (inode ^ (uint64_t)device << 32) * 0x9e3779b97f4a7c15u;
  for (size_t at = (size_t)(hash >> 20) & (room - 1);; at = (at + 1) & (room - 1)) {
    struct link *link = &links[at];
    if (link->path == NULL || (link->inode == inode && link->device == device)) return link;
  }
}

static int grow(void)
{
  size_t room = table.room == 0 ? 256 : 2 * table.room;
  struct link *grown = calloc(room, sizeof *grown);
  if (grown == NULL) return fail("links", ENOMEM, "%zu hard links", table.count);
  for (size_t i = 0; i < table.room; i++)
    if (table.links[i].path != NULL) *slot(grown, room, table.links[i].device, table.links[i].inode) = table.links[i];
  free(table.links);
  table.links = grown;
  table.room = room;
  return 0;
}

int links_find(dev_t device, ino_t inode, const char *path, const char **first)
{
  if (table.count >= table.room / 2 && grow() < 0) return -1;
  struct link *link = slot(table.links, table.room, device, inode);
  *first = link->path;
  if (link->path != NULL) return 0;
  *link = (struct link){.path = strdup(path), .device = device, .inode = inode};
  if (link->path == NULL) return fail("links", ENOMEM, "%zu hard links", table.count);
  table.count++;
  return 0;
}
