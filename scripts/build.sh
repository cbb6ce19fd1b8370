#!/usr/bin/env bash
# Builds the programs. With the argument `image` also what the local cloud is made of: the
# small program that does so is compiled first and runs while the compiler works on the rest.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/toolchain.sh
image=
if [ "${1:-}" = image ]; then
  cargo build --quiet --workspace --bin local-image
  "$CARGO_TARGET_DIR/debug/local-image" &
  image=$!
fi
status=0
cargo build --workspace || status=$?
# What failed here is tried again, and told, by `loadrig local prepare`.
[ -z "$image" ] || wait "$image" || true
exit "$status"
