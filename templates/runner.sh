#!/bin/sh
# Applies a bundle to this host. Run as root:
#
#   sh runner.sh apply DIRECTORY      apply the unpacked bundle, step by step
#   sh runner.sh step DIRECTORY NAME  run one step (called by `apply`)
#
# What was applied is remembered by digest under /var/lib/loadrig, so that a step runs
# again only when it changed, when a file that it wrote was changed by somebody else, or
# when its service is down, does not start at boot, or did not read its files. One line on
# standard output for each thing that happens:
#
#   start NAME / applied NAME SECONDS / unchanged NAME / warning NAME TEXT
#   waits NAME TEXT, while the step still runs
#   failed NAME STATUS, followed by the last lines of its output, each after "| "
#   done
#
# What cannot wait for the end of its step goes to descriptor 3.
#
# LOADRIG_ROOT moves every path, for tests; sudo clears the environment, so it cannot
# be set on a host that is managed for real.
set -eu
umask 077
root=${LOADRIG_ROOT:-}
state=$root/var/lib/loadrig

# --- what steps are made of ---------------------------------------------------------

warn() { echo "warning: $*"; }

# A warning that people see while the step still runs; a step run by hand has no descriptor 3.
warn_now() { echo "warning $step $*" 2>/dev/null >&3 || warn "$@"; }

# Waits until cloud-init has finished, where there is one: before that, apt may be taken
# and the host's own settings may still change.
first_boot() {
    command -v cloud-init >/dev/null || return 0
    # Status 2 stands for recoverable errors, such as an old key in the user data.
    cloud-init status --wait >/dev/null || [ $? -eq 2 ]
}

packages() {
    missing=
    for package; do
        dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
            missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    # The lists that come with the image are often good enough, and refreshing them costs
    # more than the installation. The attempts bridge a list lock that somebody else holds.
    for attempt in 1 2 3; do
        # shellcheck disable=SC2086 # one word for each package
        DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends \
            -o DPkg::Lock::Timeout=300 \
            -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold \
            $missing && return 0
        [ "$attempt" -lt 3 ] || return 1
        apt-get -q update || sleep 5
    done
}

# parent FILE: makes its directory, readable for everybody.
parent() { (umask 022 && mkdir -p "$(dirname "$1")"); }

# file SOURCE PATH MODE OWNER:GROUP
file() {
    target=$root$2
    parent "$target"
    cp "$bundle/$1" "$target.loadrig"
    # A new owner takes the set-user-ID bit away, so the permissions come after.
    chown "$4" "$target.loadrig"
    chmod "$3" "$target.loadrig"
    # Renaming is atomic: a service never reads half a file.
    mv -f "$target.loadrig" "$target"
    written="${written:-} $2"
    echo "wrote $2"
}

# keep PATH...: copies of what is there, for `checked`.
keep() {
    kept=$bundle/kept
    rm -rf "$kept"
    mkdir -p "$kept"
    for path; do
        [ ! -e "$root$path" ] || {
            mkdir -p "$kept$(dirname "$path")"
            cp -p "$root$path" "$kept$path"
        }
    done
}

# checked COMMAND...: whether the files that were written since `keep` are good. Otherwise what was
# there before is put back: a service that is started later, at a reboot say, reads files that work.
checked() {
    "$@" && return 0
    for path in ${written:-}; do
        if [ -e "$kept$path" ]; then mv -f "$kept$path" "$root$path"; else rm -f "$root$path"; fi
    done
    echo "the files of before were put back:${written:-}"
    return 1
}

# authorities PATH...: certificates that this host trusts besides those of its system. Others that came in
# this way go. A server that runs goes on with what it trusted when it started.
authorities() {
    certificates=$root/usr/local/share/ca-certificates
    stale=
    for path in "$certificates"/loadrig-*.crt; do
        [ -e "$path" ] || continue
        case " $* " in
        *" ${path#"$root"} "*) ;;
        *) rm -f "$path" && stale=yes ;;
        esac
    done
    [ -n "$stale$*" ] || return 0
    # Links to what is gone stay otherwise.
    update-ca-certificates ${stale:+--fresh} \
        --localcertsdir "$certificates" --etccertsdir "$root/etc/ssl/certs" \
        --hooksdir "$root/etc/ca-certificates/update.d"
}

