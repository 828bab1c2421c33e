#!/bin/bash
# tidy.sh changed|all - clang-tidy (.clang-tidy) over src/, tests apart (the sanitizers watch those). A verdict is kept by the hash of the preprocessed text, so
# what did not change is not asked again.
set -uo pipefail
cd "$(dirname "$0")/.."
export CACHE=$PWD/build/.tidy
mkdir -p "$CACHE"
[ -f build/dev/compile_commands.json ] || tools/build.sh dev embed >/dev/null || exit 1

what=${1:-changed}
git rev-parse -q --verify HEAD >/dev/null 2>&1 || what=all # not a clone: nobody knows what changed
case $what in
all) files=$(find src -name '*.c' ! -name '*_test.c') ;;
*) files=$({ git diff --name-only HEAD; git diff --name-only HEAD~1 HEAD; git ls-files -o --exclude-standard; } 2>/dev/null | grep '^src/.*\.c$' | grep -v '_test\.c$') ;;
esac

one() {
    local key
    key=$({ cat .clang-tidy tools/tidy.h; cc -E -P -D_GNU_SOURCE -Isrc $FLAGS "$1"; } 2>&1 | sha256sum | cut -c1-32)
    [ -e "$CACHE/$key" ] && return 0
    local known=(--extra-arg=-include --extra-arg="$PWD/tools/tidy.h")
    [ "$1" = src/base/err.c ] && known=() # which defines them
    clang-tidy --quiet -p build/dev --extra-arg=-Wno-unknown-warning-option "${known[@]}" --warnings-as-errors='*' "$1" 2>/dev/null || return 1
    touch "$CACHE/$key"
}
export -f one
export FLAGS
FLAGS=$(pkg-config --cflags libcurl sqlite3 libfyaml hiredis)
for file in $(sort -u <<<"$files"); do
    [ -f "$file" ] && printf '%s\0' "$file"
done | xargs -0 -r -n 1 -P "$(nproc)" bash -c 'one "$1"' _
