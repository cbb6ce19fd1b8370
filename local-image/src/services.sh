#!/bin/sh
# Builds the layer of the managed services' hosts over the base image: Redis, and
# PostgreSQL with one initialised cluster that every database starts as a copy of.
# Runs in a mount namespace of its own. Arguments: base image, target directory, packages.
set -eu
BASE=$1 LAYER=$2 PACKAGES=$3
mkdir -p "$LAYER/upper" "$LAYER/work" "$LAYER/root"
ROOT=$LAYER/root
mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$LAYER/upper,workdir=$LAYER/work" "$ROOT"
mount -t proc proc "$ROOT/proc"
cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
printf '#!/bin/sh\nexit 101\n' >"$ROOT/usr/sbin/policy-rc.d"
chmod 755 "$ROOT/usr/sbin/policy-rc.d"

export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
mkdir -p "$ROOT/etc/postgresql-common"
echo 'create_main_cluster = false' >"$ROOT/etc/postgresql-common/createcluster.conf"
# shellcheck disable=SC2086
chroot "$ROOT" apt-get -qq -y install $PACKAGES </dev/null

BIN=/usr/lib/postgresql/15/bin
DATA=/var/lib/postgresql/15/main
chroot "$ROOT" setpriv --reuid=postgres --regid=postgres --init-groups \
  "$BIN/initdb" --pgdata="$DATA" --username=rdsadmin --encoding=UTF8 --locale=C.UTF-8 --auth=reject --no-sync --wal-segsize=16 >/dev/null
# Every parameter this server knows: what a parameter group sets beyond that is left out.
chroot "$ROOT" setpriv --reuid=postgres --regid=postgres --init-groups \
  "$BIN/postgres" --describe-config | cut -f1 >"$ROOT/var/lib/postgresql/parameters"

chroot "$ROOT" apt-get clean
rm -f "$ROOT/etc/resolv.conf" "$ROOT/usr/sbin/policy-rc.d"
umount "$ROOT/proc"
umount "$ROOT"
# Only the layer stays; its whiteouts hide the base's archives, which no service needs.
rm -rf "$LAYER/work" "$LAYER/root"
