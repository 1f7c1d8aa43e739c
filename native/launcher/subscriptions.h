#pragma once
#include "server.h"

/** `subscribe`: events of the host from now on. -1 after fail(). */
int subscription_host(const struct server *server, const char *id);
/** `subscribe-container name pid startTime [oomFile]`: events of its namespaces and its cgroup, until that process
 * ends. -1 after fail(). */
int subscription_begin(const struct server *server, const char *id, char **arguments, size_t count);
/** `unsubscribe-container name` */
int subscription_end(const struct server *server, const char *id, const char *name);
