# tidy - clang-tidy over what the last commit and the working tree changed; ./check --full takes everything.
tools/tidy.sh changed
