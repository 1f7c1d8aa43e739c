#pragma once
/*
 * System calls that the C library wraps only in new versions, or not at all. <sys/mount.h> and <linux/mount.h> can't be
 * included together with some of them, so mount(2) is here too.
 */
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#ifndef MNT_DETACH
#define MNT_DETACH 2 /* umount2(2) */
#endif
#ifndef MOUNT_ATTR_IDMAP
#define MOUNT_ATTR_IDMAP 0x00100000
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC 4
#endif

static inline int sys_mount(const char *source, const char *target, const char *type, unsigned long flags,
                            const char *data)
{
  return (int)syscall(SYS_mount, source, target, type, flags, data);
}
static inline int sys_umount2(const char *target, int flags)
{
  return (int)syscall(SYS_umount2, target, flags);
}
static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
  return (int)syscall(SYS_pivot_root, new_root, put_old);
}
static inline int sys_open_tree(int directory, const char *path, unsigned flags)
{
  return (int)syscall(SYS_open_tree, directory, path, flags);
}
static inline int sys_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags)
{
  return (int)syscall(SYS_move_mount, from, from_path, to, to_path, flags);
}
static inline int sys_fsopen(const char *type, unsigned flags)
{
  return (int)syscall(SYS_fsopen, type, flags);
}
static inline int sys_fsconfig(int fs, unsigned command, const char *key, const void *value, int aux)
{
  return (int)syscall(SYS_fsconfig, fs, command, key, value, aux);
}
static inline int sys_fsmount(int fs, unsigned flags, unsigned attributes)
{
  return (int)syscall(SYS_fsmount, fs, flags, attributes);
}
static inline int sys_mount_setattr(int directory, const char *path, unsigned flags, struct mount_attr *attributes)
{
  return (int)syscall(SYS_mount_setattr, directory, path, flags, attributes, sizeof *attributes);
}
static inline int sys_openat2(int directory, const char *path, uint64_t flags, uint64_t resolve)
{
  struct open_how how = {.flags = flags, .resolve = resolve};
  return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}
static inline long sys_clone3(struct clone_args *arguments, size_t size)
{
  return syscall(SYS_clone3, arguments, size);
}
static inline int sys_pidfd_open(pid_t pid)
{
  return (int)syscall(SYS_pidfd_open, pid, 0);
}
static inline int sys_pidfd_send_signal(int pidfd, int signal)
{
  return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}
static inline int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
  return (int)syscall(SYS_close_range, first, last, flags);
}
