#!/usr/bin/env bash
# The storm's clients beside other load drivers; writes docs/performance-driver.md. Takes about
# five minutes, and as long again to compile. Locust is installed from PyPI into the cache; wrk is
# used where it is on the PATH; goose where its dependencies can be downloaded.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/loadrig
target=${CARGO_TARGET_DIR:-$cache/target}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cargo build --quiet --release -p loadrig-storm --example storm_bench
peers=()
locust=$cache/bench-locust
if [ ! -x "$locust/bin/locust" ]; then
  python3 -m venv "$locust"
  "$locust/bin/pip" install --quiet locust==2.47.0 || rm -rf "$locust"
fi
[ -x "$locust/bin/locust" ] && peers+=(--locust "$locust/bin/locust")
command -v wrk >/dev/null && peers+=(--wrk)
if [ "${GOOSE:-1}" = 1 ] && CARGO_TARGET_DIR=$target/goose \
  cargo build --quiet --release --locked --manifest-path benches/driver/goose/Cargo.toml; then
  peers+=(--goose "$target/goose/release/goose-ping")
fi
python3 benches/driver/driver.py --bench "$target/release/examples/storm_bench" "${peers[@]}" \
  >"$work/driver"
python3 benches/driver/report.py --driver "$work/driver" --out docs/performance-driver.md
echo "bench: docs/performance-driver.md is written" >&2
