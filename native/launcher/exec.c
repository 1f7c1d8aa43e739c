#include "exec.h"

#include "cleanup.h"
#include "command.h"
#include "enter.h"
#include "fail.h"
#include "privileges.h"
#include "process.h"
#include "terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

enum { TIMED_OUT = 124 };

struct session {
  pid_t child;
  int signals;
  int timer;
  bool timed_out;
  bool has_terminal;
  struct terminal terminal;
};

static int prepare(struct options *options, char **words, size_t count, struct sock_fprog *seccomp);
static int start(struct session *session, const struct options *options, const struct sock_fprog *seccomp, int pidfd);
static int wait_for_end(struct session *session);
static int explain(void);

int exec_main(char **words, size_t count)
{
  struct options options = {0};
  struct sock_fprog seccomp = {0};
  struct session session = {.timer = -1};
  cleanup_fd int pidfd = prepare(&options, words, count, &seccomp);
  if (pidfd < 0 || start(&session, &options, &seccomp, pidfd) < 0) {
    if (session.has_terminal) terminal_close(&session.terminal);
    return explain();
  }
  int status = wait_for_end(&session);
  if (session.has_terminal) terminal_close(&session.terminal);
  if (session.timed_out) return TIMED_OUT;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int explain(void)
{
  const struct failure *why = failure();
  const char *verb = strcmp(why->stage, "exec") == 0 ? "cannot execute" : why->stage;
  fprintf(stderr, "tsstack: %s `%s`: %s\n", verb, why->detail, strerror(why->error));
  return command_exit_code();
}

/** The options' words are also what `ps` shows to everyone, the environment's secrets among them: wiped once copied. */
static int own_words(char **words, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    char *copy = strdup(words[i]);
    if (copy == NULL) return fail("options", ENOMEM, "exec");
    memset(words[i], 0, strlen(words[i]));
    words[i] = copy;
  }
  return 0;
}

static int prepare(struct options *options, char **words, size_t count, struct sock_fprog *seccomp)
{
  struct process init;
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return fail("prctl", errno, "dumpable");
  if (own_words(words, count) < 0 || options_parse(options, words, count) < 0) return -1;
  if (options->init_pid == NULL || options->init_start_time == NULL ||
      process_parse(options->init_pid, options->init_start_time, &init) < 0)
    return fail("options", EINVAL, "--init-pid, --init-start-time");
  if (seccomp_read(options->command.seccomp_file, seccomp) < 0) return -1;
  int pidfd = process_open(&init);
  return pidfd < 0 ? fail("container", errno, "process %s", options->init_pid) : pidfd;
}

static int start(struct session *session, const struct options *options, const struct sock_fprog *seccomp, int pidfd)
{
  static const int handled[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD, SIGWINCH};
  sigset_t set;
  sigemptyset(&set);
  for (size_t i = 0; i < sizeof handled / sizeof *handled; i++) sigaddset(&set, handled[i]);
  sigprocmask(SIG_BLOCK, &set, NULL);
  signal(SIGPIPE, SIG_IGN);
  session->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (session->signals < 0) return fail("signalfd", errno, "exec");
  if (options->timeout_ms > 0) {
    struct itimerspec at = {
        .it_value = {(time_t)(options->timeout_ms / 1000), (long)(options->timeout_ms % 1000) * 1000000}};
    session->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (session->timer < 0 || timerfd_settime(session->timer, 0, &at, NULL) < 0) return fail("timerfd", errno, "exec");
  }
  int master;
  session->child = enter_start(options, seccomp, pidfd, &master);
  if (session->child < 0) return -1;
  if (master < 0) return 0;
  session->has_terminal = true;
  return terminal_open(&session->terminal, master, !options->no_stdin);
}

/** Signals for us are for the command. */
static void take_signals(struct session *session)
{
  struct signalfd_siginfo signal;
  while (read(session->signals, &signal, sizeof signal) == sizeof signal) {
    if (signal.ssi_signo == SIGWINCH && session->has_terminal)
      terminal_resize(&session->terminal);
    else if (signal.ssi_signo != SIGCHLD && signal.ssi_signo != SIGWINCH)
      kill(session->child, (int)signal.ssi_signo);
  }
}

static int wait_for_end(struct session *session)
{
  struct terminal *terminal = &session->terminal;
  for (;;) {
    int status;
    if (waitpid(session->child, &status, WNOHANG) == session->child) return status;
    struct pollfd polled[] = {
        {.fd = session->signals, .events = POLLIN},
        {.fd = session->timer, .events = POLLIN},
        {.fd = session->has_terminal && terminal_wants_input(terminal) ? STDIN_FILENO : -1, .events = POLLIN},
        {.fd = session->has_terminal && terminal->master >= 0 ? terminal->master : -1,
         .events = session->has_terminal ? terminal_wants_master(terminal) : 0},
    };
    if (poll(polled, sizeof polled / sizeof *polled, -1) < 0) continue;
    if (polled[0].revents != 0) take_signals(session);
    if (polled[1].revents != 0) {
      session->timed_out = true;
      close_owned_fd(&session->timer);
      session->timer = -1;
      kill(-session->child, SIGKILL); /* it leads a session, and so a group, of its own */
    }
    if (polled[2].revents != 0) terminal_read_input(terminal);
    /* Everything that had the terminal has closed it: only the exit is left to come. */
    if (polled[3].revents != 0 && !terminal_pump(terminal)) {
      close_owned_fd(&terminal->master);
      terminal->master = -1;
    }
  }
}
