#!/bin/bash
# boot.sh FOLDER: this machine as if it had just been installed, on top of its own files, which stay as they are: what is written
# goes to memory. Its systemd is process 1 of namespaces of its own, without a network but for the loopback. It is booted again
# as often as it reboots, and ends when it is powered off. Run it in a mount and a network namespace of its own.
set -eu
root=$1/root
mount --make-rprivate /
mount -t tmpfs memory "$1"
mkdir -p "$1/upper" "$1/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" machine "$root"
ip link set lo up

# Nothing of this machine is started but what is installed by the test.
rm -rf "$root/etc/systemd/system"
mkdir -p "$root/etc/systemd/system"
: >"$root/etc/machine-id"
rm -rf "$root/etc/qrsd" "$root/var/lib/qrsd" "$root/var/lib/qrsd-key"

export root
boot() {
	unshare --pid --fork --uts --ipc --cgroup --mount bash -eu <<'INNER'
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs cgroup "$root/sys/fs/cgroup"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs run "$root/run"
mount -t tmpfs tmp "$root/tmp"
mount -t tmpfs -o mode=755 dev "$root/dev"
for node in null zero full random urandom tty; do
	: >"$root/dev/$node"
	mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
# Not chroot: in one, no user namespaces are made, and the unit asks for one.
mkdir -p "$root/before"
cd "$root"
pivot_root . before
umount -l /before
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=multi-user.target
INNER
}
while true; do
	code=0
	boot || code=$?
	# The kernel ends the first process of a namespace with SIGHUP for a reboot, with SIGINT for a power-off.
	if ((code != 129)); then exit "$code"; fi
done
