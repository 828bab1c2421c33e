# valgrind - unit tests under memcheck: uninitialised reads are what the sanitizers don't see.
tools/build.sh dev unit_tests >/dev/null && tools/unit.sh valgrind -q --error-exitcode=99 --exit-on-first-error=no build/dev/unit_tests
