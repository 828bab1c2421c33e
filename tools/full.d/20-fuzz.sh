# fuzz - every target for FUZZ_SECONDS (60) from its corpus; what it finds stays in build/check/fuzz.
. tools/sanitizers.sh
tools/build.sh fuzz all || exit 1
shopt -s nullglob
passed=0 failed=0
mkdir -p build/check/fuzz
for target in build/fuzz/fuzz/*_fuzz; do
    name=$(basename "$target" _fuzz)
    mkdir -p "build/check/fuzz/$name"
    echo "== $name"
    if "$target" -max_total_time="${FUZZ_SECONDS:-60}" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="build/check/fuzz/$name-" "build/check/fuzz/$name" "fuzz/corpus/$name" 2>&1 | tail -12; [ "${PIPESTATUS[0]}" -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
done
echo "$passed $failed 0" >"$CHECK_COUNTS"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
