#pragma once
#include <stdbool.h>
#include <stddef.h>

struct name {
  /** Without the directory. */
  const char *text;
  /** What lower layers have under that name is hidden, and nothing is here. */
  bool whiteout;
};

/** What is in a directory. */
struct names {
  struct name *list;
  size_t count;
  char *bytes;
};

/** Whiteouts first, as image-spec's layer.md asks for ("Whiteouts"), then the rest; both sorted by their bytes. */
int names_read(const char *directory, struct names *names);
void names_free(struct names *names);
