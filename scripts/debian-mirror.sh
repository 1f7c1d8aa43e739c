#!/usr/bin/env bash
# A part of a Debian mirror: the index as it is there, signature and all, and the packages that the tests install, with what they need.
# On a fake host no other is reachable. What is there already is not fetched again.
#   scripts/debian-mirror.sh DIRECTORY
#   DEBIAN_MIRROR   where from; http://deb.debian.org/debian
set -euo pipefail
[ $# = 1 ] || { echo "usage: $0 DIRECTORY" >&2; exit 2; }
directory=$1
suite=bookworm
packages=(postgresql redis-server nginx-light python3-psycopg2 python3-redis)
wanted="$suite ${packages[*]}"
[ "$(cat "$directory/wanted" 2>/dev/null)" != "$wanted" ] || exit 0
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
architecture=$(dpkg --print-architecture)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists/partial,archives/partial}
echo "deb [signed-by=$keyring] $mirror $suite main" >"$work/sources.list"
: >"$work/status"
apt() {
  apt-get -q -o Dir::State::lists="$work/lists" -o Dir::State::status="$work/status" -o Dir::Cache::archives="$work/archives" \
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o Acquire::Languages=none \
    -o APT::Install-Recommends=false -o APT::Sandbox::User=root -o APT::Keep-Downloaded-Packages=true "$@"
}
apt update --error-on=any
set_of=('?essential' apt usr-is-merged "${packages[@]}")
apt install -y --download-only "${set_of[@]}"

mkdir -p "$directory/dists/$suite/main/binary-$architecture"
cp "$work"/lists/*_dists_"$suite"_InRelease "$directory/dists/$suite/InRelease"
index="dists/$suite/main/binary-$architecture/Packages.xz"
/usr/lib/apt/apt-helper download-file "$mirror/$index" "$directory/$index"
# 'URI' file size hash: by the URI, where it is in the mirror.
mkdir -p "$work/none"
apt install -y --print-uris -qq -o Dir::Cache::archives="$work/none" "${set_of[@]}" | while read -r uri file _; do
  uri=${uri#\'} uri=${uri%\'}
  path=${uri#"$mirror"/}
  printf -v path %b "${path//%/\\x}"
  mkdir -p "$directory/$(dirname "$path")"
  mv "$work/archives/$file" "$directory/$path"
done
printf '%s\n' "$wanted" >"$directory/wanted"
