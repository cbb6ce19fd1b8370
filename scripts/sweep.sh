#!/usr/bin/env bash
# One sweep, such as `crash::kill_sweep` or `wire::faults::fault_sweep`: ends with its one line,
# and with an error when it found anything.
set -euo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
cargo test --profile sweep --workspace --test it -- --ignored --nocapture --exact "$1" | tee "$log" || status=$?
grep -E '^[0-9]+ cases, ' "$log" | tail -1
exit "$status"
