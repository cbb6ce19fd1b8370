# Kills a service at a moment, keeps it down for a time, and starts it again.
#   lose UNIT NUMBER AT_MS SECONDS   as a service of its own: waits until AT_MS (milliseconds since 1970)
#   back UNIT NUMBER                 when that service ends, whatever ended it
# What was done and when stands in files of the directory NUMBER.
set -eu
what=$1 unit=$2 directory=/run/loadrig-events/$3
now() { date +%s%3N; }

lose() {
  wait=$(($1 - $(now)))
  if [ "$wait" -gt 0 ]; then
    sleep "$((wait / 1000)).$(printf %03d $((wait % 1000)))"
  fi
  if ! systemctl is-active --quiet "$unit"; then
    echo "$unit was not running" >"$directory/failure"
    exit 1
  fi
  now >"$directory/begin"
  systemctl kill --signal=KILL "$unit"
  # Or systemd starts it again by itself.
  systemctl stop "$unit"
  sleep "$2"
}

back() {
  [ -e "$directory/begin" ] || exit 0
  if systemctl start "$unit"; then
    now >"$directory/end"
  else
    echo "$unit does not start again" >"$directory/failure"
  fi
}

case $what in
  lose) lose "$4" "$5" ;;
  back) back ;;
esac
