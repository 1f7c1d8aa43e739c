/*
 * A directory of an image as an archive: what a container of the image would see there. The layers are put together in
 * a mount namespace of this process alone, read-only, and symbolic links on the way mean what they mean in the image.
 */
#include "pack_merged.h"

#include "cleanup.h"
#include "fail.h"
#include "mounts.h"
#include "pack.h"
#include "syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NOT_THERE = 3 };

static int mount_image(const char *stage, char **lowers, int count);

int pack_merged_main(char **arguments, int count)
{
  if (count < 3) {
    fputs("usage: tsstack-launcher pack-merged STAGE PATH LOWER...\n", stderr);
    return 2;
  }
  if (mount_image(arguments[0], arguments + 2, count - 2) < 0) return pack_failed();
  cleanup_fd int root = open("m", O_PATH | O_DIRECTORY | O_CLOEXEC);
  cleanup_fd int directory = root < 0 ? -1 : open_in_root(root, arguments[1], O_DIRECTORY);
  if (directory < 0 && (errno == ENOENT || errno == ENOTDIR)) return NOT_THERE;
  if (directory < 0 || fchdir(directory) < 0) {
    fail("open", errno, "%s", arguments[1]);
    return pack_failed();
  }
  return pack_working_directory();
}

/* As for a container (rootfs.c): short names, because mount(2) takes one page of options, and `:` means something
 * there. */
static int mount_image(const char *stage, char **lowers, int count)
{
  if (unshare(CLONE_NEWNS) < 0) return fail("unshare", errno, "mount namespace");
  if (sys_mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) return fail("stage", errno, "/");
  if (sys_mount("tsstack", stage, "tmpfs", MS_NOSUID | MS_NODEV, "mode=700,size=4m") < 0 || chdir(stage) < 0)
    return fail("stage", errno, "%s", stage);
  char data[2048] = "lowerdir=";
  size_t length = strlen(data);
  for (int i = 0; i < count; i++) {
    char name[24];
    snprintf(name, sizeof name, "l%d", i);
    if (symlink(lowers[i], name) < 0) return fail("overlay", errno, "%s", lowers[i]);
    length += (size_t)snprintf(data + length, sizeof data - length, "%s:", name);
    if (length > sizeof data - 64) return fail("overlay", E2BIG, "%d layers", count);
  }
  /* Without an upperdir, overlayfs takes no single lowerdir (overlayfs.rst, "Multiple lower layers"). */
  snprintf(data + length, sizeof data - length, "e");
  if (mkdir("e", 0755) < 0 || mkdir("m", 0700) < 0 ||
      sys_mount("overlay", "m", "overlay", MS_RDONLY | MS_NODEV, data) < 0)
    return fail("overlay", errno, "%s", lowers[0]);
  return 0;
}
