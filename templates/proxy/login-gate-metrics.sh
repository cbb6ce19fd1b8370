#!/bin/sh
# Written by loadrig.
# Counts the lines that nginx writes for each login (`limit_req_status`, the seconds that it took,
# those of the server alone) and leaves the sums to the node exporter. nginx itself counts nothing of
# this. A few seconds late, and cheap: one awk for each interval in which there were logins.
set -u
log=${LOGIN_GATE_LOG:-/var/log/nginx/logins.log}
out=${LOGIN_GATE_METRICS:-/var/lib/prometheus/node-exporter/loadrig-login-gate.prom}
interval=${LOGIN_GATE_INTERVAL:-5}
largest=${LOGIN_GATE_LARGEST:-16777216}
pid=${LOGIN_GATE_PID:-/run/nginx.pid}

size() { stat -c %s "$1" 2>/dev/null || echo 0; }

# count FILE: adds the whole lines of a file from `offset` on.
count() {
    end=$(size "$1")
    # nginx's package rotates it, too.
    [ "$end" -ge "$offset" ] || offset=0
    [ "$end" -gt "$offset" ] || return 0
    sums=$(tail -c +$((offset + 1)) "$1" | head -c $((end - offset)) | awk -v sums="$sums" '
        BEGIN { split(sums, n, " ") }
        # Of several servers that were tried, the last is the one that answered.
        { server = $NF; known = server ~ /^[0-9.]+$/ }
        $1 == "REJECTED" { n[2]++; next }
        $1 == "BUSY" { n[6]++; next }
        $1 == "PASSED" { n[1]++; next }
        $1 == "DELAYED" && known { n[1]++; n[4]++; if ($2 > server) n[5] += $2 - server; next }
        $1 == "DELAYED" { n[3]++; n[4]++; n[5] += $2 }
        END { printf "%d %d %d %d %.3f %d", n[1], n[2], n[3], n[4], n[5], n[6] }')
    offset=$end
}

write() {
    set -- $sums
    mkdir -p "$(dirname "$out")"
    cat >"$out.new" <<END
# HELP loadrig_login_gate_logins_total Logins by what became of them at the gate.
# TYPE loadrig_login_gate_logins_total counter
loadrig_login_gate_logins_total{outcome="let_through"} $1
loadrig_login_gate_logins_total{outcome="refused"} $2
loadrig_login_gate_logins_total{outcome="gave_up"} $3
loadrig_login_gate_logins_total{outcome="nodes_busy"} $6
# HELP loadrig_login_gate_delayed_total Logins that waited, whether they were let through or gave up.
# TYPE loadrig_login_gate_delayed_total counter
loadrig_login_gate_delayed_total $4
# HELP loadrig_login_gate_wait_seconds_total Seconds that logins waited; its rate is the mean number of those that wait.
# TYPE loadrig_login_gate_wait_seconds_total counter
loadrig_login_gate_wait_seconds_total $5
END
    mv "$out.new" "$out"
}

sums="0 0 0 0 0 0"
offset=$(size "$log")
while :; do
    count "$log"
    if [ "$offset" -gt "$largest" ]; then
        mv "$log" "$log.old" && kill -USR1 "$(cat "$pid")"
        sleep 1
        count "$log.old"
        rm -f "$log.old"
        offset=0
    fi
    write
    sleep "$interval"
done
