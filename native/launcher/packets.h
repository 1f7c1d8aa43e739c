#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { PACKET_MAX = 8192 };

/** NUL-terminated strings, one after another: one message on a SOCK_SEQPACKET socket between our own processes. */
struct packet {
  size_t size;
  char data[PACKET_MAX];
};

void packet_add(struct packet *packet, const char *text);
void packet_add_number(struct packet *packet, long long number);
/** `error`, stage, errno, detail: what fail() has kept. */
void packet_add_failure(struct packet *packet);
void packet_add_warnings(struct packet *packet);
/** The next string, a null pointer past the last. Start with `*offset` 0. */
const char *packet_next(const struct packet *packet, size_t *offset);

/** As a frame (PROTOCOL.md, "Frames"). -1 with errno. */
int packet_write_frame(int fd, const struct packet *packet);
/** `passed_fd`: sent along, or -1. */
int packet_send(int socket, const struct packet *packet, int passed_fd);
int packet_send_word(int socket, const char *word);
/** Bytes received, 0 at the end, -1 with errno. `passed_fd` may be null; set to -1 if none came. */
ssize_t packet_receive(int socket, struct packet *packet, int *passed_fd);
