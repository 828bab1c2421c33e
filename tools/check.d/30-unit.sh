# unit - unit tests with address and undefined behaviour sanitizers.
. tools/sanitizers.sh
tools/build.sh asan unit_tests >/dev/null && tools/unit.sh build/asan/unit_tests
