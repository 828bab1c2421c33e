# sizes - files, headers and functions are short.
tools/check_sizes.py
