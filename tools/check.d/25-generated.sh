# generated - the generated documents are those that this program writes: one test each.
tools/build.sh dev all && tools/generate.sh build/check/generated || exit 1
passed=0 failed=0
while read -r path; do
    if diff -u "$path" "build/check/generated/$path" | head -n 100 | cut -c 1-300; [ "${PIPESTATUS[0]}" -eq 0 ]; then
        passed=$((passed + 1))
    else
        echo "== $path is out of date: tools/generate.sh writes it anew"
        failed=$((failed + 1))
    fi
done < <(cd build/check/generated && find . -type f | LC_ALL=C sort)
echo "$passed $failed 0" >"$CHECK_COUNTS"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
