#include "terminal.h"

#include "fail.h"
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int terminal_open(struct terminal *terminal, int master, bool input)
{
  *terminal = (struct terminal){.master = master, .input = input};
  if (fcntl(master, F_SETFL, O_NONBLOCK) < 0) return fail("terminal", errno, "master");
  if (!input || !isatty(STDIN_FILENO)) return 0;
  if (tcgetattr(STDIN_FILENO, &terminal->before) < 0) return fail("terminal", errno, "stdin");
  struct termios raw = terminal->before;
  cfmakeraw(&raw);
  if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0) return fail("terminal", errno, "stdin");
  terminal->raw = true;
  return 0;
}

void terminal_resize(const struct terminal *terminal)
{
  terminal_give_size(terminal->master);
}

void terminal_give_size(int to)
{
  struct winsize size;
  for (int fd = 0; fd < 3; fd++) {
    if (ioctl(fd, TIOCGWINSZ, &size) < 0) continue;
    ioctl(to, TIOCSWINSZ, &size);
    return;
  }
}

short terminal_wants_input(const struct terminal *terminal)
{
  return terminal->input && terminal->held == 0 ? POLLIN : 0;
}

short terminal_wants_master(const struct terminal *terminal)
{
  return terminal->held > 0 ? POLLIN | POLLOUT : POLLIN;
}

void terminal_read_input(struct terminal *terminal)
{
  ssize_t got = read(STDIN_FILENO, terminal->buffer, sizeof terminal->buffer);
  if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (got > 0) {
    terminal->held = (size_t)got;
    return;
  }
  /* The end of a pipe becomes the end-of-file character of the command's terminal (termios(3), VEOF). */
  terminal->input = false;
  terminal->buffer[0] = 4;
  terminal->held = 1;
}

bool terminal_pump(struct terminal *terminal)
{
  if (terminal->held > 0) {
    ssize_t written = write(terminal->master, terminal->buffer, terminal->held);
    if (written > 0) {
      terminal->held -= (size_t)written;
      memmove(terminal->buffer, terminal->buffer + written, terminal->held);
    }
  }
  char output[4096];
  ssize_t got = read(terminal->master, output, sizeof output);
  if (got > 0) return write_all(STDOUT_FILENO, output, (size_t)got) == 0;
  return got < 0 && (errno == EAGAIN || errno == EINTR);
}

void terminal_close(struct terminal *terminal)
{
  char output[4096];
  ssize_t got;
  while ((got = read(terminal->master, output, sizeof output)) > 0)
    if (write_all(STDOUT_FILENO, output, (size_t)got) < 0) break;
  if (terminal->raw) tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal->before);
  terminal->raw = false;
}
