#!/bin/bash
# generate.sh [FOLDER] - write the files of tools/generated.txt, into FOLDER or where they belong.
set -euo pipefail
cd "$(dirname "$0")/.."
to=${1:-.}
auspex=${AUSPEX_BINARY:-build/dev/auspex}
new=$(mktemp)
trap 'rm -f "$new"' EXIT
while IFS='|' read -r path arguments; do
    path=${path%%[[:space:]]*}
    case $path in '' | '#'*) continue ;; esac
    mkdir -p "$to/$(dirname "$path")"
    # shellcheck disable=SC2086 # words
    "$auspex" $arguments >"$new" </dev/null
    case $path in
    *.json) /usr/bin/python3 -m json.tool --no-ensure-ascii --indent 1 "$new" "$to/$path" ;; # a change is a few lines
    *) cp "$new" "$to/$path" ;;
    esac
done <tools/generated.txt
