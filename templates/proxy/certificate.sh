#!/bin/sh
# Written by loadrig.
# The certificate of this proxy. It is asked of an ACME server as soon as its name leads to the proxies,
# and renewed by Debian's certbot.timer. Until there is one, nginx has a certificate of the environment's
# own authority, `placeholder`.
#
#   certificate.sh link     has nginx's files lead to the certificate that there is
#   certificate.sh use      the same, and has nginx take it
#   certificate.sh first    obtains one if there is none, and warns where that did not work
#   certificate.sh watch    tries every minute until there is one
#   certificate.sh try      tries a renewal, without a certificate that counts
#
# /run/loadrig-certificate.why says why there is none yet.
#
# LOADRIG_ROOT moves every path, for tests.
set -eu
# nginx reads challenges as another user.
umask 022
root=${LOADRIG_ROOT:-}
# shellcheck source=/dev/null # it comes with the bundle: name, email, directory, lineage, authority
. "$root/etc/loadrig/certificate.conf"
tls=$root/etc/nginx/tls
live=$root/etc/letsencrypt/live/$lineage
webroot=$root/var/lib/loadrig-acme
challenges=$webroot/.well-known/acme-challenge
why=$root/run/loadrig-certificate.why
lock=$root/run/loadrig-certificate.lock
failed=$root/run/loadrig-certificate.failed
# Seconds between two questions that the ACME server refused: Let's Encrypt takes five of them in an hour.
pause=${LOADRIG_ACME_PAUSE:-900}
[ -z "$authority" ] || export REQUESTS_CA_BUNDLE="$root$authority"

obtained() { openssl x509 -in "$live/fullchain.pem" -noout -checkend 0 >/dev/null 2>&1; }

link() {
    target=placeholder
    if obtained; then target=$live; fi
    mkdir -p "$tls" "$challenges"
    [ "$(readlink "$tls/current" || true)" != "$target" ] || return 0
    ln -sfn "$target" "$tls/current.new"
    mv -T "$tls/current.new" "$tls/current"
}

# Connections that are open go on with the old certificate.
use() { link && nginx -q -t && systemctl reload nginx; }

# none REASON: remembers it for `loadrig verify`.
none() {
    echo "$1" >"$why"
    return 1
}

# Whether the name leads to this proxy, or to others that pass its challenges on: asked before the ACME
# server asks, which counts what fails. Every address has to, since the server takes any.
leads_here() {
    probe=loadrig-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    addresses=$(getent ahostsv4 "$name" | awk '{ print $1 }' | sort -u)
    [ -n "$addresses" ] || none "$name is not in DNS yet; it has to lead to the proxies" || return 1
    echo "$probe" >"$challenges/$probe"
    strange=
    for address in $addresses; do
        answer=$(curl -s -m 10 --noproxy '*' --resolve "$name:80:$address" \
            "http://$name/.well-known/acme-challenge/$probe" || true)
        [ "$answer" = "$probe" ] || strange="$strange $address"
    done
    rm -f "$challenges/$probe"
    [ -z "$strange" ] || none "$name leads to$strange, where this proxy's challenges are not answered on port 80"
}

ask() {
    if said=$(certbot certonly --non-interactive --agree-tos --no-eff-email --email "$email" --server "$directory" \
        --webroot --webroot-path "$webroot" --cert-name "$lineage" --domain "$name" \
        --key-type ecdsa --keep-until-expiring 2>&1); then
        return 0
    fi
    touch "$failed"
    echo "$said" >&2
    detail=$(echo "$said" | sed -n 's/^ *Detail: //p' | head -n 1)
    # Debian's certbot 2.1 stumbles over some answers, so that only its log has them.
    [ -n "$detail" ] || detail=$(sed -n 's/^ *"detail": "\(.*\)",*$/\1/p' \
        "$root/var/log/letsencrypt/letsencrypt.log" 2>/dev/null | tail -n 1)
    [ -n "$detail" ] || detail=$(echo "$said" | grep -v '^$\|^Ask for help\|^Saving debug\|^- - ' | tail -n 1)
    none "the ACME server at $directory: $detail"
}

# forget_others: certificates of names and servers of before are not renewed any more.
forget_others() {
    for file in "$root"/etc/letsencrypt/renewal/loadrig-*.conf; do
        other=$(basename "$file" .conf)
        [ ! -e "$file" ] || [ "$other" = "$lineage" ] ||
            certbot delete --non-interactive --cert-name "$other" >/dev/null 2>&1 || true
    done
}

obtain() {
    exec 9>"$lock"
    flock 9
    if obtained; then
        [ "$(readlink "$tls/current" || true)" = "$live" ] || use
        rm -f "$why"
        return 0
    fi
    mkdir -p "$challenges"
    leads_here || return 1
    if [ -e "$failed" ] && [ $(($(date +%s) - $(stat -c %Y "$failed"))) -lt "$pause" ]; then
        return 1
    fi
    ask || return 1
    use || none "nginx does not take the certificate" || return 1
    rm -f "$why" "$failed"
    forget_others
}

case ${1:-} in
link) link ;;
use) use ;;
first) (obtain) || echo "warning: no certificate yet: $(cat "$why"); tried again every minute" ;;
try)
    # Let's Encrypt has another server for this, which certbot takes by itself.
    case $directory in
    https://acme-v02.api.letsencrypt.org/*) set -- ;;
    *) set -- --server "$directory" ;;
    esac
    certbot renew --dry-run --no-random-sleep-on-renew --cert-name "$lineage" "$@"
    ;;
watch)
    while :; do
        if (obtain); then sleep 3600; else sleep 60; fi
    done
    ;;
*)
    echo "usage: certificate.sh link|use|first|watch|try" >&2
    exit 64
    ;;
esac
