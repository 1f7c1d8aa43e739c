#include "packets.h"

#include "cleanup.h"
#include "fail.h"
#include "files.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void packet_add(struct packet *packet, const char *text)
{
  size_t room = PACKET_MAX - packet->size;
  if (room < 2) return;
  size_t size = strnlen(text, room - 1);
  memcpy(packet->data + packet->size, text, size);
  packet->data[packet->size + size] = '\0';
  packet->size += size + 1;
}

void packet_add_number(struct packet *packet, long long number)
{
  char text[24];
  snprintf(text, sizeof text, "%lld", number);
  packet_add(packet, text);
}

void packet_add_failure(struct packet *packet)
{
  packet_add(packet, "error");
  packet_add(packet, failure()->stage);
  packet_add_number(packet, failure()->error);
  packet_add(packet, failure()->detail);
}

void packet_add_warnings(struct packet *packet)
{
  for (unsigned i = 0; warning(i) != NULL; i++) packet_add(packet, warning(i));
}

const char *packet_next(const struct packet *packet, size_t *offset)
{
  if (*offset >= packet->size) return NULL;
  const char *text = packet->data + *offset;
  *offset += strlen(text) + 1;
  return text;
}

int packet_write_frame(int fd, const struct packet *packet)
{
  uint32_t size = (uint32_t)packet->size;
  uint8_t header[4] = {(uint8_t)size, (uint8_t)(size >> 8), (uint8_t)(size >> 16), (uint8_t)(size >> 24)};
  return write_all(fd, header, sizeof header) < 0 ? -1 : write_all(fd, packet->data, packet->size);
}

int packet_send(int socket, const struct packet *packet, int passed_fd)
{
  struct iovec part = {.iov_base = (void *)packet->data, .iov_len = packet->size};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (passed_fd >= 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control.space;
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &passed_fd, sizeof passed_fd);
  }
  ssize_t sent;
  do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent < 0 ? -1 : 0;
}

int packet_send_word(int socket, const char *word)
{
  struct packet packet = {.size = 0};
  packet_add(&packet, word);
  return packet_send(socket, &packet, -1);
}

ssize_t packet_receive(int socket, struct packet *packet, int *passed_fd)
{
  struct iovec part = {.iov_base = packet->data, .iov_len = PACKET_MAX - 1};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  ssize_t got;
  /* ECONNRESET: the other end closed before it had read all of ours. What it said before comes with the next call. */
  do got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  while (got < 0 && (errno == EINTR || errno == ECONNRESET));
  packet->size = got > 0 ? (size_t)got : 0;
  packet->data[packet->size] = '\0';
  int fd = -1;
  struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
  if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
  if (passed_fd != NULL)
    *passed_fd = fd;
  else if (fd >= 0)
    close_owned_fd(&fd);
  return got;
}
