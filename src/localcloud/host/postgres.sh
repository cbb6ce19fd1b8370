#!/bin/sh
# A database host's process 1 after the file system is laid: sets the cluster up
# on its first boot, then becomes the server. Reads from standard input, never
# from a file: for a writer the statements that make its roles and database, for
# a replica the replication password. $1 is `writer` or the source's host name.
set -eu
BIN=/usr/lib/postgresql/15/bin
DATA=/var/lib/postgresql/15/main
CONF=/etc/loadrig/postgresql.conf
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
mkdir -p /run/postgresql
chown postgres: /run/postgresql
export LC_ALL=C.UTF-8
cd /
if [ ! -e "$DATA/../set-up" ]; then
  if [ "$1" = writer ]; then
    as_postgres "$BIN/postgres" --single -D "$DATA" -c fsync=off -c hba_file=/etc/loadrig/pg_hba.conf postgres >/dev/null
  else
    read -r PGPASSWORD
    export PGPASSWORD
    rm -rf "${DATA:?}"
    tries=0
    until as_postgres "$BIN/pg_basebackup" --pgdata="$DATA" --checkpoint=fast --wal-method=stream --no-sync \
      --write-recovery-conf --dbname="host=$1 user=rdsrepladmin sslmode=verify-full sslrootcert=/etc/ssl/certs/ca-certificates.crt"; do
      tries=$((tries + 1))
      [ "$tries" -lt 60 ] || exit 1
      rm -rf "${DATA:?}"
      sleep 0.5
    done
    unset PGPASSWORD
  fi
  touch "$DATA/../set-up"
fi
exec setpriv --reuid=postgres --regid=postgres --init-groups \
  "$BIN/postgres" -D "$DATA" -c config_file="$CONF" -c hba_file=/etc/loadrig/pg_hba.conf </dev/null
