#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <termios.h>

/** The caller's terminal joined to the one of a command: keys one way, output the other. */
struct terminal {
  /** Master end of the command's. */
  int master;
  /** Input goes on; false at its end or without it. */
  bool input;
  /** Ours is in raw mode, and was like this before. */
  bool raw;
  struct termios before;
  /** Input that the command's terminal has no room for yet. */
  size_t held;
  char buffer[4096];
};

/** -1 after fail(). Call terminal_close() whatever comes. */
int terminal_open(struct terminal *terminal, int master, bool input);
/** What poll(2) should look for: on our input, and on the master. */
short terminal_wants_input(const struct terminal *terminal);
short terminal_wants_master(const struct terminal *terminal);
/** Reads keys. */
void terminal_read_input(struct terminal *terminal);
/** Passes keys on and output back. False once the command's side is closed. */
bool terminal_pump(struct terminal *terminal);
/** Gives the command's terminal the size of ours. */
void terminal_resize(const struct terminal *terminal);
/** The same, for a terminal that nobody has joined yet: `to` is one of its ends. */
void terminal_give_size(int to);
/** Shows the rest of the output and leaves our terminal as it was. */
void terminal_close(struct terminal *terminal);
