#!/bin/sh
# PID 1 of the guest: a writable copy of the shared root, nothing but cgroup v2, the command, its exit code, power off.
set -e
export PATH=/bin
busybox mount -t proc none /proc
busybox mount -t sysfs none /sys
busybox mount -t devtmpfs none /dev
trap 'echo 125 >/dev/ttyS2; busybox poweroff -f' EXIT
while read -r module; do busybox insmod "/modules/$module.ko"; done </modules/order

busybox mount -t virtiofs -o ro root /host
# An overlay's upper directory cannot sit on an overlay (mount(8) says so of nested ones): what tests write goes to plain tmpfs.
busybox mount -t tmpfs none /new
busybox mkdir /new/upper /new/work /new/root
busybox mount -t overlay -o lowerdir=/host,upperdir=/new/upper,workdir=/new/work none /new/root
cd /new/root
for kind in proc sys dev; do busybox mount --move "/$kind" "$kind"; done
# Nor is tmpfs what containers live on where this kernel is used: it has no idmapped mounts before 6.3.
busybox modprobe virtio_blk
busybox mkdir -p tmp
busybox mount -t ext4 dev/vda tmp
busybox chmod 1777 tmp
busybox mkdir -p lib/modules
busybox mount --bind /lib/modules/ lib/modules
for folder in run dev/shm; do
  busybox mkdir -p "$folder"
  busybox mount -t tmpfs none "$folder"
done
busybox mkdir -p dev/pts
busybox mount -t devpts none dev/pts
busybox mount -t cgroup2 none sys/fs/cgroup
busybox ip link set lo up
# Not a mere chroot: whoever is in one may not make a user namespace (clone(2), EPERM). The shell itself stays outside.
busybox mount --move . /

# No terminal for the command: programs draw on one, and a serial line adds carriage returns.
busybox stty -F dev/ttyS1 raw
code=0
busybox chroot . /bin/bash -o pipefail -c '{ '"$(busybox cat /command)"'
} 2>&1 | cat' <dev/null >dev/ttyS1 2>&1 || code=$?
echo "$code" >dev/ttyS2
trap - EXIT
busybox poweroff -f
