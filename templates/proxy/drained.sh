# Waits until nginx has no request under way at an application node that it was told to leave out.
# Arguments: ADDRESS SECONDS. Prints the number of requests that are left.
address=$1
limit=$2
began=$(date +%s)
config=/etc/nginx/conf.d/mattermost.conf

# Workers that began before the configuration was written, and were not told to end yet: they
# still take requests for the node.
unaware() {
    written=$(stat -c %.Y "$config")
    boot=$(awk -v now="$(date +%s.%N)" '{ printf "%.2f", now - $1 }' /proc/uptime)
    ticks=$(getconf CLK_TCK)
    for pid in $(pgrep -P "$(cat /run/nginx.pid)"); do
        case $(tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null) in
        *"shutting down"*) ;;
        "nginx: worker process"*)
            sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null |
                awk -v boot="$boot" -v ticks="$ticks" -v written="$written" \
                    '{ exit !(boot + $20 / ticks < written) }' && return 0
            ;;
        esac
    done
    return 1
}

# Local ends of connections to the node that belong to requests. Those of websockets have a
# keep-alive timer, since the configuration asks for one there alone.
requests() { ss -Htno state established dst "$address:8065" | grep -v 'timer:(keepalive' | awk '{ print $3 }' | sort; }

under_way=
told=no
while :; do
    if unaware; then
        under_way="? "
    elif [ "$told" = no ]; then
        told=yes
        under_way=$(requests)
    else
        # A websocket that sends something has another timer for a moment: a request never has the
        # keep-alive timer.
        under_way=$(requests | { echo "$under_way"; cat; } | sort | uniq -d)
    fi
    [ -n "$under_way" ] || break
    [ $(($(date +%s) - began)) -lt "$limit" ] || break
    sleep 0.2
done
if [ "$told" = no ]; then
    echo "nginx did not take its new configuration within $limit s" >&2
    exit 1
fi
echo "$under_way" | grep -c . || true
