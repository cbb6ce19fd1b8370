#!/bin/sh
# Builds the local "AMI": Debian 12 as a directory tree, much like Debian's own
# image on AWS. Arguments: the target directory, the packages it holds, and the
# packages whose archives it carries (hosts have no route to a mirror, and still
# run `apt-get install` for real).
set -eu
ROOT=$1 PACKAGES=$2 ARCHIVES=$3

SOURCES=/etc/apt/sources.list.d/debian.sources
if ! grep -qs bookworm "$SOURCES"; then
  SOURCES=$(mktemp)
  trap 'rm -f "$SOURCES"' EXIT
  cat >"$SOURCES" <<'SOURCES'
deb http://deb.debian.org/debian bookworm main
deb http://deb.debian.org/debian bookworm-updates main
deb http://security.debian.org/debian-security bookworm-security main
SOURCES
fi

# The machine's own proxy and date settings: without them its mirror may not answer.
set --
for line in $(apt-config dump | sed -n 's/^\(Acquire::\(Check-[A-Za-z-]*\|https\?::Proxy\)\) "\([^" ]*\)";$/\1=\3/p'); do
  set -- "$@" --aptopt="${line%%=*} \"${line#*=}\""
done

# `--skip=cleanup/apt` keeps the package lists: `apt-get install` in a host starts at once.
mmdebstrap --mode=root --variant=apt --skip=cleanup/apt --include="$PACKAGES" "$@" \
  --aptopt='Apt::Install-Recommends "false"' \
  --aptopt='Acquire::Languages "none"' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='force-unsafe-io' \
  --customize-hook='chroot "$1" apt-get clean' \
  --customize-hook="chroot \"\$1\" apt-get -qq -y install --download-only $ARCHIVES" \
  --customize-hook='chroot "$1" apt-cache gencaches -q' \
  bookworm "$ROOT" "$SOURCES"

echo "preparing the image for first boots"
rm -f "$ROOT"/etc/ssh/ssh_host_*key* "$ROOT/etc/machine-id" "$ROOT/etc/hostname" "$ROOT/etc/resolv.conf"
: >"$ROOT/etc/machine-id"

# No console, no devices, no clock of its own, few timers: these units want
# hardware or a kernel that a host in namespaces does not own. apt's timers stay: they
# are what installs security updates where a host is told to.
for unit in getty.target console-getty.service systemd-udevd.service systemd-udev-trigger.service \
  systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-timesyncd.service systemd-resolved.service \
  systemd-networkd.service dpkg-db-backup.timer e2scrub_all.timer \
  e2scrub_reap.service fstrim.timer systemd-firstboot.service systemd-hwdb-update.service \
  systemd-modules-load.service sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
  sys-fs-fuse-connections.mount dev-hugepages.mount dev-mqueue.mount proc-sys-fs-binfmt_misc.automount \
  systemd-binfmt.service systemd-sysctl.service systemd-remount-fs.service systemd-pcrphase.service \
  systemd-pcrphase-sysinit.service systemd-boot-update.service systemd-repart.service \
  systemd-journal-catalog-update.service systemd-ask-password-console.path systemd-ask-password-wall.path \
  rescue.service emergency.service systemd-pstore.service systemd-random-seed.service \
  systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-journald-audit.socket; do
  ln -sf /dev/null "$ROOT/etc/systemd/system/$unit"
done
ln -sf /lib/systemd/system/multi-user.target "$ROOT/etc/systemd/system/default.target"
mkdir -p "$ROOT/etc/systemd/journald.conf.d" "$ROOT/var/lib/cloud/instance"
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=8M\nForwardToConsole=no\nReadKMsg=no\n' \
  >"$ROOT/etc/systemd/journald.conf.d/local.conf"

# What first-boot commands from user data run in.
cat >"$ROOT/etc/systemd/system/cloud-final.service" <<'UNIT'
[Unit]
Description=Commands of the instance's user data
After=network.target
ConditionPathExists=/var/lib/cloud/instance/runcmd

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c '/var/lib/cloud/instance/runcmd >>/var/log/cloud-init-output.log 2>&1; s=$?; mv /var/lib/cloud/instance/runcmd /var/lib/cloud/instance/runcmd.done; exit $s'
TimeoutSec=0

[Install]
WantedBy=multi-user.target
UNIT
chroot "$ROOT" systemctl -q enable ssh cloud-final

printf 'PasswordAuthentication no\nUseDNS no\nHostKey /etc/ssh/ssh_host_ed25519_key\n' \
  >"$ROOT/etc/ssh/sshd_config.d/local.conf"
chroot "$ROOT" useradd --create-home --shell /bin/bash --groups sudo --uid 1000 admin
echo 'admin ALL=(ALL) NOPASSWD:ALL' >"$ROOT/etc/sudoers.d/90-cloud-init-users"
chroot "$ROOT" ldconfig
