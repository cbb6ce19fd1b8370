# What the runner and the checks ask a host alike. They set `root` before they call it, and stand below
# this file in what is sent (src/hosts/bundle.rs).

# modes_hold FILE: whether files have the permissions that FILE lists, as `MODE PATH`.
modes_hold() {
    [ ! -s "$1" ] ||
        (cd "$root/" && cut -d ' ' -f 2- "$1" | xargs -d '\n' stat -c '%a %n' 2>/dev/null | cmp -s - "$1")
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
