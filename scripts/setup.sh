#!/usr/bin/env bash
# Installs what the local cloud and the tests need, and nothing that is there already:
# Debian packages, and for the tests pebble where Go is. The Python environment with the cloud
# emulator and the hosts' base image are made by `loadrig local prepare`, which `loadrig demo`
# calls by itself.
set -euo pipefail

say() { echo "setup: $*" >&2; }
fail() { echo "loadrig: $*" >&2; exit 1; }

[ "$(uname -s)" = Linux ] || fail "the local cloud needs Linux; on this machine use loadrig against AWS (see README, \"On AWS\")"
[ -r /etc/debian_version ] || fail "the local cloud is made for Debian 12; run this in a Debian 12 virtual machine"
[ "$(id -u)" = 0 ] || fail "the local cloud makes network namespaces and needs root: run 'sudo -E make demo'"
unshare --net --mount --pid --fork true 2>/dev/null || fail "namespaces are not permitted here: run on a machine or a privileged container that may create them"

# package:a file that shows it is there
packages=(
  build-essential:/usr/bin/cc curl:/usr/bin/curl
  iproute2:/sbin/ip nftables:/usr/sbin/nft dnsmasq-base:/usr/sbin/dnsmasq
  mmdebstrap:/usr/bin/mmdebstrap openssh-client:/usr/bin/ssh util-linux:/usr/bin/nsenter
  python3-venv:/usr/share/doc/python3-venv ca-certificates:/etc/ssl/certs/ca-certificates.crt
  procps:/usr/bin/pgrep
)
# Only the tests and the study need these.
case "${1:-}" in
test)
  packages+=(openssh-server:/usr/sbin/sshd chromium:/usr/bin/chromium jq:/usr/bin/jq nginx:/usr/sbin/nginx
    postgresql-15:/usr/lib/postgresql/15/bin/postgres python3-aiosmtpd:/usr/lib/python3/dist-packages/aiosmtpd
    dovecot-imapd:/usr/lib/dovecot/imap slapd:/usr/sbin/slapd) ;;
study)
  packages+=(nginx:/usr/sbin/nginx postgresql-15:/usr/lib/postgresql/15/bin/postgres) ;;
esac
missing=()
for entry in "${packages[@]}"; do
  [ -e "${entry#*:}" ] || missing+=("${entry%%:*}")
done
if [ ${#missing[@]} -gt 0 ]; then
  say "installing Debian packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # A policy that starts nothing: the packages' own services are not wanted here.
  policy=/usr/sbin/policy-rc.d
  made_policy=
  if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; made_policy=1; fi
  trap '[ -z "$made_policy" ] || rm -f /usr/sbin/policy-rc.d' EXIT
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi
[ "${1:-}" != test ] || "$(dirname "$0")/pebble.sh" >/dev/null
