#!/usr/bin/python3
"""check_adr.py [ROOT] - every library that cmake/libraries.cmake links and web/package.json bundles has its page in
docs/adr: the first line of a page names what it is about."""
import json
import pathlib
import re
import sys


def libraries(root):
    text = re.sub(r'#.*', '', (root / 'cmake/libraries.cmake').read_text())
    found = re.search(r'pkg_check_modules\(\w+ REQUIRED(?: IMPORTED_TARGET)?([^)]*)\)', text).group(1).split()
    found += re.findall(r'find_library\(\w+ (\w+)', text)
    package = root / 'web/package.json'
    if package.exists():
        found += [name for name in json.loads(package.read_text()).get('dependencies', {})]
    return found


def plain(name):
    """As people write it: sqlite3, SQLite and libsqlite are one."""
    return re.sub(r'^lib|[^a-z]|-?\d+$', '', re.sub(r'-\d+$', '', name.lower()))


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    titles = ' '.join(path.read_text().split('\n', 1)[0] for path in (root / 'docs/adr').glob('*.md'))
    known = {plain(word) for word in re.findall(r'[\w-]+', titles)}
    missing = [name for name in libraries(root) if plain(name) not in known]
    for name in missing:
        print(f'{name}: no page of docs/adr names it in its first line')
    return 1 if missing else 0


if __name__ == '__main__':
    sys.exit(main())
