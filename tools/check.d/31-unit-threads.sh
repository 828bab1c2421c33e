# unit-threads - the same with the thread sanitizer.
. tools/sanitizers.sh
tools/build.sh tsan unit_tests >/dev/null && tools/unit.sh build/tsan/unit_tests
