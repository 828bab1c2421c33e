#!/bin/bash
# node_tests.sh FOLDER - `npm test` there, with the packages of its lock file, and its counts: node's own test runner
# ("# pass 3", or the same with another first sign) and Playwright ("3 passed") are understood.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root/$1" || exit 1
mkdir -p "$root/build"
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 FORCE_COLOR=0 NO_COLOR=1
stamp=$root/build/npm-${1//\//-}.stamp
# npm trusts whom the system trusts, a company's own authority included.
system=/etc/ssl/certs/ca-certificates.crt
[ -n "${NODE_EXTRA_CA_CERTS:-}" ] || [ ! -r $system ] || export NODE_EXTRA_CA_CERTS=$system
packages=$(sha256sum package.json package-lock.json)
if [ ! -d node_modules ] || [ "$packages" != "$(cat "$stamp" 2>/dev/null)" ]; then
    npm ci --no-audit --no-fund --loglevel=error || exit 1
    echo "$packages" >"$stamp"
fi
out=$(mktemp)
trap 'rm -f "$out"' EXIT
npm test --silent 2>&1 | tee "$out"
status=${PIPESTATUS[0]}
/usr/bin/python3 - "$out" >"${CHECK_COUNTS:-/dev/null}" <<'PY'
import re, sys
text = open(sys.argv[1], errors='replace').read()
def total(*words):
    return sum(int(n) for word in words for n in
               re.findall(rf'^(?:#|\S) {word} (\d+)$', text, re.M) + re.findall(rf'^\s+(\d+) {word}\b', text, re.M))
print(total('pass', 'passed'), total('fail', 'failed', 'cancelled', 'interrupted', 'flaky'), total('skipped', 'todo', 'did not run'))
PY
exit "$status"
