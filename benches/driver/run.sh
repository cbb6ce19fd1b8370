#!/usr/bin/env bash
# The storm's clients beside other load drivers; writes their section of docs/performance.md. Takes
# about six minutes, and as long again to compile goose. Locust is installed from PyPI into the
# cache; wrk is used where it is on the PATH; goose where its packages can be downloaded.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=${XDG_CACHE_HOME:-$HOME/.cache}/loadrig
target=${CARGO_TARGET_DIR:-$cache/target}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# All of the workspace, as for every build: with fewer packages, dependencies have other features.
cargo build --quiet --workspace --examples
peers=()
locust=$cache/bench-locust
if [ ! -x "$locust/bin/locust" ]; then
  python3 -m venv "$locust"
  "$locust/bin/pip" install --quiet locust==2.47.0 || rm -rf "$locust"
fi
[ -x "$locust/bin/locust" ] && peers+=(--locust "$locust/bin/locust")
command -v wrk >/dev/null && peers+=(--wrk)
if CARGO_TARGET_DIR=$target/goose \
  cargo build --quiet --release --locked --manifest-path benches/driver/goose/Cargo.toml; then
  peers+=(--goose "$target/goose/release/goose-ping")
fi
python3 benches/driver/driver.py --bench "$target/debug/examples/storm_bench" "${peers[@]}" \
  >"$work/driver"
python3 benches/driver/report.py --driver "$work/driver" --out docs/performance.md
echo "bench: docs/performance.md has the driver's figures" >&2
