/*
 * INVARIANTS
 * - Paths are resolved by the kernel, with the container's root as ours and in its mount namespace: whatever the
 *   container makes of its symbolic links, they lead to places of its own. A path put together on the host
 *   (/proc/<pid>/root/…) would follow them on the host.
 * - We may do what the container's own root may: its user namespace, at most its capabilities.
 * - We stay outside of its PID namespace: nothing in there can see us, stop us or look into us.
 */
#include "receive.h"

#include "cleanup.h"
#include "enter.h"
#include "fail.h"
#include "files.h"
#include "packets.h"
#include "place.h"
#include "privileges.h"
#include "process.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

/** Two paths and numbers. */
enum { HEADER = 4, REQUEST_MAX = 16384, CHUNK = 65536, WORDS = 4 };

struct request {
  char text[REQUEST_MAX];
  const char *words[WORDS];
  size_t count;
};

static int enter(char **words, struct owner *owner);
static int answer(const char *word, long long number);
static int next_request(struct request *request);
static int perform(const struct request *request, const struct owner *owner, uint64_t *left);
static int skip(uint64_t left);

int receive_main(char **words)
{
  struct owner owner;
  signal(SIGPIPE, SIG_IGN);
  if (enter(words, &owner) < 0) {
    answer("refused", 0);
    return 1;
  }
  struct request request;
  int got;
  for (long long number = 0; (got = next_request(&request)) > 0; number++) {
    uint64_t left = 0;
    if (perform(&request, &owner, &left) == 0) continue;
    if (answer("error", number) < 0 || skip(left) < 0) return 1;
    failure_clear();
  }
  if (got == 0) return answer("done", 0) < 0 ? 1 : 0;
  answer("refused", 0);
  return 1;
}

static int parse(const char *text, int radix, uint64_t *number)
{
  char *end = NULL;
  errno = 0;
  *number = strtoull(text, &end, radix);
  return errno != 0 || end == text || *end != '\0' || text[0] == '-' ? fail("options", EINVAL, "%s", text) : 0;
}

static int enter(char **words, struct owner *owner)
{
  struct process init;
  uint64_t uid, gid;
  struct command root = {.uid = 0, .gid = 0};
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return fail("prctl", errno, "dumpable");
  if (process_parse(words[0], words[1], &init) < 0) return fail("options", EINVAL, "%s %s", words[0], words[1]);
  if (parse(words[2], 10, &uid) < 0 || parse(words[3], 10, &gid) < 0 || parse(words[4], 16, &root.capabilities) < 0)
    return -1;
  cleanup_fd int pidfd = process_open(&init);
  if (pidfd < 0) return fail("container", errno, "process %s", words[0]);
  if (enter_namespaces(words[0], pidfd, CLONE_NEWNS) < 0 || privileges_drop(&root) < 0) return -1;
  umask(0);
  *owner = (struct owner){.uid = (uid_t)uid, .gid = (gid_t)gid};
  return 0;
}

/** A frame on standard output: the word, and but for `done` the request's number and what fail() has kept. */
static int answer(const char *word, long long number)
{
  struct packet packet = {.size = 0};
  packet_add(&packet, word);
  if (strcmp(word, "done") != 0) {
    packet_add_number(&packet, number);
    packet_add(&packet, failure()->stage);
    packet_add_number(&packet, failure()->error);
    packet_add(&packet, failure()->detail);
  }
  uint32_t size = (uint32_t)packet.size;
  uint8_t header[HEADER] = {(uint8_t)size, (uint8_t)(size >> 8), (uint8_t)(size >> 16), (uint8_t)(size >> 24)};
  return write_all(STDOUT_FILENO, header, sizeof header) < 0 ? -1 : write_all(STDOUT_FILENO, packet.data, packet.size);
}

/** 1: all of it, 0: the end, before any of it, -1: the end in the middle of it, or an error. */
static int read_exactly(void *buffer, size_t size)
{
  for (size_t length = 0; length < size;) {
    ssize_t got = read(STDIN_FILENO, (char *)buffer + length, size - length);
    if (got < 0 && errno == EINTR) continue;
    if (got == 0 && length == 0) return 0;
    if (got <= 0) return fail("receive", got == 0 ? EPIPE : errno, "standard input");
    length += (size_t)got;
  }
  return 1;
}

static int next_request(struct request *request)
{
  uint8_t header[HEADER];
  int got = read_exactly(header, sizeof header);
  if (got <= 0) return got;
  size_t size = header[0] | (size_t)header[1] << 8 | (size_t)header[2] << 16 | (size_t)header[3] << 24;
  if (size == 0 || size > REQUEST_MAX) return fail("receive", E2BIG, "%zu bytes", size);
  if (read_exactly(request->text, size) <= 0) return fail("receive", EPIPE, "standard input");
  if (request->text[size - 1] != '\0') return fail("receive", EPROTO, "no end");
  request->count = 0;
  for (const char *next = request->text; next < request->text + size; next += strlen(next) + 1) {
    if (request->count == WORDS) return fail("receive", EPROTO, "too many words");
    request->words[request->count++] = next;
  }
  return 1;
}

static int perform(const struct request *request, const struct owner *owner, uint64_t *left)
{
  const char *const *words = request->words;
  const char *verb = words[0];
  uint64_t mode = 0;
  if (strcmp(verb, "file") == 0 && request->count == 4) {
    if (parse(words[3], 10, left) < 0 || parse(words[2], 8, &mode) < 0) return -1;
    return place_file(words[1], (mode_t)mode, owner, STDIN_FILENO, left);
  }
  if (strcmp(verb, "directory") == 0 && request->count == 3)
    return parse(words[2], 8, &mode) < 0 ? -1 : place_directory(words[1], (mode_t)mode, owner);
  if (strcmp(verb, "symlink") == 0 && request->count == 3) return place_symlink(words[1], words[2], owner);
  if (strcmp(verb, "remove") == 0 && request->count == 2) return place_nothing(words[1]);
  return fail("receive", EPROTO, "%s", verb);
}

/** The content of a file that could not be placed. */
static int skip(uint64_t left)
{
  static char bytes[CHUNK];
  for (size_t size; left > 0; left -= size) {
    size = left < CHUNK ? (size_t)left : CHUNK;
    if (read_exactly(bytes, size) <= 0) return -1;
  }
  return 0;
}
