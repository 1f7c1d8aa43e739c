#!/bin/bash
# Runs a command under a kernel with nothing but cgroup v2, and ends with its exit code.
#
#   test/v2/run.sh COMMAND [ARG...]
#
# Debian's cloud kernel is booted in QEMU without hardware virtualisation. Its root is this machine's, shared read-only through virtiofs
# under a tmpfs overlay: the same files at the same paths, and nothing it writes stays. Nothing is installed on this machine: packages are
# unpacked into a cache folder. Needs root (virtiofsd), apt-get with Debian's packages, dpkg-deb, busybox and mkfs.ext4.
set -euo pipefail

repository=$(cd "$(dirname "$0")/../.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/tsstack-v2
root=$cache/root
[ $# -gt 0 ] || { echo "usage: $0 COMMAND [ARG...]" >&2; exit 2; }

fail() {
  echo "test/v2/run.sh: $*" >&2
  exit 125
}

# This machine cannot have the guest: 77, as for a skipped test of Automake.
unavailable() {
  echo "test/v2/run.sh: $*" >&2
  exit 77
}

# Whole or absent: the folder gets its name when all is in it.
fetch_packages() {
  local unpacked=$cache/new.$$ kernel packages
  mkdir -p "$unpacked/debs"
  kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '$1 == "Depends:" { print $2; exit }')
  [ -n "$kernel" ] || unavailable 'no linux-image-cloud-amd64 among the packages: try `apt-get update`'
  # What this machine has not got of QEMU's dependencies, and QEMU itself even if it has.
  mapfile -t packages < <({
    printf '%s\n' "$kernel" qemu-system-x86 qemu-system-common qemu-system-data seabios
    apt-get install -s --no-install-recommends qemu-system-x86 | awk '$1 == "Inst" { print $2 }'
  } | sort -u)
  (
    cd "$unpacked/debs"
    apt-get download -qq "${packages[@]}" 2>"$unpacked/log" ||
      { tail -n 1 "$unpacked/log" >&2; rm -r "$unpacked"; unavailable 'cannot download QEMU and the kernel'; }
    for package in *.deb; do dpkg-deb -x "$package" "$unpacked"; done
  )
  rm -r "$unpacked/debs"
  # What a package's own script would do: which module needs which, and which answers to what name.
  busybox depmod -b "$unpacked" "$(basename "$unpacked"/lib/modules/*)"
  mv "$unpacked" "$root"
}

# What must be loaded before the shared root can be mounted. In order of dependency: an initramfs has no depmod.
modules='virtio/virtio_ring virtio/virtio virtio/virtio_pci_modern_dev virtio/virtio_pci_legacy_dev virtio/virtio_pci'

make_initramfs() {
  local tree=$1/tree module kernel
  mkdir -p "$tree"/{bin,sbin,lib,dev,proc,sys,host,new,modules}
  cp "$(command -v busybox)" "$tree/bin/busybox"
  ln -s busybox "$tree/bin/sh"
  # All others are loaded by the kernel itself when they are first used: it runs /sbin/modprobe of its first root.
  ln -s ../bin/busybox "$tree/sbin/modprobe"
  ln -s "/host$root/lib/modules" "$tree/lib/modules"
  kernel=$(echo "$root"/lib/modules/*/kernel)
  for module in $modules; do cp "$kernel/drivers/$module.ko" "$tree/modules/"; done
  cp "$kernel"/fs/fuse/{fuse,virtiofs}.ko "$kernel/fs/overlayfs/overlay.ko" "$tree/modules/"
  for module in $modules fuse virtiofs overlay; do echo "${module##*/}"; done >"$tree/modules/order"
  cp "$repository/test/v2/init.sh" "$tree/init"
  {
    printf 'cd %q || exit 125\n' "$repository"
    printf 'export PATH=%q HOME=/root TERM=dumb NO_COLOR=1 LANG=C.UTF-8\n' "$PATH"
    printf 'exec'
    printf ' %q' "${@:2}"
    echo
  } >"$tree/command"
  chmod +x "$tree/init"
  (cd "$tree" && find . | busybox cpio -o -H newc 2>/dev/null) >"$1/initramfs"
}

[ "$(id -u)" = 0 ] || unavailable 'needs root: the whole of / is shared with the guest'
command -v busybox >/dev/null || unavailable 'no busybox: try `apt-get install busybox-static`'
mkdir -p "$cache"
[ -d "$root" ] || fetch_packages

work=$(mktemp -d)
virtiofsd=
cleanup() {
  [ -z "$virtiofsd" ] || kill "$virtiofsd" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
make_initramfs "$work" "$@"
truncate -s 1G "$work/disk"
mkfs.ext4 -q "$work/disk" || fail 'no disk for the guest'

libraries=$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu:$root/usr/lib/x86_64-linux-gnu/libfuse3
LD_LIBRARY_PATH=$libraries "$root/usr/lib/qemu/virtiofsd" --socket-path="$work/virtiofs" -o source=/ -o sandbox=chroot -o cache=always \
  >"$work/virtiofsd.log" 2>&1 &
virtiofsd=$!
# It makes its socket when it is ready for QEMU.
for ((left = 500; left > 0; left--)); do
  [ ! -S "$work/virtiofs" ] || break
  kill -0 "$virtiofsd" 2>/dev/null || { cat "$work/virtiofsd.log" >&2; fail 'virtiofsd ended'; }
  read -rt 0.01 <> <(:) || true
done

seconds=${TSSTACK_V2_TIMEOUT:-900}
# A console for the guest's kernel, one for the command's output, one for its exit code.
LD_LIBRARY_PATH=$libraries timeout "$seconds" "$root/usr/bin/qemu-system-x86_64" -L "$root/usr/share/qemu" -L "$root/usr/share/seabios" \
  -machine q35 -accel tcg -cpu max -smp 2 -m 1G -nodefaults -no-reboot -display none \
  -object memory-backend-memfd,id=memory,size=1G,share=on -numa node,memdev=memory \
  -chardev "socket,id=root,path=$work/virtiofs" -device vhost-user-fs-pci,chardev=root,tag=root \
  -drive "file=$work/disk,format=raw,if=virtio,cache=unsafe" \
  -serial "file:$work/kernel.log" -serial stdio -serial "file:$work/code" \
  -kernel "$root"/boot/vmlinuz-* -initrd "$work/initramfs" -append 'console=ttyS0 panic=-1 cgroup_no_v1=all' </dev/null ||
  { status=$?; tail -n 50 "$work/kernel.log" >&2; [ "$status" = 124 ] && fail "the guest did not end within $seconds s"; fail 'QEMU failed'; }

code=$(tr -dc 0-9 <"$work/code")
[ -n "$code" ] && [ "$code" != 125 ] || { tail -50 "$work/kernel.log" >&2; fail 'the guest could not run the command'; }
exit "$code"
