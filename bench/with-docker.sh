#!/bin/sh
# A Docker of its own for the command: run inside scripts/fake-host.sh
set -e
unset NODE_EXTRA_CA_CERTS
mount -t tmpfs tmpfs /run
data=$(mktemp -d /var/tmp/bench-docker-XXXXXX)
dockerd --data-root "$data" --exec-root /run/docker --host unix:///run/docker.sock --pidfile /run/docker.pid >"$data.log" 2>&1 &
pid=$!
n=0; until docker info >/dev/null 2>&1; do kill -0 $pid; n=$((n+1)); [ $n -lt 200 ]; sleep 0.1; done
code=0; "$@" || code=$?
kill $pid; wait $pid || true
rm -rf "$data" "$data.log" || true
exit $code
