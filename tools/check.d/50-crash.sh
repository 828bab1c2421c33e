# crash - killed at failpoints and at random, nothing acknowledged is lost and no effect repeats.
tools/build.sh dev all >/dev/null && AUSPEX_BINARY=$PWD/build/dev/auspex tools/pytest.sh tests/crash
