# tidy-all - clang-tidy over everything.
tools/tidy.sh all
