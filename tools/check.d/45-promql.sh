# promql - random queries have the answers of a real Prometheus; ./check --full asks 100,000.
. tools/sanitizers.sh
tools/build.sh asan all >/dev/null && AUSPEX_BINARY=$PWD/build/asan/auspex tools/pytest.sh tests/promql/differential
