#pragma once
#include <stdbool.h>

/**
 * The kernel's multicast of changes, told to the engine as frames `event …` (PROTOCOL.md): what kind of thing, where,
 * and no more. What is there now is for the engine to look at.
 */

/** Non-blocking socket that hears of links, IPv4 addresses, routes and settings in the caller's network namespace. -1
 * with errno. */
int events_open_links(void);
/** The same for nftables, in which iptables-nft keeps its rules. -1 with errno. */
int events_open_rules(void);

/** Reads what has come and tells the engine, the same thing once. `container`: null for the host. */
void events_tell_links(int engine, int socket, const char *container);
void events_hear_rules(int engine, int socket);
void events_tell_rules(int engine);
void events_tell_mounts(int engine, const char *container);
/** Out of memory. */
void events_tell_oom(int engine, const char *container);
