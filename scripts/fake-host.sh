#!/bin/sh
# Runs a command on a fake host: network, mount and process namespaces of its own, with `lo` up. Links, rules, mounts and
# processes it makes are seen by nobody else and end with it. cgroups and files are the real ones.
#   scripts/fake-host.sh COMMAND [ARGUMENT...]
[ $# -gt 0 ] || { echo "usage: $0 COMMAND [ARGUMENT...]" >&2; exit 2; }
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
# Tests compare their own namespace with this one and refuse to run if it is the same.
TSSTACK_FAKE_HOST=$(readlink /proc/self/ns/net)
export PATH TSSTACK_FAKE_HOST
# It costs Node 20 47 ms at every start, and no test goes to the internet.
unset NODE_EXTRA_CA_CERTS
# The shell stays as PID 1: its wait(2) reaps the orphans (monitors) that are reparented to it, which node does not do.
exec unshare --net --mount --pid --fork --kill-child --mount-proc --propagation private \
  sh -c 'ip link set lo up && "$@"; exit $?' sh "$@"
