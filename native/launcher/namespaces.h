#pragma once
#include "options.h"

/** Takes the caller, which has one thread, into the network namespace that is to be joined, if one is. -1 after fail().
 */
int network_join(const struct options *options);
/** A child in all new namespaces but, where it isn't its own, that of the network, in the v2 cgroup if there is one. 0
 * in the child; -1 after fail(). */
pid_t namespaces_clone(const struct options *options, int *pidfd);
/** uid_map and gid_map of the child (user_namespaces(7)). -1 after fail(). */
int namespaces_map_ids(pid_t pid, const struct options *options);
/** Puts a process into the v1 cgroups, and with `unified` into the v2 one. 0 is the caller. -1 after fail(). */
int cgroups_join(pid_t pid, const struct options *options, bool unified);
