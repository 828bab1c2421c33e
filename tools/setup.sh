#!/bin/bash
# setup.sh build|test... - install the Debian packages of tools/packages/NAME that are missing.
# As root or with passwordless sudo; otherwise prints the one apt line that is missing and exits 1.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=()
for list in "${@:-build}"; do
    [ -r "tools/packages/$list" ] || { echo "setup: no tools/packages/$list; usage: tools/setup.sh build|test..." >&2; exit 2; }
    while read -r package _; do
        case $package in
        '' | '#'*) ;;
        nodejs) command -v node >/dev/null || wanted+=("$package") ;; # any node will do
        npm) command -v npm >/dev/null || wanted+=("$package") ;;
        *) wanted+=("$package") ;;
        esac
    done <"tools/packages/$list"
done

if ! command -v dpkg-query >/dev/null; then
    echo "setup: not a Debian system; install the counterparts of: ${wanted[*]}" >&2
    exit 0 # the build says precisely what it does not find
fi
# One query for all: a package that dpkg never heard of is simply absent from its answer.
installed=" $(dpkg-query -W -f='${db:Status-Status}/${Package} ' "${wanted[@]}" 2>/dev/null || true) "
missing=()
for package in "${wanted[@]}"; do
    [[ $installed == *" installed/$package "* ]] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ]; then
    root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    root=(sudo -n)
else
    echo "setup: not root and no passwordless sudo; what is missing comes with" >&2
    echo "apt-get install -y --no-install-recommends ${missing[*]}"
    exit 1
fi

# Servers that come with the packages must not start themselves: we only want their programs.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap '"${root[@]}" rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee $policy >/dev/null
    "${root[@]}" chmod 755 $policy
fi
echo "setup: installing ${missing[*]}"
apt() { "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" </dev/null; }
apt update
apt install -y --no-install-recommends "${missing[@]}" >/dev/null
# Nor at the next boot.
for package in "${missing[@]}"; do
    unit=/lib/systemd/system/$package.service
    [ ! -e "$unit" ] || "${root[@]}" systemctl disable --quiet "$package.service" 2>/dev/null || true
done
