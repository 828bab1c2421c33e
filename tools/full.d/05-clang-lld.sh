# clang-lld - the other compiler with the other linker: registered tables must survive both.
. tools/sanitizers.sh
cmake -S . -B build/clang-lld -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_COMPILER=clang -DCMAKE_EXE_LINKER_FLAGS=-fuse-ld=lld >/dev/null || exit 1
tools/build.sh clang-lld all unit_tests && tools/unit.sh build/clang-lld/unit_tests
