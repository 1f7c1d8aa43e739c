#include "privileges.h"

#include "cleanup.h"
#include "fail.h"
#include "syscalls.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>

int seccomp_read(const char *path, struct sock_fprog *program)
{
  program->len = 0;
  if (path == NULL) return 0;
  cleanup_fd int file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat found;
  if (file < 0 || fstat(file, &found) < 0) return fail("seccomp", errno, "%s", path);
  size_t size = (size_t)found.st_size;
  if (size == 0 || size % sizeof(struct sock_filter) != 0 || size / sizeof(struct sock_filter) > BPF_MAXINSNS)
    return fail("seccomp", EINVAL, "%s", path);
  program->filter = malloc(size);
  if (program->filter == NULL) return fail("seccomp", ENOMEM, "%s", path);
  ssize_t got = read(file, program->filter, size);
  if (got != (ssize_t)size) return fail("seccomp", got < 0 ? errno : EIO, "%s", path);
  program->len = (unsigned short)(size / sizeof(struct sock_filter));
  return 0;
}

int seccomp_install(const struct sock_fprog *program)
{
  if (program->len == 0) return 0;
  /* SPEC_ALLOW: without it kernels before 5.16 turn off speculation for the process, at a price (seccomp(2)). */
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, program) < 0)
    return fail("seccomp", errno, "%u instructions", program->len);
  return 0;
}

static int capabilities_get(uint64_t *permitted)
{
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) < 0) return -1;
  *permitted = (uint64_t)data[1].permitted << 32 | data[0].permitted;
  return 0;
}

static int capabilities_set(uint64_t capabilities)
{
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  uint32_t low = (uint32_t)capabilities, high = (uint32_t)(capabilities >> 32);
  struct __user_cap_data_struct data[2] = {{.effective = low, .permitted = low},
                                           {.effective = high, .permitted = high}};
  return (int)syscall(SYS_capset, &header, data);
}

static int set_ids(const struct command *command)
{
  gid_t groups[64];
  if (command->groups.count > sizeof groups / sizeof *groups)
    return fail("setgroups", E2BIG, "%zu", command->groups.count);
  for (size_t i = 0; i < command->groups.count; i++) groups[i] = (gid_t)command->groups.items[i];
  uid_t uid = (uid_t)command->uid;
  gid_t gid = (gid_t)command->gid;
  if (syscall(SYS_setgroups, command->groups.count, groups) < 0)
    return fail("setgroups", errno, "%zu", command->groups.count);
  if (syscall(SYS_setresgid, gid, gid, gid) < 0) return fail("setresgid", errno, "%u", gid);
  if (syscall(SYS_setresuid, uid, uid, uid) < 0) return fail("setresuid", errno, "%u", uid);
  return 0;
}

int privileges_drop(const struct command *command)
{
  for (int capability = 0; capability < 64; capability++) {
    if (command->capabilities & 1ULL << capability) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
    if (errno == EINVAL) break; /* past the last one of this kernel */
    return fail("capabilities", errno, "bounding set");
  }
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return fail("capabilities", errno, "ambient set");
  if (set_ids(command) < 0) return -1;
  /* setresuid(2) away from 0 has emptied the sets; what is left is cut down. Never more than the launcher itself has.
   */
  uint64_t permitted = 0;
  if (capabilities_get(&permitted) < 0 || capabilities_set(permitted & command->capabilities) < 0)
    return fail("capabilities", errno, "permitted set");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return fail("no_new_privs", errno, "prctl");
  return 0;
}

int privileges_keep_only(int capability)
{
  uint64_t permitted = 0;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return fail("no_new_privs", errno, "prctl");
  if (capabilities_get(&permitted) < 0 || capabilities_set(permitted & 1ULL << capability) < 0)
    return fail("capabilities", errno, "init");
  return 0;
}
