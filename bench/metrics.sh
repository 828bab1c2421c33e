#!/bin/bash
# metrics.sh [FOLDER] - what the metrics engine costs: log, appends, recovery, restart, PromQL. FOLDER decides which disk.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p build
folder=$(mktemp -d "${1:-build}/bench-XXXXXX")
trap 'rm -rf "$folder"' EXIT
mkdir "$folder"/{wal,append,recovery,restart}
tools/build.sh release programs >&2
build/release/wal_bench "$folder/wal"
build/release/append_bench "$folder/append"
build/release/recovery_bench "$folder/recovery"
build/release/restart_bench "$folder/restart"
build/release/promql_bench
