# bench - every benchmark runs and prints JSON: one test each. Figures are kept in build/check/bench, not judged.
tools/build.sh release all || exit 1
export AUSPEX_BINARY=$PWD/build/release/auspex
mkdir -p build/check/bench
passed=0 failed=0
for bench in bench/*.sh bench/*.py; do
    [ -x "$bench" ] || continue
    out=build/check/bench/$(basename "$bench").json
    echo "== $bench"
    if "$bench" >"$out" && /usr/bin/python3 -c 'import json, sys; [json.loads(line) for line in open(sys.argv[1])]' "$out"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
    cat "$out"
done
echo "$passed $failed 0" >"$CHECK_COUNTS"
[ $failed -eq 0 ]
