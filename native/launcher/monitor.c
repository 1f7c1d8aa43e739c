/*
 *   launcher            monitor                                   init (PID 1)
 *      │ fork ────────────▶│ log, pipes, sockets
 *      │                   │ clone3 ────────────────────────────────▶│ waits
 *      │                   │ uid_map, cgroups, status `created`
 *      │◀─ ok pids ────────│
 *      │                   │ root file system ── tree ─────────────▶│ inside_prepare()
 *      │                   │◀──────────────────────────── ready ────│ waits
 *      │── start ─────────▶│ (kept until ready)
 *      │                   │ ── go ─────────────────────────────────▶│ exec
 *      │                   │◀────────────────────────── running ────│
 *      │◀─ ok ─────────────│ status `running`
 *      ✕                   │ output → log
 *                          │◀────────────────────────── exit n ─────✕
 *                          │ status `stopped`
 *                          ✕
 *
 * INVARIANTS. Until `start` the container is nobody's if the launcher's end of the socket closes: it is undone. From
 * then on nothing depends on the launcher. A monitor never ends before its container has, and `stopped` is written
 * before it ends.
 */
#include "monitor.h"

#include "cleanup.h"
#include "command.h"
#include "container.h"
#include "fail.h"
#include "packets.h"
#include "syscalls.h"
#include "title.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum phase { BUILDING, READY, STARTING, RUNNING };

struct monitor {
  struct container container;
  /** To the launcher; -1 once it has its answer, or is gone. */
  int control;
  enum phase phase;
  bool start_requested;
  unsigned long long oom_kills_before;
  /** As init told it; -1: it didn't. */
  int command_status;
};

static struct monitor monitor = {.command_status = -1};

static void detach(int control);
static void pass_on_termination(void);
static void reply_created(void);
static noreturn void watch(void);
static noreturn void undo(void);
static noreturn void give_up_building(void);
static noreturn void give_up(void);
static noreturn void finish(void);

noreturn void monitor_main(const struct monitor_arguments *arguments)
{
  detach(arguments->control);
  struct container *container = &monitor.container;
  container->status.boot_id = arguments->boot_id;
  if (container_make(container, arguments->options, arguments->option_count, monitor.control) < 0) undo();
  pass_on_termination();
  reply_created();
  /* The cgroup may have been an earlier container's: its count goes on. */
  monitor.oom_kills_before = container_oom_kills(container);
  if (container_build(container, arguments->stage) < 0) give_up_building();
  watch();
}

/** On its own: no descriptor of the launcher's but `control`, no terminal, no signal meant for others. */
static void detach(int control)
{
  setsid();
  umask(0); /* every file we make is given its mode in full */
  title_set("tsstack-monitor");
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3; fd++) dup2(null, fd);
  monitor.control = control == 3 ? 3 : dup3(control, 3, O_CLOEXEC);
  sys_close_range(4, ~0U, 0);
  static const int ignored[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2};
  for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++) signal(ignored[i], SIG_IGN);
  signal(SIGCHLD, SIG_DFL);
}

static void on_termination(int signal)
{
  int error = errno;
  int stop = (int)monitor.container.options.stop_signal;
  sys_pidfd_send_signal(monitor.container.pidfd, stop == 0 ? signal : stop);
  errno = error;
}

/** SIGTERM for the monitor, as at a shutdown of the host, stops the container: its end is then written down like any
 * other. */
static void pass_on_termination(void)
{
  struct sigaction action = {.sa_handler = on_termination, .sa_flags = SA_RESTART};
  sigaction(SIGTERM, &action, NULL);
}

static void reply_created(void)
{
  const struct status *status = &monitor.container.status;
  struct packet reply = {.size = 0};
  packet_add(&reply, "ok");
  packet_add_number(&reply, status->monitor.pid);
  packet_add_number(&reply, (long long)status->monitor.start_time);
  packet_add_number(&reply, status->init.pid);
  packet_add_number(&reply, (long long)status->init.start_time);
  if (packet_send(monitor.control, &reply, -1) < 0) undo();
}

/** The last answer: from here on there is nothing between us and the launcher. */
static void answer(bool ok)
{
  struct packet reply = {.size = 0};
  if (ok) {
    packet_add(&reply, "ok");
    packet_add_warnings(&reply);
  } else {
    packet_add_failure(&reply);
  }
  if (monitor.control < 0) return;
  packet_send(monitor.control, &reply, -1);
  close(monitor.control);
  monitor.control = -1;
}

/** As if it had never been asked for. If there is somebody to hear it, with the reason. */
static noreturn void undo(void)
{
  container_kill(&monitor.container);
  if (monitor.container.directory >= 0) status_remove(monitor.container.directory);
  if (failure()->stage[0] != '\0') answer(false);
  _exit(1);
}

static void started(void)
{
  monitor.phase = RUNNING;
  struct status *status = &monitor.container.status;
  status->state = "running";
  if (status_write(monitor.container.status_file, status) < 0) give_up();
  answer(true);
}

