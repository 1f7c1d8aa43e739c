#pragma once
#include "server.h"

#include <stddef.h>

/** Forks a monitor; it answers when init exists. -1 after fail(). */
int creation_begin(const struct server *server, const char *id, char **options, size_t count);
/** Lets the init of that monitor go on; it answers when the command runs. -1 after fail(). */
int creation_start(const struct server *server, const char *id, const char *monitor_pid);
