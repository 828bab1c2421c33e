# soak - SOAK_SECONDS (300) of load: memory, descriptors and threads end where they were.
tools/build.sh release all >/dev/null && AUSPEX_BINARY=$PWD/build/release/auspex tools/pytest.sh tests/soak -s
