# Unpacks the bundle that comes on standard input and applies it.
set -eu
umask 077
state=${LOADRIG_ROOT:-}/var/lib/loadrig
mkdir -p "$state"
bundle=$(mktemp -d "$state/incoming.XXXXXX")
trap 'rm -rf "$bundle"' EXIT
trap 'exit 1' HUP INT TERM PIPE
tar -xzf - -C "$bundle"
sh "$bundle/runner.sh" apply "$bundle"
