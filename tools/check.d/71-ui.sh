# ui - the page in a real Chromium, on the real program.
tools/web_build.sh && tools/build.sh release all && AUSPEX_BINARY=$PWD/build/release/auspex tools/node_tests.sh tests/ui
