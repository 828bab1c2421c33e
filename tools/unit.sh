#!/bin/bash
# unit.sh BINARY [FILTER] - run unit tests and write their counts. A binary that dies is one failure more.
set -uo pipefail
export AUSPEX_TEST_SLOW=1 # sanitizers, on a machine that may be busy: a test hangs only after minutes
out=$(mktemp)
trap 'rm -f "$out"' EXIT
"$@" 2>&1 | tee "$out"
status=${PIPESTATUS[0]}
last=$(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$out" | tail -1)
if [[ $last =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+)\ skipped)?$ ]]; then
    counts="${BASH_REMATCH[1]} ${BASH_REMATCH[2]} ${BASH_REMATCH[4]:-0}"
else
    echo "unit: $1 ended with status $status before its last line"
    counts="$(grep -ac '^ok ' "$out") $(($(grep -ac '^FAIL ' "$out") + 1)) $(grep -ac '^skip ' "$out")"
    [ "$status" -ne 0 ] || status=1
fi
echo "$counts" >"${CHECK_COUNTS:-/dev/null}"
exit "$status"