# settings KEY VALUE...: this kernel or namespace may refuse a key; that is worth a line,
# not a failure.
settings() {
    refused=
    while [ $# -gt 1 ]; do
        reason=$(sysctl -q -w "$1=$2" 2>&1) && [ -z "$reason" ] ||
            refused="$refused, $1 (${reason##*: })"
        shift 2
    done
    [ -z "$refused" ] || warn "this kernel refused${refused#,}"
}

user() {
    getent passwd "$1" >/dev/null ||
        useradd --system --user-group --home-dir "$2" --no-create-home --shell /usr/sbin/nologin "$1"
}

# download URL FILE PROTOCOLS: the protocols hold for redirects too.
download() {
    curl -fsSL --proto "=$3" --retry 3 --retry-connrefused --connect-timeout 20 -o "$2" "$1"
}

verify_sha256() {
    actual=$(sha256sum "$2" | cut -d ' ' -f 1)
    [ "$1" = "$actual" ] && return 0
    echo "the SHA-256 of $3 is $actual, not $1 as the environment says"
    return 1
}

# fetched PATH MODE URL: a file whose publisher is known by its certificate.
fetched() {
    target=$root$1
    parent "$target"
    download "$3" "$target.loadrig" https
    chmod "$2" "$target.loadrig"
    mv -f "$target.loadrig" "$target"
    echo "fetched $1 from $3"
}

# program SHA256 PATH: a shipped executable.
program() {
    target=$root$2
    parent "$target"
    cp "$state/blobs/$1" "$target.loadrig"
    chmod 0755 "$target.loadrig"
    mv -f "$target.loadrig" "$target"
}

# Trees of releases. The server runs from the first; `.next` is staged beside it, and `.previous`
# is what ran before, for the way back. Each has the name of its release in a file.
home=$root/opt/mattermost

release_of() { cat "$1/.loadrig-release" 2>/dev/null || true; }

# has_tree RELEASE: whether it is there already; what was staged for another release goes.
has_tree() {
    [ "$(release_of "$home.next")" = "$1" ] || rm -rf "$home.next"
    for tree in "$home" "$home.next" "$home.previous"; do
        [ "$(release_of "$tree")" != "$1" ] || return 0
    done
    return 1
}

# stage OWNER RELEASE TARBALL: unpacks a server beside the one that runs.
stage() {
    rm -rf "$home.next"
    mkdir -m 0755 -p "$home.next"
    tar -xzf "$3" -C "$home.next" --strip-components=1 --no-same-owner
    if [ ! -x "$home.next/bin/mattermost" ]; then
        echo "the tarball has no mattermost/bin/mattermost"
        return 1
    fi
    for kept in config data logs plugins client/plugins; do
        mkdir -p "$home.next/$kept"
    done
    # The umask here is strict; the release has to be readable for the server's user.
    chmod -R u=rwX,go=rX "$home.next"
    chmod -R go= "$home.next/config"
    chown -R "$1:$1" "$home.next"
    echo "$2" >"$home.next/.loadrig-release"
}

# server_from_blob OWNER RELEASE SHA256
server_from_blob() { has_tree "$2" || stage "$1" "$2" "$state/blobs/$3"; }

# server_from_url OWNER RELEASE URL SHA256: an empty digest means that none was given.
server_from_url() {
    ! has_tree "$2" || return 0
    mkdir -p "$state/downloads"
    tarball=$state/downloads/server.tar.gz
    if [ -n "$4" ]; then
        download "$3" "$tarball" http,https
        verify_sha256 "$4" "$tarball" "$3"
    else
        download "$3" "$tarball" https
        warn "no sha256 was given for $3; what was fetched has $(sha256sum "$tarball" | cut -d ' ' -f 1)"
    fi
    stage "$1" "$2" "$tarball"
    rm -f "$tarball"
}

# switch UNIT RELEASE: stops the server, and puts the tree of a release in its place. What belongs
# to the deployment and not to the release goes with it. Continues what was cut off.
switch() {
    swapped=$home.swapped
    if [ "$(release_of "$home")" != "$2" ]; then
        tree=$home.next
        [ "$(release_of "$tree")" = "$2" ] || tree=$home.previous
        if [ "$(release_of "$tree")" != "$2" ]; then
            echo "the release to switch to was not staged"
            return 1
        fi
        systemctl stop "$1" 2>/dev/null || true
        if [ -d "$home" ]; then
            carry "$home" "$tree"
            mv "$home" "$swapped"
        fi
        mv "$tree" "$home"
    fi
    if [ -d "$swapped" ]; then
        rm -rf "$home.previous"
        mv "$swapped" "$home.previous"
    fi
}

# carry FROM TO: settings and plugins are copied, so that the old tree stays whole; uploads and logs
# have no release, and may be large.
carry() {
    for kept in config plugins client/plugins; do
        rm -rf "$2/$kept"
        [ ! -d "$1/$kept" ] || cp -a "$1/$kept" "$2/$kept"
    done
    for kept in data logs; do
        [ -d "$1/$kept" ] || continue
        rm -rf "${2:?}/$kept"
        mv "$1/$kept" "$2/$kept"
    done
}

# service UNIT RESTART RELOAD: two digests of what the unit reads. Restarts when the first
# changed or it does not run, reloads when only the second did.
service() {
    systemctl daemon-reload
    systemctl enable --quiet "$1"
    remembered=$(cat "$state/services/$1" 2>/dev/null || true)
    running=no
    case "$(systemctl show -p ActiveState -p SubState --value "$1" | tr '\n' ' ')" in
    "activating auto-restart "*) ;;
    active\ * | activating\ * | reloading\ *) running=yes ;;
    esac
    if [ "$running" = no ] || [ "${remembered%% *}" != "$2" ]; then
        # Without waiting: readiness has a step of its own, which sees more than systemd.
        systemctl reset-failed "$1" 2>/dev/null || true
        mkdir -p "$state/services"
        [ "$running" = no ] || systemctl stop "$1"
        # What it logs from now on is of this start.
        date +%s.%N >"$state/services/$1.began"
        systemctl restart --no-block "$1"
    elif [ "${remembered##* }" != "$3" ] || { [ "$1" = nginx ] && nginx_behind; }; then
        systemctl reload "$1"
        [ "$1" != nginx ] || await_nginx
    fi
    mkdir -p "$state/services"
    echo "$2 $3" >"$state/services/$1"
}

