#pragma once
#include <stddef.h>

/** Runs a command in a container with this process's stdio. Its exit code; 125 … 127 with a message on stderr if there
 * is none. */
int exec_main(char **options, size_t count);