static void go(void)
{
  struct container *container = &monitor.container;
  if (log_open(&container->log, container->options.log_file, container->options.log_max_bytes) < 0) give_up();
  monitor.phase = STARTING;
  /* Now, not when init says that it runs: by then it may have written to its log, and whoever reads that from its start
   * on must find it. */
  container->status.started = status_now();
  /* If init is gone, the end of `sync` tells. */
  packet_send_word(container->sync, "go");
}

static void hear_launcher(void)
{
  struct packet packet;
  if (packet_receive(monitor.control, &packet, NULL) > 0) {
    monitor.start_requested = true;
    return;
  }
  if (!monitor.start_requested) undo();
  close(monitor.control);
  monitor.control = -1;
}

static void hear_init(void)
{
  struct container *container = &monitor.container;
  struct packet packet;
  size_t offset = 0;
  if (packet_receive(container->sync, &packet, NULL) <= 0) {
    close(container->sync);
    container->sync = -1;
    /* Without our init the socket closes by execve(2): that is the news. */
    if (!container->options.init && monitor.phase == STARTING) started();
    return;
  }
  const char *word = packet_next(&packet, &offset);
  if (strcmp(word, "ready") == 0) {
    monitor.phase = READY;
    for (const char *text; (text = packet_next(&packet, &offset)) != NULL;) warn("%s", text);
  } else if (strcmp(word, "running") == 0) {
    started();
  } else if (strcmp(word, "exit") == 0) {
    monitor.command_status = atoi(packet_next(&packet, &offset));
  } else {
    const char *stage = packet_next(&packet, &offset), *error = packet_next(&packet, &offset);
    fail(stage, atoi(error), "%s", packet_next(&packet, &offset));
    give_up();
  }
}

static noreturn void watch(void)
{
  struct container *container = &monitor.container;
  for (;;) {
    /* Init's death counts only when all that it said has been heard. poll(2) skips negative descriptors. */
    struct pollfd polled[] = {
        {.fd = monitor.control, .events = POLLIN},
        {.fd = container->sync, .events = POLLIN},
        {.fd = container->streams[0].fd, .events = POLLIN},
        {.fd = container->streams[1].fd, .events = POLLIN},
        {.fd = container->sync < 0 ? container->pidfd : -1, .events = POLLIN},
    };
    if (poll(polled, sizeof polled / sizeof *polled, -1) < 0) continue;
    if (polled[0].revents != 0) hear_launcher();
    if (polled[1].revents != 0) hear_init();
    if (monitor.phase == READY && monitor.start_requested) go();
    if (polled[2].revents != 0) log_pump(&container->log, &container->streams[0]);
    if (polled[3].revents != 0) log_pump(&container->log, &container->streams[1]);
    if (polled[4].revents != 0) finish();
  }
}

/** The rest of the output: with PID 1 all that could write is dead (pid_namespaces(7)), so what is there now is all. */
static void finish_logs(struct container *container)
{
  if (container->log.path == NULL) return;
  log_finish(&container->log, &container->streams[0]);
  log_finish(&container->log, &container->streams[1]);
}

static noreturn void finish(void)
{
  struct container *container = &monitor.container;
  struct status *status = &container->status;
  int ended = container_kill(container);
  if (monitor.command_status >= 0) ended = monitor.command_status;
  finish_logs(container);
  status->signal = WIFSIGNALED(ended) ? WTERMSIG(ended) : 0;
  status->exit_code = WIFSIGNALED(ended) ? 128 + WTERMSIG(ended) : WEXITSTATUS(ended);
  status->oom = container_oom_kills(container) > monitor.oom_kills_before;
  /* From inside PID 1 can't be killed (pid_namespaces(7)); init of ours that ends with its command has told so. */
  status->init_killed = WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL && monitor.command_status < 0 && !status->oom;
  status->state = "stopped";
  status->finished = status_now();
  _exit(status_write(container->status_file, status) < 0 ? 1 : 0);
}

/** It could not be started: that is its end, and the reason is kept beside it. */
static noreturn void give_up(void)
{
  struct container *container = &monitor.container;
  static char error[700];
  container_kill(container);
  finish_logs(container);
  snprintf(error, sizeof error, "%s %s: %s", failure()->stage, failure()->detail, strerror(failure()->error));
  container->status.error = error;
  container->status.exit_code = command_exit_code();
  container->status.state = "stopped";
  container->status.finished = status_now();
  status_write(container->status_file, &container->status);
  answer(false);
  _exit(1);
}

/** If init was killed while its root file system was made, that is why it could not be: an end like any other. */
static noreturn void give_up_building(void)
{
  struct pollfd init = {.fd = monitor.container.pidfd, .events = POLLIN};
  if (poll(&init, 1, 0) != 1) give_up();
  failure_clear();
  finish();
}
