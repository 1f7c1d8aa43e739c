#include "options.h"

#include "fail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum kind { TEXT, LIST, PAIRS, NUMBER, NUMBERS, BIT, FLAG, BIND, BIND_READ_ONLY, TMPFS, TMPFS_READ_ONLY, CONTENT };

struct option {
  const char *name;
  enum kind kind;
  size_t offset;
};

#define AT(member) offsetof(struct options, member)
static const struct option TABLE[] = {
    {"--arg", LIST, AT(command.argv)},
    {"--env", LIST, AT(command.environment)},
    {"--working-dir", TEXT, AT(command.working_dir)},
    {"--uid", NUMBER, AT(command.uid)},
    {"--gid", NUMBER, AT(command.gid)},
    {"--group", NUMBERS, AT(command.groups)},
    {"--capability", BIT, AT(command.capabilities)},
    {"--seccomp", TEXT, AT(command.seccomp_file)},
    {"--cgroup-legacy", LIST, AT(cgroups_legacy)},
    {"--cgroup-unified", TEXT, AT(cgroup_unified)},
    {"--directory", TEXT, AT(directory)},
    {"--log", TEXT, AT(log_file)},
    {"--log-max", NUMBER, AT(log_max_bytes)},
    {"--hostname", TEXT, AT(hostname)},
    {"--host-network", FLAG, AT(host_network)},
    {"--network-of", PAIRS, AT(network_of)},
    {"--id-base", NUMBER, AT(id_base)},
    {"--id-size", NUMBER, AT(id_size)},
    {"--lower", LIST, AT(lowerdirs)},
    {"--upper", TEXT, AT(upperdir)},
    {"--work", TEXT, AT(workdir)},
    {"--read-only-root", FLAG, AT(read_only_root)},
    {"--bind", BIND, 0},
    {"--bind-ro", BIND_READ_ONLY, 0},
    {"--tmpfs", TMPFS, 0},
    {"--tmpfs-ro", TMPFS_READ_ONLY, 0},
    {"--content", CONTENT, 0},
    {"--mask", LIST, AT(masked_paths)},
    {"--read-only", LIST, AT(readonly_paths)},
    {"--sysctl", PAIRS, AT(sysctls)},
    {"--oom-file", TEXT, AT(oom_file)},
    {"--init", FLAG, AT(init)},
    {"--stop-signal", NUMBER, AT(stop_signal)},
    {"--init-pid", TEXT, AT(init_pid)},
    {"--init-start-time", TEXT, AT(init_start_time)},
    {"--tty", FLAG, AT(tty)},
    {"--no-stdin", FLAG, AT(no_stdin)},
    {"--timeout-ms", NUMBER, AT(timeout_ms)},
};

static const struct option *find(const char *name)
{
  for (size_t i = 0; i < sizeof TABLE / sizeof *TABLE; i++)
    if (strcmp(TABLE[i].name, name) == 0) return &TABLE[i];
  return NULL;
}

static size_t values_of(enum kind kind)
{
  if (kind == FLAG) return 0;
  return kind == PAIRS || kind >= BIND ? 2 : 1;
}

/** Lists grow by doubling at powers of two, with room for the null pointer at the end. */
static int append(struct strings *list, char *text)
{
  if ((list->count & (list->count + 1)) == 0) {
    char **grown = realloc(list->items, (2 * list->count + 2) * sizeof *grown);
    if (grown == NULL) return fail("options", ENOMEM, "strings");
    list->items = grown;
  }
  list->items[list->count++] = text;
  list->items[list->count] = NULL;
  return 0;
}

static int parse_number(const char *name, const char *text, uint64_t *number)
{
  char *end = NULL;
  errno = 0;
  *number = strtoull(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || text[0] == '-') return fail("options", EINVAL, "%s %s", name, text);
  return 0;
}

static int append_number(const char *name, struct numbers *list, const char *text)
{
  uint64_t *grown = realloc(list->items, (list->count + 1) * sizeof *grown);
  if (grown == NULL) return fail("options", ENOMEM, "numbers");
  list->items = grown;
  return parse_number(name, text, &list->items[list->count++]);
}

static int append_mount(struct options *options, enum kind kind, char **values)
{
  struct mount *grown = realloc(options->mounts, (options->mount_count + 1) * sizeof *grown);
  if (grown == NULL) return fail("options", ENOMEM, "mounts");
  options->mounts = grown;
  grown[options->mount_count++] = (struct mount){
      .type = kind == CONTENT                            ? MOUNT_CONTENT
              : kind == TMPFS || kind == TMPFS_READ_ONLY ? MOUNT_TMPFS
                                                         : MOUNT_BIND,
      .source = values[0],
      .target = values[1],
      .read_only = kind == CONTENT || kind == BIND_READ_ONLY || kind == TMPFS_READ_ONLY,
  };
  return 0;
}

static int take(struct options *options, const struct option *option, char **values)
{
  void *member = (char *)options + option->offset;
  uint64_t number = 0;
  switch (option->kind) {
  case TEXT:
    *(const char **)member = values[0];
    return 0;
  case LIST:
    return append(member, values[0]);
  case PAIRS:
    return append(member, values[0]) < 0 ? -1 : append(member, values[1]);
  case NUMBER:
    return parse_number(option->name, values[0], member);
  case NUMBERS:
    return append_number(option->name, member, values[0]);
  case BIT:
    if (parse_number(option->name, values[0], &number) < 0) return -1;
    if (number > 63) return fail("options", ERANGE, "%s %s", option->name, values[0]);
    *(uint64_t *)member |= 1ULL << number;
    return 0;
  case FLAG:
    *(bool *)member = true;
    return 0;
  default:
    return append_mount(options, option->kind, values);
  }
}

int options_parse(struct options *options, char **words, size_t count)
{
  for (size_t i = 0; i < count;) {
    const struct option *option = find(words[i]);
    if (option == NULL) return fail("options", EINVAL, "%s", words[i]);
    size_t values = values_of(option->kind);
    if (count - i - 1 < values) return fail("options", EINVAL, "%s needs %zu values", words[i], values);
    if (take(options, option, words + i + 1) < 0) return -1;
    i += 1 + values;
  }
  /* execve(2) takes both as arrays even when they are empty. */
  static char *none[] = {NULL};
  if (options->command.argv.count == 0) return fail("options", EINVAL, "--arg is missing");
  if (options->command.environment.count == 0) options->command.environment.items = none;
  if (options->command.working_dir == NULL) options->command.working_dir = "/";
  return 0;
}
