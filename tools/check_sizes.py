#!/usr/bin/python3
"""check_sizes.py [ROOT] - files of src/ stay under 1000 lines, headers under 200, functions under 80.

A function is what clang-format leaves between '{' and '}' in column 0, its signature included. What comes within
a tenth of a limit is listed, and is no failure.
"""
import pathlib
import re
import sys

FILE, HEADER, FUNCTION = 1000, 200, 80
NO_SIGNATURE = re.compile(r'^[#}/]|;\s*$|\*/\s*$')
NAME = re.compile(r'((?:TEST\()?\w+\)?)\s*[({]')


def functions(lines):
    """(first line, name, length) of each function; lines count from 1."""
    start = None
    for at, line in enumerate(lines):
        if line.rstrip() == '{':
            start = at
            while start > 0 and lines[start - 1].strip() and not NO_SIGNATURE.search(lines[start - 1]):
                start -= 1
        elif line.startswith('}') and start is not None:
            name = NAME.search(' '.join(lines[start:at]))
            yield start + 1, name.group(1) if name else '?', at - start + 1
            start = None


def sizes(root):
    """(size, limit, what) of everything that has a limit."""
    for path in sorted((root / 'src').rglob('*.[ch]')):
        where = path.relative_to(root)
        lines = path.read_text().splitlines()
        yield len(lines), HEADER if path.suffix == '.h' else FILE, f'{where}'
        for line, name, length in functions(lines):
            yield length, FUNCTION, f'{where}:{line}: {name}'


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    failed = 0
    for size, limit, what in sizes(root):
        if size > limit:
            print(f'{what}: {size} lines; at most {limit}')
            failed = 1
        elif size > limit * 0.9:
            print(f'(near) {what}: {size} lines of {limit}')
    return failed


if __name__ == '__main__':
    sys.exit(main())
