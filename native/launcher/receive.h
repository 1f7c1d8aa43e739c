#pragma once
#include <stddef.h>

/**
 * Puts files from standard input into a container, as PROTOCOL.md says. `words`: init pid, its start time, uid, gid,
 * capabilities. Exit code: 0 if all could be read and was answered for.
 */
int receive_main(char **words);
