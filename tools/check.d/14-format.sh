# format - clang-format would change nothing.
find src fuzz bench tests tools \( -name node_modules -o -name scratch \) -prune -o -name '*.[ch]' -print0 | xargs -0 -r clang-format --dry-run -Werror
