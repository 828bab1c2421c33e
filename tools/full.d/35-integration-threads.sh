# integration-threads - the integration tests again, with the thread sanitizer.
. tools/sanitizers.sh
tools/build.sh tsan all >/dev/null && AUSPEX_BINARY=$PWD/build/tsan/auspex tools/pytest.sh tests/integration