# Waits until nginx has told its old workers to end: until then it works by what was there before.
await_nginx() {
    attempts=50
    while nginx_behind && [ "$attempts" -gt 0 ]; do
        attempts=$((attempts - 1))
        sleep 0.2
    done
}

# own NUMBER COMMAND: a command of the operator's, which is told when it fails.
own() {
    status=0
    sh -ec "$2" || status=$?
    [ "$status" -ne 0 ] || return 0
    echo "command $1 failed with status $status: $(printf '%s\n' "$2" | head -n 1 | cut -c 1-200)"
    return "$status"
}

# After so many seconds a unit that is not ready is worth a warning with the likely cause.
slow=${LOADRIG_SLOW:-20}
# A unit that answers, and says for so long that something it needs does not work, has failed:
# waiting mends nothing.
unwell=${LOADRIG_UNWELL:-20}
# How often it is looked whether a unit that does not answer is at work.
look=${LOADRIG_LOOK:-5}
# How long a unit may take that does nothing, in place of what each bundle says.
idle_limit=${LOADRIG_IDLE:-}

# ready UNIT SECONDS LONGEST PROBE...: until the probe succeeds. It fails after so many seconds
# in which the unit neither answers nor is at work, at the latest after LONGEST seconds.
ready() {
    unit=$1
    limit=${idle_limit:-$2}
    longest=$3
    shift 3
    began=$(date +%s)
    idle=$began
    looked=$began
    told=$began
    answered=
    named=no
    warned=no
    while :; do
        reply=$("$@" 2>&1) && return 0
        now=$(date +%s)
        case $reply in
        "HTTP "*) answered=${answered:-$now} ;;
        *) answered= ;;
        esac
        if [ -z "$answered" ] && [ $((now - looked)) -ge "$look" ]; then
            looked=$now
            if at_work "$unit"; then
                idle=$now
                warned=yes
                tell_progress
            fi
        fi
        verdict=$(failed_start "$unit") && break
        if [ -n "$answered" ] && [ "$named" = no ]; then
            named=yes
            waits "$(unhealthy "$unit" "$reply")"
        elif [ -z "$answered" ] && [ "$warned" = no ] && [ $((now - began)) -ge "$slow" ]; then
            warned=yes
            warn_now "$unit is not ready after $slow s: $reply; it logged: $(cause "$unit" "$reply")"
        fi
        sleep 0.3
    done
    echo "$verdict"
    if [ -n "$answered" ]; then
        echo "it logged: $(cause "$unit" "$reply")"
        reason "$unit" "$reply"
    else
        lines=$(logged "$unit" | tail -n 8)
        [ -z "$lines" ] || printf 'last log lines of %s:\n%s\n' "$unit" "$lines"
        manager "$unit"
    fi
    return 1
}

