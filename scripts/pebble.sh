#!/usr/bin/env bash
# Prints where pebble is, the ACME server that the tests of certificates need, and builds it into the cache
# before if it is not there. Prints nothing where that cannot be: those tests then say "not run".
set -euo pipefail
version=2.10.3
place="${XDG_CACHE_HOME:-$HOME/.cache}/loadrig/pebble-$version"
if [ ! -x "$place/pebble" ]; then
  if ! command -v go >/dev/null; then
    echo "pebble: not built, since Go is not installed" >&2
    exit
  fi
  echo "pebble: building $version into $place" >&2
  if ! GOBIN="$place" go install "github.com/letsencrypt/pebble/v2/cmd/pebble@v$version" >&2; then
    echo "pebble: not built" >&2
    exit
  fi
fi
echo "$place/pebble"
