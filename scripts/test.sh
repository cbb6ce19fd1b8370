#!/usr/bin/env bash
# Every test. The end-to-end ones make hosts on this machine and need root.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/toolchain.sh
scripts/setup.sh test
# One build for programs and tests: end-to-end tests run the built program, and the
# program builds what the local cloud is made of before any test waits for it.
cargo build --workspace
"$CARGO_TARGET_DIR/debug/loadrig" local prepare
cargo test --workspace
