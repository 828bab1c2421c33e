# format - clang-format would change nothing.
# shellcheck disable=SC2046 # words
find src fuzz tests tools $(ls -d bench 2>/dev/null) \( -name node_modules -o -name scratch \) -prune -o -name '*.[ch]' -print0 | xargs -0 -r clang-format --dry-run -Werror
