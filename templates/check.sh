# Says whether a bundle is already applied: `unchanged`, or `changed` and the blobs that are here.
# Arguments: STAGE DIGEST [SHA256 of a blob]...
root=${LOADRIG_ROOT:-}
state=$root/var/lib/loadrig
stage=$1
digest=$2
shift 2
holds() {
    [ "$(cat "$state/$stage.digest" 2>/dev/null)" = "$digest" ] || return 1
    [ ! -s "$state/$stage.sums" ] ||
        (cd "$root/" && sha256sum --status -c "$state/$stage.sums") || return 1
    modes_hold "$state/$stage.modes" || return 1
    while read -r unit; do
        systemctl is-active --quiet "$unit" && systemctl is-enabled --quiet "$unit" || return 1
        [ "$unit" != nginx ] || ! nginx_behind || return 1
    done <"$state/$stage.units"
}
if holds; then
    echo unchanged
    exit 0
fi
echo changed
for blob; do
    [ ! -e "$state/blobs/$blob" ] || echo "have $blob"
done
