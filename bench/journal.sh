#!/bin/bash
# journal.sh [SECONDS] - the journal's benchmark on the disk that holds build/.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/build.sh release journal_bench >&2
folder=$(mktemp -d build/bench-XXXXXX)
trap 'rm -rf "$folder"' EXIT
build/release/journal_bench "$folder" "${1:-3}"
