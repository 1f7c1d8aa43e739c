#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct strings {
  /** Ends with a null pointer. */
  char **items;
  size_t count;
};

struct numbers {
  uint64_t *items;
  size_t count;
};

enum mount_type { MOUNT_BIND, MOUNT_TMPFS, MOUNT_CONTENT };

struct mount {
  enum mount_type type;
  /** Host path, mount data, or the content itself. */
  const char *source;
  const char *target;
  bool read_only;
};

/** What a process inside a container is given: its main process, and each that `exec` adds. */
struct command {
  struct strings argv;
  struct strings environment;
  const char *working_dir;
  uint64_t uid;
  uint64_t gid;
  struct numbers groups;
  /** Bit n: capability n. */
  uint64_t capabilities;
  const char *seccomp_file;
};

struct options {
  struct command command;
  struct strings cgroups_legacy;
  const char *cgroup_unified;

  /* Of a launch. */
  const char *directory;
  const char *log_file;
  uint64_t log_max_bytes;
  const char *hostname;
  /** Stays in the network namespace that the launcher is in. */
  bool host_network;
  /** Pid and start time of a process whose network namespace it joins. Empty: a new one. */
  struct strings network_of;
  /** Container ids 0 … size-1 are host ids base … base+size-1. Size 0: the host's user namespace. */
  uint64_t id_base;
  uint64_t id_size;
  struct strings lowerdirs;
  const char *upperdir;
  const char *workdir;
  bool read_only_root;
  struct mount *mounts;
  size_t mount_count;
  struct strings masked_paths;
  struct strings readonly_paths;
  /** Path under /proc/sys, value, path, value, … */
  struct strings sysctls;
  const char *oom_file;
  bool init;
  uint64_t stop_signal;

  /* Of an exec. */
  const char *init_pid;
  const char *init_start_time;
  bool tty;
  bool no_stdin;
  /** 0: none. */
  uint64_t timeout_ms;
};

/** Reads `--name value…` strings as PROTOCOL.md lists them. Keeps pointers into `words`. -1 after fail(). */
int options_parse(struct options *options, char **words, size_t count);

/** Whether it has a network namespace of its own, over which it has rights. */
static inline bool owns_network(const struct options *options)
{
  return !options->host_network && options->network_of.count == 0;
}

/** Host id of container id 0. */
static inline uid_t root_of(const struct options *options)
{
  return options->id_size == 0 ? 0 : (uid_t)options->id_base;
}
