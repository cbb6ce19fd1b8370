# What the runner and the checks ask a host alike. They set `root` and `state` before they call it, and stand below
# this file in what is sent (src/hosts/bundle.rs).

# modes_hold FILE: whether files have the permissions that FILE lists, as `MODE PATH`.
modes_hold() {
    [ ! -s "$1" ] ||
        (cd "$root/" && cut -d ' ' -f 2- "$1" | xargs -d '\n' stat -c '%a %n' 2>/dev/null | cmp -s - "$1")
}

# stage_holds STAGE: whether all is as the last bundle of the stage left it: files, permissions, services.
stage_holds() {
    [ -e "$state/$1.units" ] || return 1
    [ ! -s "$state/$1.sums" ] ||
        (cd "$root/" && sha256sum --status -c "$state/$1.sums") || return 1
    modes_hold "$state/$1.modes" || return 1
    while read -r unit; do
        systemctl is-active --quiet "$unit" && systemctl is-enabled --quiet "$unit" || return 1
        [ "$unit" != nginx ] || ! nginx_behind || return 1
    done <"$state/$1.units"
}

# systemd_said UNIT SINCE: what systemd says of a start that did not go well, the newest last.
systemd_said() {
    journalctl "UNIT=$1.service" --since "$2" -n 100 --no-pager -o cat 2>/dev/null |
        grep -E 'exited|[Ff]ailed|killed|[Tt]imed out|No such' | tail -n 4 || true
}

# Whether nginx has workers that began before a file of its configuration changed, and that were not
# told to end: they work by what was there before. The inode's change time counts, since whoever
# copies an old file back sets the time of its content back too.
nginx_behind() {
    [ -s "$root/run/nginx.pid" ] || return 1
    written=$(stat -c %.Z "$root/etc/nginx/nginx.conf" "$root"/etc/nginx/conf.d/* "$root"/etc/nginx/tls/* \
        2>/dev/null | sort -n | tail -n 1)
    # The time first: a worker is then rather taken for younger than it is.
    read -r up _ </proc/uptime
    now=$(date +%s.%N)
    ticks=$(getconf CLK_TCK)
    for pid in $(pgrep -P "$(cat "$root/run/nginx.pid")"); do
        case $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null) in
        *"shutting down"*) ;;
        "nginx: worker process"*)
            sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null |
                awk -v now="$now" -v up="$up" -v ticks="$ticks" -v written="${written:-0}" \
                    '{ exit !(now - up + $20 / ticks < written) }' && return 0
            ;;
        esac
    done
    return 1
}
