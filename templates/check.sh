# Says whether a bundle is already applied: `unchanged`, or `changed` and the blobs that are here.
# Arguments: STAGE DIGEST [SHA256 of a blob]...
root=${LOADRIG_ROOT:-}
state=$root/var/lib/loadrig
stage=$1
digest=$2
shift 2
holds() {
    [ "$(cat "$state/$stage.digest" 2>/dev/null)" = "$digest" ] && stage_holds "$stage"
}
if holds; then
    echo unchanged
    exit 0
fi
echo changed
for blob; do
    [ ! -e "$state/blobs/$blob" ] || echo "have $blob"
done