# failed_start UNIT: says why it is no longer waited for, if so.
failed_start() {
    restarts=$(systemctl show -p NRestarts --value "$1" 2>/dev/null || echo 0)
    if [ "${restarts:-0}" -ge 3 ]; then
        echo "$1 was restarted $restarts times and is not ready: $reply"
    elif [ -n "$answered" ] && [ $((now - answered)) -ge "$unwell" ]; then
        echo "$(unhealthy "$1" "$reply"), for $unwell s"
    elif [ $((now - began)) -ge "$longest" ]; then
        echo "$1 is not ready after $longest s: $reply"
    elif [ $((now - idle)) -ge "$limit" ]; then
        echo "$1 is not ready after $((now - began)) s: $reply"
    else
        return 1
    fi
}

# tell_progress: a line for each minute at work, the first after `slow` seconds.
tell_progress() {
    [ $((now - began)) -ge "$slow" ] || return 0
    [ "$told" = "$began" ] || [ $((now - told)) -ge 60 ] || return 0
    told=$now
    waits "$unit has been starting for $((now - began)) s and is at work, as in a migration of its database; it has until $longest s; it logged: $(cause "$unit" "$reply")"
}

# waits TEXT: what the step waits for, told while it does.
waits() { echo "waits $step $*" 2>/dev/null >&3 || echo "$*"; }

# at_work UNIT: it has not told systemd that it is ready, has connections to other hosts, and
# has logged no fault for half a minute. A server that migrates its database is like this, for
# an hour where the tables are large; one that cannot reach the database is not.
at_work() {
    [ "$(systemctl show -p ActiveState --value "$1")" = activating ] || return 1
    pid=$(systemctl show -p MainPID --value "$1")
    [ "${pid:-0}" -gt 0 ] || return 1
    ss -Htnp state established | grep -v ' 127\.\| \[::1\]' | grep -q "pid=$pid," || return 1
    ! journal "$1" -30s | grep -Eiq "$faulty"
}

# unhealthy UNIT REPLY: what the unit says does not work.
unhealthy() {
    case $2 in
    *filestore_status*database_status* | *database_status*filestore_status*)
        what="its database and its file store do not work" ;;
    *filestore_status*) what="its file store does not work" ;;
    *database_status*) what="its database does not work" ;;
    *"none in 10 s"*) what="its database or its file store does not answer" ;;
    *) what="it is not healthy" ;;
    esac
    echo "$1 says that $what ($2)"
}

# cause UNIT REPLY: the newest line of its log about what REPLY says does not work, or the newest
# line at all.
cause() {
    lines=$(logged "$1")
    [ -n "$lines" ] || lines=$(manager "$1")
    found=$(echo "$lines" | grep -Ei "$(about "$2")" | tail -n 1)
    echo "${found:-$(echo "$lines" | tail -n 1)}"
}

# reason UNIT REPLY: where that line does not say what the other side did, the newest that does.
reason() {
    refusal='dial |no such host|refused|timed? ?out|denied|x509|certificate'
    cause "$1" "$2" | grep -Eiq "$refusal" && return 0
    logged "$1" | grep -Ei "$(about "$2")" | grep -Ei "$refusal" | tail -n 1 | sed 's/^/and before: /'
}

# about REPLY: words of log lines about what it says does not work.
about() {
    case $1 in
    *filestore_status*) echo 'file ?store|s3|bucket' ;;
    *database_status*) echo 'database|postgres|sql|pq:' ;;
    *) echo . ;;
    esac
}

# Words of log lines that tell of faults.
faulty='warn|error|fatal|panic|cannot|failed'

# journal UNIT SINCE: what it logged.
journal() {
    journalctl "_SYSTEMD_UNIT=$1.service" --since "$2" -n 400 --no-pager -o cat 2>/dev/null || true
}

# this_start UNIT: when `service` started it, for `--since`: what it logged before is of an earlier run.
this_start() {
    noted=$(cat "$state/services/$1.began" 2>/dev/null || echo 0)
    if [ "${noted%%.*}" -ge $((began - 5)) ]; then echo "@$noted"; else echo "@$((began - 5))"; fi
}

