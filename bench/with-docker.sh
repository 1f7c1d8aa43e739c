#!/bin/sh
# Runs a command with a Docker of its own: in a network, mount and process namespace of their own, so that the host's isn't touched.
#   scripts/fake-host.sh sh bench/with-docker.sh COMMAND [ARGUMENT...]
[ $# -gt 0 ] || { echo "usage: scripts/fake-host.sh sh $0 COMMAND [ARGUMENT...]" >&2; exit 2; }
[ "$TSSTACK_FAKE_HOST" ] || { echo "$0: run it through scripts/fake-host.sh: dockerd would take over this host's network" >&2; exit 2; }
mount -t tmpfs tmpfs /run || exit 1
# Not below /tmp, which may be a tmpfs.
data=$(mktemp -d /var/tmp/tsstack-bench-docker-XXXXXX)
dockerd --data-root "$data/root" --exec-root /run/docker --pidfile /run/docker.pid --host unix:///run/docker.sock >"$data/log" 2>&1 &
dockerd=$!
until docker info >/dev/null 2>&1; do
  kill -0 $dockerd 2>/dev/null || { cat "$data/log" >&2; exit 1; }
  sleep 0.1
done
"$@"
code=$?
kill $dockerd
wait $dockerd
rm -rf "$data"
exit $code
