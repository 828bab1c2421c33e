# headers - each compiles alone.
tools/check_headers.sh
