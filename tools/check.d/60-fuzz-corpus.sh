# fuzz-corpus - every fuzz target takes its corpus again: one test each.
. tools/sanitizers.sh
tools/build.sh fuzz all || exit 1
shopt -s nullglob
passed=0 failed=0
for target in build/fuzz/fuzz/*_fuzz; do
    name=$(basename "$target" _fuzz)
    if [ ! -d "fuzz/corpus/$name" ]; then
        echo "$name: no fuzz/corpus/$name"
        failed=$((failed + 1))
    elif "$target" -runs=0 "fuzz/corpus/$name" >"build/check/fuzz-$name.log" 2>&1; then
        passed=$((passed + 1))
    else
        echo "== $name"
        tail -40 "build/check/fuzz-$name.log"
        failed=$((failed + 1))
    fi
done
echo "$passed $failed 0" >"$CHECK_COUNTS"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