# manager UNIT: what systemd says of its start, where that did not go well.
manager() { systemd_said "$1" "$(this_start "$1")" | sed 's/^/systemd: /'; }

# logged UNIT: since this start, its warnings and errors, or all that it logged where there are none.
# Lines that differ in time, request or port alone are one line with a count; the newest is last.
logged() {
    lines=$(journal "$1" "$(this_start "$1")")
    faults=$(echo "$lines" | grep -Ei "$faulty" || true)
    echo "${faults:-$lines}" |
        sed -E 's/\[?[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+( ?(Z|[+-][0-9:]+))?\]?//g
            s/ request_id="?[a-z0-9]+"?//g; s/:[0-9]+->/->/g; s/  +/ /g; s/^ +//' |
        awk 'NF { count[$0]++; last[$0] = NR }
            END { for (line in count) printf "%d\t%s%s\n", last[line], line,
                (count[line] > 1 ? " (×" count[line] ")" : "") }' |
        sort -n | cut -f 2-
}

# answers URL: with a status below 400; else says what is not well, as the server tells it.
answers() {
    answer=$(curl -sS --max-time 10 -w ' %{http_code}' "$1" 2>&1) || {
        # A server that waits for its file store answers the question without one.
        plain=${1%%\?*}
        if [ "$plain" != "$1" ] && curl -fsS -o /dev/null --max-time 5 "$plain" 2>/dev/null; then
            echo "HTTP 200, but none in 10 s about database and file store"
            return 1
        fi
        echo "$answer" | grep -o 'curl: .*' | tail -n 1
        return 1
    }
    code=${answer##* }
    [ "$code" -lt 400 ] && return 0
    unwell_parts=$(echo "$answer" | grep -o '"[a-z]*_status":"UNHEALTHY"' | tr -d '"' | tr '\n:' '  ')
    echo "HTTP $code${unwell_parts:+, ${unwell_parts% }}$([ -n "$unwell_parts" ] || echo " $answer" | head -c 300)"
    return 1
}

# listens URL: something answers, whatever it says.
listens() { curl -sS -o /dev/null --max-time 5 "$1"; }

# says UNIT TEXT: the process that runs now has logged it. One that has run for an hour said it so long
# ago that the journal need not have it any more; one that cannot start does not run that long.
says() {
    [ "$(systemctl show -p ActiveState --value "$1")" = active ] || {
        echo "it does not run"
        return 1
    }
    invocation=$(systemctl show -p InvocationID --value "$1")
    journalctl "_SYSTEMD_INVOCATION_ID=$invocation" --no-pager -o cat 2>/dev/null | grep -Fq "$2" && return 0
    since=$(systemctl show -p ActiveEnterTimestampMonotonic --value "$1")
    uptime=$(cut -d . -f 1 /proc/uptime)
    [ $((uptime - since / 1000000)) -lt 3600 ] || return 0
    echo "it has not logged \"$2\""
    return 1
}

# local_api ARGUMENTS...: asks the server over its own socket, at which whoever may open it (root
# and the server's user) administers the server. Leaves `code` and `answer`.
local_api() {
    answer=$(curl -sS --max-time 60 --unix-socket "$root/var/tmp/mattermost_local.socket" \
        -w ' %{http_code}' "$@" 2>&1) || return 1
    code=${answer##* }
    answer=${answer% *}
}

# administers: whether the account in `answer` administers the system.
administers() { echo "$answer" | grep -q '"roles":"[^"]*system_admin'; }

# administrator NAME [ADDRESS]: makes an account on a server that has none yet; the first one administers
# the system. inputs/NAME-OF-STEP is what the server is sent. On a server that has accounts nothing is
# changed but the account's address, where one is given.
administrator() {
    users=http://localhost/api/v4/users
    await_local_api "$users/username/$1"
    if [ "$code" = 200 ]; then
        if ! administers; then
            warn "the account $1 does not administer the server; it was left as it is"
        elif [ -n "${2-}" ]; then
            give_address "$1" "$2"
        fi
        return 0
    elif [ "$code" != 404 ]; then
        echo "the server does not say whether it has the account $1: HTTP $code $answer"
        return 1
    fi
    local_api "$users?per_page=200" || { echo "$answer" && return 1; }
    if [ "$code" != 200 ]; then
        echo "the server does not say which accounts it has: HTTP $code $answer"
        return 1
    fi
    # Plugins make accounts of bots, which are nobody's first.
    accounts=$(echo "$answer" | grep -o '"username":"' | wc -l)
    bots=$(echo "$answer" | grep -o '"is_bot":true' | wc -l)
    if [ "$accounts" -gt "$bots" ]; then
        warn "the database has accounts already, and $1 is none of them; it was not made"
        return 0
    fi
    local_api -H 'Content-Type: application/json' --data-binary "@$bundle/inputs/$step" "$users" ||
        { echo "$answer" && return 1; }
    if [ "$code" != 201 ]; then
        echo "the server refuses the account $1: HTTP $code $answer"
        return 1
    fi
    if ! administers; then
        echo "somebody else has made the server's first account, so $1 does not administer it"
        return 1
    fi
}

# give_address NAME ADDRESS: gives the account in `answer` an e-mail address, unless it has it.
give_address() {
    case $answer in *"\"email\":\"$2\""*) return 0 ;; esac
    command -v jq >/dev/null || packages jq
    account=$(printf '%s' "$answer" | jq -c --arg address "$2" '.email = $address')
    id=$(printf '%s' "$account" | jq -r .id)
    if ! local_api -X PUT -H 'Content-Type: application/json' --data-binary "$account" "$users/$id" ||
        [ "$code" != 200 ]; then
        warn "the server does not take $2 as the address of $1: $answer"
        return 0
    fi
    case $answer in
    *"\"email\":\"$2\""*) ;;
    # EmailSettings.RequireEmailVerification: a link in a message has to be followed first.
    *) warn "the server has not given $1 the address $2 yet" ;;
    esac
}

