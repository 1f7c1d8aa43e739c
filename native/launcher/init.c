#include "init.h"

#include "cleanup.h"
#include "command.h"
#include "fail.h"
#include "inside.h"
#include "packets.h"
#include "privileges.h"
#include "sysctls.h"
#include "title.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static void await_tree(const struct options *options, int sync);
static void await_go(int sync);
static pid_t spawn(const struct start *start);
static noreturn void report_failure(int sync);
static noreturn void stay(pid_t command, int sync);

noreturn void init_main(const struct options *options, const struct sock_fprog *seccomp, int sync, const int output[2])
{
  /* Blocked, a signal for PID 1 waits even if it has no handler; unblocked, the kernel drops it (kernel/signal.c,
   * sig_ignored). */
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  title_set("tsstack-init");
  await_tree(options, sync);
  await_go(sync);

  struct start start = {.command = &options->command, .seccomp = seccomp, .lifeline = sync};
  start.stdio[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
  start.stdio[1] = output[0];
  start.stdio[2] = output[1];
  if (start.stdio[0] < 0) fail("stdio", errno, "/dev/null");
  if (failure()->stage[0] != '\0' || sysctls_write_late(options) < 0) report_failure(sync);
  if (!options->init) {
    start.death_signal = SIGKILL;
    command_exec(&start);
    report_failure(sync);
  }
  pid_t command = spawn(&start);
  if (command < 0) report_failure(sync);
  close(output[0]);
  close(output[1]);
  if (privileges_keep_only(CAP_KILL) < 0) report_failure(sync);
  packet_send_word(sync, "running");
  stay(command, sync);
}

/*
 * A container never outlives its monitor: PR_SET_PDEATHSIG, set after the change of ids that clears it. And nobody
 * inside may look into us, through whose /proc/1/exe the host's binary could be reached (CVE-2019-5736): not dumpable.
 */
static void await_tree(const struct options *options, int sync)
{
  struct packet packet;
  cleanup_fd int tree = -1;
  if (packet_receive(sync, &packet, &tree) <= 0 || tree < 0) _exit(125);
  int prepared = inside_prepare(options, tree);
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
    prepared = fail("prctl", errno, "init");
  if (prepared < 0) report_failure(sync);
  packet.size = 0;
  packet_add(&packet, "ready");
  packet_add_warnings(&packet);
  if (packet_send(sync, &packet, -1) < 0) _exit(125);
}

static void await_go(int sync)
{
  struct packet packet;
  if (packet_receive(sync, &packet, NULL) <= 0) _exit(125);
}

static noreturn void report_failure(int sync)
{
  struct packet packet = {.size = 0};
  packet_add_failure(&packet);
  packet_send(sync, &packet, -1);
  _exit(125);
}

static int run_command(void *argument)
{
  setsid();
  command_exec(argument);
  _exit(125);
}

/*
 * CLONE_VFORK: we go on when it has exec'ed or failed, and with CLONE_VM what fail() kept is there to be read; no pipe,
 * no page tables copied. The stack is its own.
 */
static pid_t spawn(const struct start *start)
{
  static char stack[64 * 1024] __attribute__((aligned(16)));
  pid_t pid = clone(run_command, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, (void *)start);
  if (pid < 0) return fail("clone", errno, "the command");
  return failure()->stage[0] == '\0' ? pid : -1;
}

static noreturn void end(int status, int sync)
{
  struct packet packet = {.size = 0};
  packet_add(&packet, "exit");
  packet_add_number(&packet, status);
  packet_send(sync, &packet, -1);
  _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static noreturn void stay(pid_t command, int sync)
{
  sigset_t all;
  sigfillset(&all);
  for (;;) {
    int signal = sigwaitinfo(&all, NULL);
    if (signal > 0 && signal != SIGCHLD) kill(command, signal);
    /* One SIGCHLD may stand for many children. */
    int status;
    for (pid_t pid; signal == SIGCHLD && (pid = waitpid(-1, &status, WNOHANG)) > 0;)
      if (pid == command) end(status, sync);
  }
}
