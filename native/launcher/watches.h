#pragma once
#include "server.h"

/** `signal pid startTime number`: sent to exactly that process. -1 after fail(), with ESRCH if it is gone. */
int watch_signal(const struct server *server, const char *id, char **arguments);
/** `watch pid startTime`: answers when exactly that process has ended; at once if it has. -1 after fail(). */
int watch_begin(const struct server *server, const char *id, char **arguments);
/** `unwatch id`: no answer, then, to that `watch`, nor to this. */
int watch_cancel(const struct server *server, const char *watched);