# database_files: writes files to the server's database. inputs/STEP is a service file of psql, a line
# `---`, and statements; none of it stands in an argument.
database_files() {
    sed '/^---$/,$d' "$bundle/inputs/$step" >"$bundle/service"
    sed '1,/^---$/d' "$bundle/inputs/$step" >"$bundle/statements"
    PGSERVICEFILE=$bundle/service psql -X -q -v ON_ERROR_STOP=1 -1 -f "$bundle/statements" service=loadrig
}

# failed_call DOING: what the server answered.
failed_call() {
    printf '%s: HTTP %s %s\n' "$1" "$code" "$(printf '%s' "$answer" | head -c 500)"
    return 1
}

# await_local_api URL: the socket is there a moment after the server is ready.
await_local_api() {
    attempts=60
    until local_api "$1"; do
        attempts=$((attempts - 1))
        if [ "$attempts" -eq 0 ]; then
            echo "the server does not answer at its local socket (ServiceSettings.EnableLocalMode): $answer"
            return 1
        fi
        sleep 0.5
    done
}

# plugin_from_url ID SHA256 URL: fetches a bundle to where shipped ones lie, unless it is there.
plugin_from_url() {
    [ ! -e "$state/blobs/$2" ] || return 0
    mkdir -p "$state/downloads"
    download "$3" "$state/downloads/plugin" http,https &&
        verify_sha256 "$2" "$state/downloads/plugin" "$3" || {
        echo "the bundle of the plugin $1 in mattermost.plugins cannot be had from $3"
        return 1
    }
    mv -f "$state/downloads/plugin" "$state/blobs/$2"
}

api=http://localhost/api/v4

# patch_config FILE: changes settings of the server as the System Console does.
patch_config() {
    local_api -X PUT -H 'Content-Type: application/json' --data-binary "@$1" "$api/config/patch" &&
        [ "$code" = 200 ] || failed_call "the server does not take its settings"
}

# uploads true|false: whether the server takes bundles.
uploads() {
    echo "{\"PluginSettings\":{\"EnableUploads\":$1}}" >"$bundle/uploads"
    patch_config "$bundle/uploads"
}

