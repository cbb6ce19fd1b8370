#!/bin/sh
# Process 1 of a host's new mount, pid, uts, ipc and cgroup namespaces: lays the
# root file system, then becomes the host's init (or the one service it runs).
# The mounts live in this namespace alone, so killing process 1 leaves none.
# Environment: LAYERS (overlay lower directories), DISK (holds upper, work and
# root), NAME (host name), INIT (what to run).
set -eu
R=$DISK/root
mount -t overlay overlay -o "lowerdir=$LAYERS,upperdir=$DISK/upper,workdir=$DISK/work" "$R"
mount -t proc -o nosuid,nodev,noexec proc "$R/proc"
# A host owns its network's settings and nothing else of the kernel. The network
# part is bound first: the read-only remount that follows leaves it out.
mount --bind "$R/proc/sys/net" "$R/proc/sys/net"
mount --rbind "$R/proc/sys" "$R/proc/sys"
mount -o remount,bind,ro "$R/proc/sys"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$R/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$R/sys/fs/cgroup"
mount -t tmpfs -o mode=755,nosuid,size=1m tmpfs "$R/dev"
node() { mknod -m 666 "$R/dev/$1" c "$2" "$3"; }
node null 1 3
node zero 1 5
node full 1 7
node random 1 8
node urandom 1 9
node tty 5 0
mkdir "$R/dev/pts" "$R/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$R/dev/pts"
ln -s pts/ptmx "$R/dev/ptmx"
ln -s /proc/self/fd "$R/dev/fd"
ln -s /proc/self/fd/0 "$R/dev/stdin"
ln -s /proc/self/fd/1 "$R/dev/stdout"
ln -s /proc/self/fd/2 "$R/dev/stderr"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$R/dev/shm"
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs "$R/run"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$R/tmp"
hostname "$NAME"
cd "$R"
pivot_root . mnt
umount -l /mnt
# cloud-init's early stage: what user data asks for before any service starts.
if [ -f /var/lib/cloud/instance/boot-init ]; then
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin /bin/sh /var/lib/cloud/instance/boot-init >>/var/log/cloud-init.log 2>&1 ||
    echo "the early stage of the user data failed" >>/var/log/cloud-init.log
  rm -f /var/lib/cloud/instance/boot-init
fi
# shellcheck disable=SC2086
exec env -i container=loadrig "container_uuid=$(cat /proc/sys/kernel/random/uuid)" \
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin $INIT
