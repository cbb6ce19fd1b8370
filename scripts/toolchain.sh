#!/usr/bin/env bash
# Says what to do when there is no Rust toolchain; rustup reads rust-toolchain.toml.
set -euo pipefail
if ! command -v cargo >/dev/null; then
  echo "loadrig: cargo is missing: install Rust with rustup (https://rustup.rs), then run this again" >&2
  exit 1
fi
