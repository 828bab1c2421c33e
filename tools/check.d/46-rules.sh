# rules - those that travel inside the program do what their unit tests say.
. tools/sanitizers.sh
tools/build.sh asan all >/dev/null && build/asan/auspex test rules tests/rules/*.yml
