#include "command.h"

#include "fail.h"
#include "privileges.h"
#include "syscalls.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static int reset_signals(void);
static int set_stdio(const int stdio[3]);
static int limit_files(void);
static int die_with_parent(const struct start *start);
static int exec_by_path(const struct command *command);

int command_exec(const struct start *start)
{
  const struct command *command = start->command;
  if (set_stdio(start->stdio) < 0 || limit_files() < 0) return -1;
  /* As root first: a directory that only root can enter is still a good place to start in, as with Docker. */
  bool entered = chdir(command->working_dir) == 0;
  if (privileges_drop(command) < 0) return -1;
  if (!entered && chdir(command->working_dir) < 0) return fail("cwd", errno, "%s", command->working_dir);
  if (die_with_parent(start) < 0 || seccomp_install(start->seccomp) < 0 || reset_signals() < 0) return -1;
  return exec_by_path(command);
}

int command_exit_code(void)
{
  if (strcmp(failure()->stage, "exec") != 0) return 125;
  return failure()->error == ENOENT || failure()->error == ENOTDIR ? 127 : 126;
}

/** Sources may overlap with 0 … 2: all are moved out of the way first. */
static int set_stdio(const int stdio[3])
{
  int moved[3];
  for (int i = 0; i < 3; i++) {
    moved[i] = fcntl(stdio[i], F_DUPFD_CLOEXEC, 3);
    if (moved[i] < 0) return fail("stdio", errno, "%d", i);
  }
  for (int i = 0; i < 3; i++)
    if (dup2(moved[i], i) < 0) return fail("stdio", errno, "%d", i);
  if (sys_close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0) return fail("close_range", errno, "3");
  return 0;
}

/** Soft 1024, as select(2) needs; who needs more raises it. Node raises its own to the hard limit, and we inherit that.
 */
static int limit_files(void)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return fail("rlimit", errno, "nofile");
  limit.rlim_cur = limit.rlim_max < 1024 ? limit.rlim_max : 1024;
  return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? fail("rlimit", errno, "nofile") : 0;
}

/** After the change of ids, which clears it (prctl(2), PR_SET_PDEATHSIG). */
static int die_with_parent(const struct start *start)
{
  if (start->death_signal == 0) return 0;
  if (prctl(PR_SET_PDEATHSIG, start->death_signal, 0, 0, 0) < 0) return fail("pdeathsig", errno, "prctl");
  struct pollfd lifeline = {.fd = start->lifeline};
  if (poll(&lifeline, 1, 0) == 1 && (lifeline.revents & POLLHUP) != 0)
    return fail("pdeathsig", ESRCH, "the parent is gone");
  return 0;
}

/** Ignored and blocked signals survive execve(2). */
static int reset_signals(void)
{
  struct sigaction action = {.sa_handler = SIG_DFL};
  for (int signal = 1; signal < NSIG; signal++)
    if (signal != SIGKILL && signal != SIGSTOP) sigaction(signal, &action, NULL);
  sigset_t none;
  sigemptyset(&none);
  return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? fail("sigprocmask", errno, "none") : 0;
}

static const char *search_path(char *const *environment)
{
  for (; *environment != NULL; environment++)
    if (strncmp(*environment, "PATH=", 5) == 0) return *environment + 5;
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/** As the shell does (POSIX XCU 2.9.1.4): the first that can be executed; a file without permission is remembered, not
 * final. */
static int exec_by_path(const struct command *command)
{
  char *const *argv = command->argv.items, *const *environment = command->environment.items;
  const char *name = argv[0];
  if (*name == '\0') return fail("exec", ENOENT, "the empty name");
  if (strchr(name, '/') != NULL) {
    execve(name, argv, environment);
    return fail("exec", errno, "%s", name);
  }
  int error = ENOENT;
  for (const char *next = search_path(environment); next != NULL;) {
    size_t length = strcspn(next, ":");
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%.*s%s%s", (int)length, next, length == 0 ? "" : "/", name) < PATH_MAX) {
      execve(path, argv, environment);
      if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) return fail("exec", errno, "%s", path);
      if (errno == EACCES) error = EACCES;
    }
    next = next[length] == '\0' ? NULL : next + length + 1;
  }
  return fail("exec", error, "%s", name);
}
