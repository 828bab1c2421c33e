#!/usr/bin/python3
"""check_cleanup.py [ROOT] - in src/ and fuzz/ no scope is left while a CLEANUP variable of it has no value yet.

The cleanup would run on whatever the stack held. Compilers don't see it, because the variable's address is taken.
"""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
DECLARED = re.compile(r'(\w+)\s+CLEANUP\(\w+\);')
LEAVES = re.compile(r'\b(?:TRY|ASSERT\w*)\(|\breturn\b')


def uninitialised(lines):
    """(line, name, line that leaves) for each variable that may be cleaned up before it was set."""
    for at, line in enumerate(lines):
        for name in DECLARED.findall(line):
            is_set = re.compile(rf'(?:^|[^&\w.>]){name}\s*=[^=]|\b\w*_init\(&{name}\b')
            for later in range(at + 1, len(lines)):
                if is_set.search(lines[later]):
                    break
                if LEAVES.search(lines[later]) or lines[later].startswith('}'):
                    yield at + 1, name, later + 1
                    break


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parent)
    failed = 0
    for folder in 'src', 'fuzz':
        for path in sorted((root / folder).rglob('*.[ch]')):
            for line, name, leaves in uninitialised(path.read_text().splitlines()):
                print(f'{path.relative_to(root)}:{line}: {name} has no value yet where line {leaves} leaves its scope')
                failed = 1
    return failed


if __name__ == '__main__':
    sys.exit(main())
