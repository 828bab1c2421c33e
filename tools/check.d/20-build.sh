# build - every flavour compiles without a warning: one test each.
passed=0 failed=0
tools/web_build.sh || failed=1
for preset in dev asan tsan release; do
    targets='all unit_tests'
    [ $preset = release ] && targets='all programs'
    # shellcheck disable=SC2086 # two targets
    if tools/build.sh $preset $targets; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "== $preset does not build"
    fi
done
echo "$passed $failed 0" >"$CHECK_COUNTS"
[ $failed -eq 0 ]
