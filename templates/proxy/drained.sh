# Waits until nginx has no request under way at an application node that it was told to leave out.
# Arguments: ADDRESS SECONDS. Prints the number of requests that are left.
address=$1
limit=$2
began=$(date +%s)
root=

# Local ends of connections to the node that belong to requests. Those of websockets have a
# keep-alive timer, since the configuration asks for one there alone.
requests() { ss -Htno state established dst "$address:8065" | grep -v 'timer:(keepalive' | awk '{ print $3 }' | sort; }

under_way=
told=no
while :; do
    if nginx_behind; then
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
