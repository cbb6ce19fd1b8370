#!/usr/bin/env bash
# Every test. The end-to-end ones make hosts on this machine and need root.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh test
# One build for programs and tests: end-to-end tests run the built program, and what the
# local cloud is made of is there before any test waits for it.
scripts/build.sh image
"$CARGO_TARGET_DIR/debug/loadrig" local prepare
pebble=${LOADRIG_PEBBLE:-$(scripts/pebble.sh)}
[ -z "$pebble" ] || export LOADRIG_PEBBLE="$pebble"
cargo test --workspace
