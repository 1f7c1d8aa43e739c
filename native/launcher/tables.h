#pragma once
#include "server.h"

#include <stddef.h>

/**
 * `watch-tables table…`: those of the legacy iptables and, as `filter6`, of ip6tables, and no others, once a second.
 * None: no more. -1 after fail().
 */
int tables_watch(const struct server *server, const char *id, char **names, size_t count);
