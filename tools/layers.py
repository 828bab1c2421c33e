#!/usr/bin/python3
"""layers.py [ROOT] - check that a folder of src/ includes only headers of folders above it in src/LAYERS, or its own.

Tests (*_test.c) may include anything. A folder that src/LAYERS does not name is a failure, and so is an include
between folders that is not spelled 'folder/header.h'.
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.M)


def layers(src):
    lines = (src / 'LAYERS').read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith('#')]


def problems(root):
    src = root / 'src'
    order = {folder: place for place, folder in enumerate(layers(src))}
    for path in sorted(src.rglob('*.[ch]')):
        where = path.relative_to(root)
        folder = path.relative_to(src).parts[0]
        if folder not in order:
            yield f'{where}: folder {folder} is not in src/LAYERS'
            continue
        if path.name.endswith('_test.c'):
            continue
        text = path.read_text()
        for match in INCLUDE.finditer(text):
            line = text.count('\n', 0, match.start()) + 1
            target = match.group(1)
            other = target.split('/')[0]
            if '/' not in target or '..' in target:
                yield f'{where}:{line}: "{target}": write the path from src/ on, such as "base/err.h"'
            elif other not in order:
                yield f'{where}:{line}: "{target}" is in no folder of src/LAYERS'
            elif order[other] > order[folder]:
                yield f'{where}:{line}: {folder} may not include "{target}": {other} is above it in src/LAYERS'
            elif not (src / target).is_file():
                yield f'{where}:{line}: "{target}" does not exist'


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    found = list(problems(root))
    print(*found, sep='\n', end='\n' if found else '')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
