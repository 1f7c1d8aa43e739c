/*
 *   exec client                go-between                         the command
 *      │ fork ──────────────────▶│ cgroups, setns (all at once)
 *      │                         │ root of the user namespace
 *      │◀── terminal (master) ───│ opens a terminal there
 *      │                         │ clone3(CLONE_PARENT) ───────────▶│ child of the client
 *      │◀── child pid ───────────│                                  │ drops privileges
 *      │ reaps it                ✕                                  │ execve: its end of the socket closes
 *      │◀───────────────────────────────────────────────── end ─────│
 *
 * setns(2) puts only later children in a PID namespace, hence the go-between. CLONE_PARENT makes the command the
 * client's own child: its exit status is there to be waited for, and it dies when the client does (PR_SET_PDEATHSIG).
 */
#include "enter.h"

#include "cleanup.h"
#include "command.h"
#include "fail.h"
#include "namespaces.h"
#include "packets.h"
#include "syscalls.h"
#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static noreturn void go_between(const struct options *options, const struct sock_fprog *seccomp, int pidfd, int sync);
static pid_t hear(int sync, int *terminal);

pid_t enter_start(const struct options *options, const struct sock_fprog *seccomp, int pidfd, int *terminal)
{
  int sync[2];
  *terminal = -1;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync) < 0) return fail("socketpair", errno, "exec");
  pid_t between = fork();
  if (between == 0) {
    close(sync[0]);
    go_between(options, seccomp, pidfd, sync[1]);
  }
  close(sync[1]);
  /* Ours stays open until we end: it is the command's lifeline until its exec. */
  pid_t child = between < 0 ? fail("fork", errno, "exec") : hear(sync[0], terminal);
  if (between > 0) waitpid(between, NULL, 0);
  if (failure()->stage[0] == '\0') return child;
  if (child > 0) waitpid(child, NULL, 0);
  return -1;
}

/** Until the other end is closed: by execve(2), or by the end of all that had it. */
static pid_t hear(int sync, int *terminal)
{
  pid_t child = -1;
  struct packet packet;
  for (int fd; packet_receive(sync, &packet, &fd) > 0;) {
    size_t offset = 0;
    const char *word = packet_next(&packet, &offset);
    if (strcmp(word, "terminal") == 0) {
      *terminal = fd;
    } else if (strcmp(word, "child") == 0) {
      child = atoi(packet_next(&packet, &offset));
    } else {
      const char *stage = packet_next(&packet, &offset), *error = packet_next(&packet, &offset);
      fail(stage, atoi(error), "%s", packet_next(&packet, &offset));
    }
  }
  if (child < 0) fail("exec", ESRCH, "the container ended");
  return child;
}

static noreturn void report_failure(int sync)
{
  struct packet packet = {.size = 0};
  packet_add_failure(&packet);
  packet_send(sync, &packet, -1);
  _exit(125);
}

/** setns(2) refuses the user namespace one is in already. */
static bool shares_user_namespace(const char *pid)
{
  char path[64];
  struct stat ours, theirs;
  snprintf(path, sizeof path, "/proc/%s/ns/user", pid);
  return stat("/proc/self/ns/user", &ours) == 0 && stat(path, &theirs) == 0 && ours.st_ino == theirs.st_ino &&
         ours.st_dev == theirs.st_dev;
}

int enter_namespaces(const char *init_pid, int pidfd, int namespaces)
{
  bool shared = shares_user_namespace(init_pid);
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/root", init_pid);
  cleanup_fd int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return fail("open", errno, "%s", path);
  if (setns(pidfd, namespaces | (shared ? 0 : CLONE_NEWUSER)) < 0)
    return fail("setns", errno, "namespaces of process %s", init_pid);
  /* setns(2) gives us the root of the mount namespace. Where tsstack runs in a chroot that is not the container's root.
   */
  if (fchdir(root) < 0 || chroot(".") < 0) return fail("chroot", errno, "%s", path);
  if (!shared && (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, 0, 0, 0) < 0 ||
                  syscall(SYS_setresuid, 0, 0, 0) < 0))
    return fail("setresuid", errno, "0");
  /* The change of ids may have made us visible again to what is in there. */
  return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? fail("prctl", errno, "dumpable") : 0;
}

/** TIOCGPTPEER opens the slave of this very master, whatever lies at /dev/pts (ioctl_tty(2)). */
static int open_terminal(const struct options *options, int sync, int *slave)
{
  cleanup_fd int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  int unlock = 0;
  if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0) return fail("terminal", errno, "/dev/pts/ptmx");
  *slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (*slave < 0 || fchown(*slave, (uid_t)options->command.uid, (gid_t)-1) < 0) return fail("terminal", errno, "slave");
  /* Before the command runs: the first thing it does may be to ask for it. */
  terminal_give_size(master);
  struct packet packet = {.size = 0};
  packet_add(&packet, "terminal");
  return packet_send(sync, &packet, master) < 0 ? fail("terminal", errno, "master") : 0;
}

static noreturn void be_command(const struct start *start, bool tty)
{
  setsid();
  if (tty && ioctl(start->stdio[0], TIOCSCTTY, 0) < 0) fail("terminal", errno, "controlling terminal");
  if (failure()->stage[0] == '\0') command_exec(start);
  report_failure(start->lifeline);
}

static noreturn void go_between(const struct options *options, const struct sock_fprog *seccomp, int pidfd, int sync)
{
  struct start start = {
      .command = &options->command, .seccomp = seccomp, .stdio = {0, 1, 2}, .death_signal = SIGKILL, .lifeline = sync};
  int namespaces = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  if (cgroups_join(0, options, true) < 0 || enter_namespaces(options->init_pid, pidfd, namespaces) < 0)
    report_failure(sync);
  int slave = -1;
  if (options->tty) {
    if (open_terminal(options, sync, &slave) < 0) report_failure(sync);
    for (int i = 0; i < 3; i++) start.stdio[i] = slave;
  } else if (options->no_stdin) {
    start.stdio[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (start.stdio[0] < 0) {
      fail("stdio", errno, "/dev/null");
      report_failure(sync);
    }
  }
  struct clone_args arguments = {.flags = CLONE_PARENT};
  pid_t child = (pid_t)sys_clone3(&arguments, CLONE_ARGS_SIZE_VER0);
  if (child == 0) be_command(&start, options->tty);
  if (child < 0) {
    fail("clone3", errno, "the command");
    report_failure(sync);
  }
  struct packet packet = {.size = 0};
  packet_add(&packet, "child");
  packet_add_number(&packet, child);
  packet_send(sync, &packet, -1);
  _exit(0);
}
