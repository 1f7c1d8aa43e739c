/*
 * The kernel's own floor: what the namespaces, the overlay, pivot_root and the exec of N containers cost when one C
 * process does nothing else. No network, no cgroup, no seccomp, no logs, no init: an engine adds those, and is measured
 * against this.
 *
 *   floor LOWERDIR WORKSPACE N     prints {"upMs":…,"downMs":…}
 *
 * LOWERDIR is a root filesystem with /bin/busybox; WORKSPACE an empty directory on a file system that can be an
 * upperdir. Runs in a mount namespace of its own, so that nothing stays but the files in WORKSPACE, which the caller
 * removes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONTAINERS 1000
/* Host uids of container i: above everything that useradd hands out. */
#define UID_BASE 1000000

/* linux/sched.h, struct clone_args: only the fields of its first version are needed. */
struct clone3_args {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

static const uint64_t all_namespaces =
    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;

static void fail(const char *operation)
{
  fprintf(stderr, "floor: %s: %s\n", operation, strerror(errno));
  _exit(1);
}

static double now_ms(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static char *format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
static char *format(const char *pattern, ...)
{
  char *text;
  va_list arguments;
  va_start(arguments, pattern);
  if (vasprintf(&text, pattern, arguments) < 0) fail("vasprintf");
  va_end(arguments);
  return text;
}

static void make_directory(const char *path, uid_t owner)
{
  if (mkdir(path, 0755)) fail(path);
  if (chown(path, owner, owner)) fail("chown");
}

static void write_file(const char *path, const char *content)
{
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, content, strlen(content)) < 0) fail(path);
  close(fd);
}

/* The overlay of container i, mounted by the host's root. Returns where. */
static char *mount_root(const char *lower, const char *workspace, int i)
{
  char *upper = format("%s/upper%d", workspace, i);
  char *work = format("%s/work%d", workspace, i);
  char *merged = format("%s/merged%d", workspace, i);
  char *options = format("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work);
  make_directory(upper, UID_BASE + i * 65536);
  make_directory(work, 0);
  make_directory(merged, 0);
  if (mount("overlay", merged, "overlay", 0, options)) fail("mount overlay");
  free(upper), free(work), free(options);
  return merged;
}

/* In the child: enter the root and become busybox. `go` is readable when the id maps are written. */
static void become(const char *root, int go)
{
  char byte;
  if (read(go, &byte, 1) != 1) fail("read");
  if (setresgid(0, 0, 0) || setresuid(0, 0, 0)) fail("setresuid");
  /* Mounts inherited from the parent's user namespace are locked (mount_namespaces(7)): a bind of our own is not. */
  if (mount(root, root, NULL, MS_BIND | MS_REC, NULL)) fail("mount bind");
  if (chdir(root)) fail("chdir");
  if (mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL)) fail("mount proc");
  if (syscall(SYS_pivot_root, ".", ".")) fail("pivot_root");
  if (umount2(".", MNT_DETACH)) fail("umount2");
  execl("/bin/busybox", "sleep", "1000000", (char *)NULL);
  fail("execl");
}

/* Starts container i. `exec_done` has its write end open in every child until it has become busybox. */
static pid_t start(const char *lower, const char *workspace, int i, const int exec_done[2])
{
  int go[2];
  if (pipe2(go, O_CLOEXEC)) fail("pipe2");
  char *root = mount_root(lower, workspace, i);
  struct clone3_args arguments = {.flags = all_namespaces, .exit_signal = SIGCHLD};
  pid_t pid = syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) fail("clone3");
  if (pid == 0) {
    close(exec_done[0]);
    close(go[1]);
    become(root, go[0]);
  }
  char *map = format("0 %d 65536\n", UID_BASE + i * 65536);
  char *uid_map = format("/proc/%d/uid_map", pid);
  char *gid_map = format("/proc/%d/gid_map", pid);
  write_file(uid_map, map);
  write_file(gid_map, map);
  if (write(go[1], "", 1) != 1) fail("write");
  close(go[0]);
  close(go[1]);
  free(root), free(map), free(uid_map), free(gid_map);
  return pid;
}

int main(int argc, char **argv)
{
  int count = argc == 4 ? atoi(argv[3]) : 0;
  if (count < 1 || count > MAX_CONTAINERS) {
    fprintf(stderr, "usage: floor LOWERDIR WORKSPACE N (1 to %d)\n", MAX_CONTAINERS);
    return 2;
  }
  static pid_t pids[MAX_CONTAINERS];
  int exec_done[2];
  if (unshare(CLONE_NEWNS)) fail("unshare");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) fail("mount private");
  if (pipe2(exec_done, O_CLOEXEC)) fail("pipe2");

  double started = now_ms();
  for (int i = 0; i < count; i++) pids[i] = start(argv[1], argv[2], i, exec_done);
  close(exec_done[1]);
  char byte;
  /* End of file: the last child has exec'ed, which closed its copy. */
  if (read(exec_done[0], &byte, 1) != 0) fail("read");
  double up = now_ms();
  double stopping = now_ms();
  for (int i = 0; i < count; i++) kill(pids[i], SIGKILL);
  for (int i = 0; i < count; i++) {
    int status;
    if (waitpid(pids[i], &status, 0) < 0) fail("waitpid");
    /* One that failed closed its copy, too: it was not ended by us. */
    if (!WIFSIGNALED(status)) return 1;
  }
  printf("{\"upMs\":%.2f,\"downMs\":%.2f}\n", up - started, now_ms() - stopping);
  return 0;
}
