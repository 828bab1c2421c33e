#!/bin/bash
# build.sh PRESET [TARGET...] - configure build/PRESET where that is still to be done, and build.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
if [ ! -f "build/$preset/build.ninja" ]; then
    mkdir -p build
    cmake --preset "$preset" >"build/configure-$preset.log" 2>&1 || { cat "build/configure-$preset.log"; exit 1; }
fi
quiet=
[ -t 1 ] || quiet=--quiet # no progress in logs, so that a failure is what stands there
exec cmake --build "build/$preset" --target "${@:-all}" -- $quiet </dev/null
