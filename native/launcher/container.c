#include "container.h"

#include "cleanup.h"
#include "fail.h"
#include "files.h"
#include "init.h"
#include "namespaces.h"
#include "oom.h"
#include "packets.h"
#include "privileges.h"
#include "rootfs.h"
#include "syscalls.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

static int check(const struct options *options);
static int open_output(struct container *container, int writers[2]);
static int start_init(struct container *container, const int writers[2], int control);
static int record(struct container *container);

int container_make(struct container *container, char **options, size_t count, int control)
{
  container->directory = container->status_file = container->sync = container->pidfd = -1;
  container->streams[0] = (struct stream){.name = "stdout", .fd = -1};
  container->streams[1] = (struct stream){.name = "stderr", .fd = -1};
  if (options_parse(&container->options, options, count) < 0 || check(&container->options) < 0) return -1;
  if (network_join(&container->options) < 0) return -1;
  if (seccomp_read(container->options.command.seccomp_file, &container->seccomp) < 0) return -1;
  container->directory = open(container->options.directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (container->directory < 0) return fail("status", errno, "%s", container->options.directory);
  int writers[2] = {-1, -1};
  int made = open_output(container, writers);
  if (made == 0) made = start_init(container, writers, control);
  close_owned_fd(&writers[0]);
  close_owned_fd(&writers[1]);
  return made < 0 ? -1 : record(container);
}

static int check(const struct options *options)
{
  if (options->directory == NULL) return fail("options", EINVAL, "--directory is missing");
  if (options->log_file == NULL) return fail("options", EINVAL, "--log is missing");
  if (options->hostname == NULL) return fail("options", EINVAL, "--hostname is missing");
  if (options->lowerdirs.count == 0) return fail("options", EINVAL, "--lower is missing");
  if (options->upperdir == NULL || options->workdir == NULL)
    return fail("options", EINVAL, "--upper or --work is missing");
  if (options->id_size > UINT32_MAX || options->id_base > UINT32_MAX - options->id_size)
    return fail("options", ERANGE, "--id-base and --id-size");
  if (options->command.uid >= UINT32_MAX || options->command.gid >= UINT32_MAX)
    return fail("options", ERANGE, "--uid or --gid");
  if (options->host_network && options->network_of.count > 0)
    return fail("options", EINVAL, "--host-network and --network-of");
  if (options->network_of.count > 2) return fail("options", EINVAL, "--network-of twice");
  if (options->stop_signal > 64) return fail("options", ERANGE, "--stop-signal");
  return 0;
}

/** The pipes belong to the command's user, so that it may open /dev/stdout and /dev/stderr anew. */
static int open_output(struct container *container, int writers[2])
{
  const struct options *options = &container->options;
  uid_t uid = root_of(options) + (uid_t)options->command.uid;
  gid_t gid = root_of(options) + (gid_t)options->command.gid;
  for (int i = 0; i < 2; i++) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) return fail("pipe", errno, "%s", container->streams[i].name);
    container->streams[i].fd = ends[0];
    writers[i] = ends[1];
    if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0 || fchown(ends[1], uid, gid) < 0)
      return fail("pipe", errno, "%s", container->streams[i].name);
  }
  return 0;
}

static int start_init(struct container *container, const int writers[2], int control)
{
  int sync[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sync) < 0) return fail("socketpair", errno, "init");
  container->sync = sync[0];
  pid_t pid = namespaces_clone(&container->options, &container->pidfd);
  if (pid == 0) {
    close(control);
    close(sync[0]);
    close(container->directory);
    close(container->streams[0].fd);
    close(container->streams[1].fd);
    init_main(&container->options, &container->seccomp, sync[1], writers);
  }
  close(sync[1]);
  if (pid < 0) return -1;
  container->status.init.pid = pid;
  if (namespaces_map_ids(pid, &container->options) < 0) return -1;
  return cgroups_join(pid, &container->options, false);
}

static int record(struct container *container)
{
  struct status *status = &container->status;
  status->state = "created";
  status->created = status_now();
  if (process_identify(getpid(), &status->monitor) < 0 || process_identify(status->init.pid, &status->init) < 0)
    return fail("stat", errno, "/proc");
  container->status_file = status_open(container->directory);
  return container->status_file < 0 ? -1 : status_write(container->status_file, status);
}

int container_build(struct container *container, const char *stage)
{
  cleanup_fd int ids = -1;
  if (container->options.id_size != 0) {
    char path[48];
    snprintf(path, sizeof path, "/proc/%d/ns/user", (int)container->status.init.pid);
    ids = open(path, O_RDONLY | O_CLOEXEC);
    if (ids < 0) return fail("idmap", errno, "%s", path);
  }
  cleanup_fd int tree = rootfs_build(&container->options, stage, ids);
  if (tree < 0) return -1;
  struct packet packet = {.size = 0};
  packet_add(&packet, "tree");
  return packet_send(container->sync, &packet, tree) < 0 ? fail("init", errno, "it ended before it was ready") : 0;
}

int container_kill(struct container *container)
{
  int status = 0;
  if (container->status.init.pid == 0) return status;
  sys_pidfd_send_signal(container->pidfd, SIGKILL);
  while (waitpid(container->status.init.pid, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

unsigned long long container_oom_kills(const struct container *container)
{
  char text[1024];
  const char *file = container->options.oom_file;
  if (file == NULL || read_small(AT_FDCWD, file, text, sizeof text) < 0) return 0;
  return oom_kills(text);
}
