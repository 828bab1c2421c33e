# integration - the real program against real servers, with sanitizers.
. tools/sanitizers.sh
tools/build.sh asan all >/dev/null && AUSPEX_BINARY=$PWD/build/asan/auspex tools/pytest.sh tests/integration
