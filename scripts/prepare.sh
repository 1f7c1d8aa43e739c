#!/usr/bin/env bash
# Makes a checkout ready: what the build needs from Debian, node_modules, dist/. Quick when nothing is missing.
#   prepare.sh          for `npm start`
#   prepare.sh --test   also what the tests need
set -euo pipefail
cd "$(dirname "$0")/.."
# root's PATH lacks the sbin directories in some shells (su without -, cron).
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

say() { printf 'prepare: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

missing=()
have gcc || missing+=(gcc)
have make || missing+=(make)
# The launcher is linked statically: headers alone are not enough.
[ -e /usr/include/stdio.h ] && compgen -G '/usr/lib/*-linux-gnu/libc.a' >/dev/null || missing+=(libc6-dev)
have iptables-restore || missing+=(iptables)
if [ "${1:-}" = --test ]; then
  have ip || missing+=(iproute2)
  have unshare && have nsenter || missing+=(util-linux)
  have script || missing+=(bsdutils)
  # A dynamically linked busybox is no use in a root filesystem of its own.
  have busybox && ! ldd "$(command -v busybox)" >/dev/null 2>&1 || missing+=(busybox-static)
  # A real registry, with passwords and certificates, and what others make of images, to compare with.
  have docker-registry || missing+=(docker-registry)
  have htpasswd || missing+=(apache2-utils)
  have openssl || missing+=(openssl)
  have skopeo || missing+=(skopeo)
  have umoci || missing+=(umoci)
  have zstd || missing+=(zstd)
  have python3 || missing+=(python3)
  have mmdebstrap || missing+=(mmdebstrap)
  # Another firewall, for fake hosts. It stays disabled on this one. (firewalld would start as it is installed: with it, its tests run too.)
  have nft || missing+=(nftables)
  have ufw || missing+=(ufw)
fi

if [ ${#missing[@]} -gt 0 ]; then
  install="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
  have apt-get || die "missing: ${missing[*]}; this is no Debian, install them with your package manager"
  [ "$(id -u)" = 0 ] || die "missing: ${missing[*]}; run as root: $install"
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -q && apt-get install -y -q --no-install-recommends "${missing[@]}"; } >&2 ||
    die "cannot install ${missing[*]}; is a Debian mirror reachable?"
fi

have node && have npm || die "Node.js 20.19 or newer and npm are needed: https://nodejs.org"

# A linked node_modules belongs to another checkout, which keeps it.
stamp=node_modules/.tsstack-lock
if [ ! -L node_modules ]; then
  lock=$(sha256sum package-lock.json)
  if [ ! -d node_modules ] || [ "$(cat "$stamp" 2>/dev/null)" != "$lock" ]; then
    say 'installing node_modules'
    npm ci --no-audit --no-fund --loglevel=error >&2 || die '`npm ci` failed; is an npm registry reachable?'
    printf '%s\n' "$lock" >"$stamp"
  fi
fi

node scripts/build.mjs >&2 || die 'the build failed'

if [ "${1:-}" = --test ]; then
  # A fake host has no way to the mirrors: what its tests make images of is fetched now.
  scripts/debian-mirror.sh dist/debian-mirror >&2 || say 'no Debian packages could be fetched: tests of images made of them are skipped'
fi
