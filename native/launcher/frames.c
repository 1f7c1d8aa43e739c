#include "frames.h"

#include "cleanup.h"
#include "files.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/** A longer frame is not one of ours: options hold paths and an environment, of at most some hundred KiB. */
enum { FRAME_MAX = 4 * 1024 * 1024, HEADER = 4 };

int frames_fill(struct frame_reader *reader)
{
  if (reader->room - reader->size < 4096) {
    size_t room = reader->room == 0 ? 65536 : 2 * reader->room;
    char *grown = room > 2 * FRAME_MAX ? NULL : realloc(reader->bytes, room);
    if (grown == NULL) return -1;
    reader->bytes = grown;
    reader->room = room;
  }
  ssize_t got = recv(reader->fd, reader->bytes + reader->size, reader->room - reader->size, MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR ? 0 : -1;
  if (got == 0) return -1;
  reader->size += (size_t)got;
  return 1;
}

static int split(struct frame *frame, size_t size)
{
  if (size == 0 || frame->text[size - 1] != '\0') return -1;
  for (size_t i = 0; i < size; i++) frame->count += frame->text[i] == '\0';
  frame->words = malloc(frame->count * sizeof *frame->words);
  if (frame->words == NULL || frame->count < 2) return -1;
  char *next = frame->text;
  for (size_t i = 0; i < frame->count; i++, next += strlen(next) + 1) frame->words[i] = next;
  return 0;
}

int frames_next(struct frame_reader *reader, struct frame *frame)
{
  uint8_t header[HEADER];
  *frame = (struct frame){0};
  if (reader->size < HEADER) return 0;
  memcpy(header, reader->bytes, HEADER);
  size_t size = header[0] | (size_t)header[1] << 8 | (size_t)header[2] << 16 | (size_t)header[3] << 24;
  if (size > FRAME_MAX) return -1;
  if (reader->size < HEADER + size) return 0;
  frame->text = malloc(size + 1);
  if (frame->text == NULL) return -1;
  memcpy(frame->text, reader->bytes + HEADER, size);
  reader->size -= HEADER + size;
  memmove(reader->bytes, reader->bytes + HEADER + size, reader->size);
  return split(frame, size) < 0 ? -1 : 1;
}

void frame_free(struct frame *frame)
{
  free(frame->text);
  free(frame->words);
}

static void put_size(char *bytes, size_t size)
{
  for (int i = 0; i < HEADER; i++) bytes[i] = (char)(size >> 8 * i);
}

int frames_reply(int fd, const char *id, const struct packet *packet)
{
  char bytes[HEADER + PACKET_MAX + 64];
  size_t verb = strlen(packet->data) + 1, id_size = strlen(id) + 1;
  if (packet->size < verb || id_size > 64) return -1;
  size_t size = packet->size + id_size;
  put_size(bytes, size);
  memcpy(bytes + HEADER, packet->data, verb);
  memcpy(bytes + HEADER + verb, id, id_size);
  memcpy(bytes + HEADER + verb + id_size, packet->data + verb, packet->size - verb);
  return write_all(fd, bytes, HEADER + size);
}

int frames_tell(int fd, const struct packet *packet)
{
  char bytes[HEADER + PACKET_MAX];
  put_size(bytes, packet->size);
  memcpy(bytes + HEADER, packet->data, packet->size);
  return write_all(fd, bytes, HEADER + packet->size);
}
