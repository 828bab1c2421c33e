#!/bin/bash
# web_build.sh - build web/dist, only when something under web/ changed since the last time.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -f web/package.json ] || { echo "web: no web/package.json, the page stays unbuilt"; exit 0; }
cd web
# npm trusts whom the system trusts, a company's own authority included.
system=/etc/ssl/certs/ca-certificates.crt
[ -n "${NODE_EXTRA_CA_CERTS:-}" ] || [ ! -r $system ] || export NODE_EXTRA_CA_CERTS=$system

mkdir -p ../build
inputs() { find . \( -name node_modules -o -name dist \) -prune -o -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum; }
packages() { sha256sum package.json package-lock.json; }
quietly() { # its output is only interesting where it fails
    "$@" >../build/web.log 2>&1 </dev/null || { tail -60 ../build/web.log >&2; exit 1; }
}

now=$(inputs)
[ -f dist/index.html ] && [ "$now" = "$(cat ../build/web.stamp 2>/dev/null)" ] && exit 0
if [ ! -d node_modules ] || [ "$(packages)" != "$(cat ../build/npm-web.stamp 2>/dev/null)" ]; then
    echo "web: npm ci"
    quietly npm ci --no-audit --no-fund --loglevel=error
    packages >../build/npm-web.stamp
fi
echo "web: npm run build"
quietly npm run build
echo "$now" >../build/web.stamp
