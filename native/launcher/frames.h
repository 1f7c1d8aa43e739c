#pragma once
#include "packets.h"

#include <stddef.h>

/** One request: id, verb, arguments. The strings live as long as it does. */
struct frame {
  char *text;
  char **words;
  size_t count;
};

/** Bytes received on a stream, cut into frames. */
struct frame_reader {
  int fd;
  char *bytes;
  size_t size;
  size_t room;
};

/** Reads what is there. 1: something came, 0: nothing now, -1: the end, or not our protocol. */
int frames_fill(struct frame_reader *reader);
/** 1: a frame, to be freed; 0: not whole yet; -1: not our protocol. */
int frames_next(struct frame_reader *reader, struct frame *frame);
void frame_free(struct frame *frame);
/** Sends a packet of ours as a frame, with the id put in after its first word: `ok <id> …`. */
int frames_reply(int fd, const char *id, const struct packet *packet);
/** Sends a packet of ours that answers nothing: `event …`. */
int frames_tell(int fd, const struct packet *packet);
