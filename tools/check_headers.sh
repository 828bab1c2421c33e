#!/bin/bash
# check_headers.sh [ROOT] - every header of src/ compiles alone and says '#pragma once'.
set -uo pipefail
cd "${1:-$(dirname "$0")/..}"
export FLAGS
FLAGS="-std=gnu17 -D_GNU_SOURCE -Isrc -Wall -Wextra -Werror -fsyntax-only $(pkg-config --cflags libcurl sqlite3 libfyaml hiredis 2>/dev/null)"
one() {
    grep -q '^#pragma once' "$1" || { echo "$1: no '#pragma once'"; return 1; }
    # shellcheck disable=SC2086 # FLAGS is a list
    "${CC:-cc}" $FLAGS -include "$1" -x c /dev/null || { echo "$1: does not compile alone"; return 1; }
}
export -f one
find src -name '*.h' -print0 | LC_ALL=C sort -z | xargs -0 -r -n 1 -P "$(nproc)" bash -c 'one "$1"' _ && exit 0
exit 1
