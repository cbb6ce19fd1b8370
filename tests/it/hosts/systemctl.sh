#!/bin/sh
# A systemctl that only remembers: every unit that was started is active.
units=$LOADRIG_ROOT/units
mkdir -p "$units"
for unit; do :; done
echo "$*" >>"$LOADRIG_ROOT/systemctl.log"
case "$1" in
restart) : >"$units/$unit" ;;
is-active) [ -e "$units/$unit" ] ;;
show)
    case "$*" in
    *NRestarts*) echo 0 ;;
    *) if [ -e "$units/$unit" ]; then printf 'active\nrunning\n'; else printf 'inactive\ndead\n'; fi ;;
    esac
    ;;
esac