# plugins: brings the server's plugins to what inputs/STEP says: a list of id, sha256, enabled and
# settings. What loadrig has installed is noted in the server's own settings, as a state
# `loadrig/ID/SHA256` of no plugin, so that it is known on whichever host asks, and what an
# administrator installed is left alone. (Settings of no plugin would go at the next save in the System
# Console.)
plugins() {
    wanted=$bundle/inputs/$step
    await_local_api "$api/config"
    [ "$code" = 200 ] || failed_call "the server does not show its settings"
    if [ "$(cat "$wanted")" = "[]" ]; then
        printf '%s' "$answer" | grep -q '"loadrig/' || return 0
    fi
    command -v jq >/dev/null || packages jq
    printf '%s' "$answer" | jq -c .PluginSettings >"$bundle/settings"
    jq -e '.Enable != false' "$bundle/settings" >/dev/null || {
        echo "plugins are turned off in the server's settings (PluginSettings.Enable)"
        return 1
    }
    jq -r '.PluginStates // {} | keys[] | select(startswith("loadrig/")) | split("/")[1]' \
        "$bundle/settings" >"$bundle/known"
    install_plugins
    # The server notes one that it removes as disabled, so this comes before the states.
    while read -r id; do
        ! jq -e --arg id "$id" 'any(.[]; .id == $id)' "$wanted" >/dev/null || continue
        local_api -X DELETE "$api/plugins/$id" && { [ "$code" = 200 ] || [ "$code" = 404 ]; } ||
            failed_call "the server does not remove the plugin $id"
        echo "removed the plugin $id"
    done <"$bundle/known"
    set_plugins
    await_plugins
}

# install_plugins: uploads the bundles that the server does not have.
install_plugins() {
    local_api "$api/plugins" && [ "$code" = 200 ] || failed_call "the server does not list its plugins"
    printf '%s' "$answer" | jq -r '(.active + .inactive)[].id' >"$bundle/there"
    closed=$(jq -r '.EnableUploads | not' "$bundle/settings")
    opened=no
    jq -r '.[] | "\(.id) \(.sha256)"' "$wanted" >"$bundle/list"
    while read -r id sha256; do
        if jq -e --arg note "loadrig/$id/$sha256" '.PluginStates | has($note)' "$bundle/settings" >/dev/null &&
            grep -Fqx "$id" "$bundle/there"; then
            echo "the plugin $id is there"
            continue
        fi
        if [ "$closed" = true ] && [ "$opened" = no ]; then
            # Whatever comes: nobody else is to find them open.
            trap 'uploads false' EXIT
            uploads true
            opened=yes
        fi
        local_api -F force=true -F "plugin=@$state/blobs/$sha256;filename=$id.tar.gz" "$api/plugins" &&
            [ "$code" = 201 ] || failed_call "the server does not install the plugin $id"
        found=$(printf '%s' "$answer" | jq -r .id)
        if [ "$found" != "$id" ]; then
            local_api -X DELETE "$api/plugins/$found" || true
            echo "the bundle given for the plugin $id is that of $found, which was removed again"
            return 1
        fi
        echo "installed the plugin $id"
    done <"$bundle/list"
    if [ "$opened" = yes ]; then
        trap - EXIT
        uploads false
    fi
}

