#!/usr/bin/env bash
# The tests of resources before a second emulator, ministack, which is installed into the cache:
# what passes on moto alone may hold of moto and not of AWS.
set -euo pipefail
cd "$(dirname "$0")/.."
version=1.5.33
venv="${XDG_CACHE_HOME:-$HOME/.cache}/loadrig/ministack-$version"
if [ ! -x "$venv/bin/ministack" ]; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet "ministack==$version"
fi
export LOADRIG_SECOND_EMULATOR="$venv/bin/ministack"
exec cargo test --workspace --test it -- --nocapture --exact \
  second_emulator::resources_behave_alike_before_a_second_emulator
