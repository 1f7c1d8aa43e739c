/*
 * The cheapest HTTP server that is one: so that a bench of the way to it isn't a bench of it.
 *   answer PORT
 * Answers every request on a connection, which stays open, with the same page. One thread, epoll(7).
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static const char ANSWER[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";

static int fail(const char *what)
{
  perror(what);
  return 1;
}

static void add(int epoll, int fd)
{
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

/* A request that comes in two pieces counts as two: wrk's fit into one segment. */
static void answer(int fd)
{
  char request[8192];
  if (read(fd, request, sizeof request) <= 0 || write(fd, ANSWER, strlen(ANSWER)) < 0) close(fd);
}

int main(int argc, char **argv)
{
  int on = 1, listener = socket(AF_INET6, SOCK_STREAM, 0), epoll = epoll_create1(0);
  struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(argc > 1 ? atoi(argv[1]) : 80)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 1024) < 0)
    return fail("listen");
  add(epoll, listener);
  for (;;) {
    struct epoll_event events[64];
    int count = epoll_wait(epoll, events, 64, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.fd != listener) {
        answer(events[i].data.fd);
        continue;
      }
      int fd = accept(listener, NULL, NULL);
      if (fd < 0) continue;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      add(epoll, fd);
    }
  }
}