# set_plugins: states and settings. The server takes each of the two maps as a whole, so both begin with
# what it has.
set_plugins() {
    # shellcheck disable=SC2016 # the variables are jq's
    jq -cn --slurpfile old "$bundle/settings" --slurpfile wanted "$wanted" '
        $old[0] as $old | $wanted[0] as $wanted |
        [($old.PluginStates // {} | keys[]) | select(startswith("loadrig/"))] as $notes |
        ([$notes[] | split("/")[1]] - [$wanted[].id]) as $gone |
        {PluginSettings: {
            PluginStates: (($old.PluginStates // {}) | delpaths([($gone + $notes)[] | [.]])
                | reduce $wanted[] as $one (.; .[$one.id] = {Enable: $one.enabled}
                    | .["loadrig/\($one.id)/\($one.sha256)"] = {Enable: false})),
            Plugins: (($old.Plugins // {}) | delpaths([$gone[] | [.]])
                | reduce $wanted[] as $one (.;
                    if $one.settings == {} then . else .[$one.id] = ((.[$one.id] // {}) + $one.settings) end))
        }}' >"$bundle/patch"
    patch_config "$bundle/patch"
}

# await_plugins: until those run that are to run.
await_plugins() {
    attempts=60
    while :; do
        local_api "$api/plugins" && [ "$code" = 200 ] || failed_call "the server does not list its plugins"
        printf '%s' "$answer" | jq -c '[.active[].id]' >"$bundle/active"
        # shellcheck disable=SC2016 # the variables are jq's
        missing=$(jq -r --slurpfile active "$bundle/active" \
            '[.[] | select(.enabled) | .id] - $active[0] | join(", ")' "$wanted")
        [ -n "$missing" ] || return 0
        attempts=$((attempts - 1))
        if [ "$attempts" -eq 0 ]; then
            echo "plugins that do not start: $missing; the server logged:"
            began=$(($(date +%s) - 60))
            logged mattermost | grep -i plugin | tail -n 5
            return 1
        fi
        sleep 1
    done
}

# --- the runner itself --------------------------------------------------------------

# Whether a step that was applied before still holds.
holds() {
    [ "$(cat "$applied/$1" 2>/dev/null)" = "$2" ] || return 1
    [ ! -e "$bundle/steps/$1.sums" ] || sums_hold "$1" || return 1
    [ ! -e "$bundle/steps/$1.modes" ] || modes_hold "$bundle/steps/$1.modes" || return 1
    if [ -e "$bundle/steps/$1.unit" ]; then
        unit=$(cat "$bundle/steps/$1.unit")
        systemctl is-active --quiet "$unit" && systemctl is-enabled --quiet "$unit" || return 1
        [ "$unit" != nginx ] || ! nginx_behind || return 1
    fi
    # A readiness probe is due whenever something was applied before it.
    [ "$changed" -eq 0 ] || [ ! -e "$bundle/steps/$1.after-changes" ]
}

sums_hold() { (cd "$root/" && sha256sum --status -c "$bundle/steps/$1.sums"); }

# Whether somebody changed or removed what a step wrote.
is_touched() {
    [ "$(cat "$applied/$1" 2>/dev/null)" = "$2" ] && [ -e "$bundle/steps/$1.sums" ] && ! sums_hold "$1"
}

# Somebody changed a file of ours: whatever runs here may have read it.
forget_services() {
    for unit in "$bundle"/steps/*.unit; do
        [ ! -e "$unit" ] || rm -f "$applied/$(cat "$unit")" "$state/services/$(cat "$unit")"
    done
}

one_step() {
    started=$(date +%s)
    log=$bundle/log
    echo "start $1"
    status=0
    timeout -k 10 "$2" sh "$bundle/runner.sh" step "$bundle" "$1" 3>&1 >"$log" 2>&1 </dev/null 9>&- || status=$?
    sed -n "s/^warning: /warning $1 /p" "$log"
    if [ "$status" -ne 0 ]; then
        [ "$status" -ne 124 ] || echo "it took longer than $2 seconds" >>"$log"
        echo "failed $1 $status"
        tail -n 20 "$log" | sed 's/^/| /'
        exit 1
    fi
    echo "applied $1 $(($(date +%s) - started))"
}

apply() {
    read -r stage digest <"$bundle/bundle"
    applied=$state/applied/$stage
    mkdir -p "$applied" "$state/blobs"
    # A run whose connection died may still be at work on this host.
    exec 9>"$state/lock"
    if ! flock -w 600 9; then
        echo "failed lock 1"
        echo "| another run has been working on this host for ten minutes"
        exit 1
    fi
    rm -f "$state/$stage.digest"
    if [ -d "$bundle/blobs" ]; then
        mv -f "$bundle"/blobs/* "$state/blobs/"
    fi
    # Before any step: a service may come before what it reads.
    while read -r name seconds step_digest; do
        ! is_touched "$name" "$step_digest" || forget_services
    done <"$bundle/plan"
    changed=0
    while read -r name seconds step_digest; do
        if holds "$name" "$step_digest"; then
            echo "unchanged $name"
            continue
        fi
        rm -f "$applied/$name"
        one_step "$name" "$seconds"
        changed=1
        echo "$step_digest" >"$applied/$name"
    done <"$bundle/plan"
    cat "$bundle"/steps/*.sums >"$state/$stage.sums" 2>/dev/null || :
    cat "$bundle"/steps/*.modes >"$state/$stage.modes" 2>/dev/null || :
    cat "$bundle"/steps/*.unit >"$state/$stage.units" 2>/dev/null || :
    echo "$digest" >"$state/$stage.digest"
    prune_blobs
    echo "done"
}

# Blobs stay for the next time, those that no stage names any more go.
prune_blobs() {
    cp "$bundle/blobs.list" "$state/$stage.blobs"
    for blob in "$state"/blobs/*; do
        [ ! -e "$blob" ] || grep -qsx "${blob##*/}" "$state"/*.blobs || rm -f "$blob"
    done
}

verb=$1
bundle=$2
case $verb in
apply) apply ;;
step)
    step=$3
    # shellcheck source=/dev/null # it comes with the bundle
    . "$bundle/steps/$3.sh"
    ;;
esac
