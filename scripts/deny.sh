#!/usr/bin/env bash
# What deny.toml bans must not be in Cargo.lock. cargo-deny checks all of the file where it
# is installed; without it, bans, sources and licences
# are checked here, from Cargo.lock and the crates' own metadata.
set -euo pipefail
cd "$(dirname "$0")/.."
if command -v cargo-deny >/dev/null; then
  exec cargo deny --offline check bans licenses sources
fi
bad=$(awk '/^name = /{n=$3} /^version = /{print n, $3}' Cargo.lock | tr -d '"' |
  grep -E '^(hyper 0\.14\.|rustls 0\.21\.|openssl |native-tls )' || true)
if [ -n "$bad" ]; then
  printf 'banned by deny.toml, yet in Cargo.lock:\n%s\n' "$bad" >&2
  exit 1
fi
if grep -q '^source = "git' Cargo.lock; then
  echo "Cargo.lock has a git source; deny.toml admits registries only" >&2
  exit 1
fi
# Crates of other platforms may not be on this machine yet: their metadata is downloaded.
cargo metadata --locked --format-version 1 | python3 scripts/licences.py deny.toml
