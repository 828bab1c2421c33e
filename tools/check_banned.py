#!/usr/bin/python3
"""check_banned.py [ROOT] - src/ and fuzz/ call nothing that tools/banned.txt names (comments and texts don't count)."""
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
SILENT = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def banned():
    rows = {}
    for line in (HERE / 'banned.txt').read_text().splitlines():
        if line and not line.startswith('#'):
            name, _, why = line.partition('|')
            rows[name.strip()] = why.strip()
    return rows


def spoken(text):
    """The text without comments and literals, with its lines where they were."""
    return SILENT.sub(lambda match: '\n' * match.group().count('\n') or ' ', text)


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parent)
    rows = banned()
    # A member of that name (call->system(...)) is not the function.
    call = re.compile(r'(?<![\w.>])(' + '|'.join(rows) + r')\s*\(')
    failed = 0
    for folder in 'src', 'fuzz':
        for path in sorted((root / folder).rglob('*.[ch]')):
            text = spoken(path.read_text())
            for match in call.finditer(text):
                line = text.count('\n', 0, match.start()) + 1
                print(f'{path.relative_to(root)}:{line}: {match.group(1)}: {rows[match.group(1)]}')
                failed = 1
    return failed


if __name__ == '__main__':
    sys.exit(main())
