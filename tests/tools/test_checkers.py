"""The checkers of tools/ fail where they should, and only there: each gets a tiny tree with and without a violation."""
import pathlib
import subprocess

import pytest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / 'tools'


@pytest.fixture
def tree(tmp_path):
    """A function that writes {path: text} under a fresh root; it starts with two layers and a good pair of files."""
    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    write({
        'src/LAYERS': '# lowest first\nlow\nhigh\n',
        'src/low/a.h': '/* a.h */\n#pragma once\nint low_a(int x);\n',
        'src/low/a.c': '/* a.c */\n#include "low/a.h"\nint low_a(int x)\n{\n    return x;\n}\n',
        'src/high/b.h': '/* b.h */\n#pragma once\n#include "low/a.h"\n',
        'src/high/b.c': '/* b.c */\n#include "high/b.h"\n#include "low/a.h"\n',
    })
    return write


def run(tool, root):
    done = subprocess.run([TOOLS / tool, root], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize('tool', ['layers.py', 'check_sizes.py', 'check_headers.sh', 'check_banned.py',
                                  'check_cleanup.py'])
def test_a_good_tree_passes(tool, tree):
    assert run(tool, tree({})) == (0, '')


@pytest.mark.parametrize('files, says', [
    ({'src/low/a.c': '#include "high/b.h"\n'}, 'src/low/a.c:1: low may not include "high/b.h"'),
    ({'src/low/a.h': '#pragma once\n\n#  include "high/b.h"\n'}, 'src/low/a.h:3: low may not include'),
    ({'src/mystery/c.c': ''}, 'folder mystery is not in src/LAYERS'),
    ({'src/low/a.c': '#include "a.h"\n'}, 'write the path from src/'),
    ({'src/low/a.c': '#include "../high/b.h"\n'}, 'write the path from src/'),
    ({'src/low/a.c': '#include "low/gone.h"\n'}, 'does not exist'),
    ({'src/low/a.c': '#include "else/where.h"\n'}, 'is in no folder'),
])
def test_layers_finds(files, says, tree):
    status, out = run('layers.py', tree(files))
    assert status == 1 and says in out


def test_layers_lets_tests_include_anything(tree):
    assert run('layers.py', tree({'src/low/a_test.c': '#include "high/b.h"\n'})) == (0, '')


def function(name, lines):
    return f'int {name}(void)\n{{\n' + '    f();\n' * (lines - 3) + '}\n'


@pytest.mark.parametrize('files, says', [
    ({'src/low/c.c': function('low_long', 81)}, 'src/low/c.c:1: low_long: 81 lines; at most 80'),
    ({'src/low/c.c': function('f', 5) + '\n' + 'static int\n' + function('g', 81)}, 'g: 82 lines'),
    ({'src/low/c.c': 'int low_wide(int a,\n             int b)\n{\n' + 'f();\n' * 80 + '}\n'}, 'low_wide: 84 lines'),
    ({'src/low/c.c': 'TEST(some_sentence)\n{\n' + 'f();\n' * 80 + '}\n'}, 'TEST(some_sentence): 83 lines'),
    ({'src/low/c.c': 'int x;\n' * 1001}, 'src/low/c.c: 1001 lines; at most 1000'),
    ({'src/low/c.h': 'int x;\n' * 201}, 'src/low/c.h: 201 lines; at most 200'),
])
def test_sizes_finds(files, says, tree):
    status, out = run('check_sizes.py', tree(files))
    assert status == 1 and says in out


def test_sizes_lists_what_is_near_without_failing(tree):
    status, out = run('check_sizes.py', tree({'src/low/c.c': function('low_near', 80)}))
    assert status == 0 and out == '(near) src/low/c.c:1: low_near: 80 lines of 80\n'


@pytest.mark.parametrize('files, says', [
    ({'src/low/c.h': '#pragma once\nsize_t low_size(void);\n'}, 'src/low/c.h: does not compile alone'),
    ({'src/low/c.h': '#pragma once\nstatic inline int low(void) { int y; return 0; }\n'}, 'unused variable'),
    ({'src/low/c.h': 'int low_c(void);\n'}, "src/low/c.h: no '#pragma once'"),
])
def test_headers_finds(files, says, tree):
    status, out = run('check_headers.sh', tree(files))
    assert status == 1 and says in out


@pytest.mark.parametrize('line, found', [
    ('strcpy(a, b);', True),
    ('if (system ("ls"))', True),
    ('x = atoi(s);', True),
    ('call->system(x);', False),
    ('row.gets(x);', False),
    ('my_strcpy(a, b);', False),
    ('strcpy_s(a, b);', False),
    ('/* strcpy(a, b) */', False),
    ('// strcpy(a, b)', False),
    ('say("never strcpy(a, b)");', False),
    ("c = '\"'; strcpy(a, b); c = '\"';", True),
])
def test_banned_finds(line, found, tree):
    status, out = run('check_banned.py', tree({'src/low/c.c': f'int x;\n/* two\n lines */ {line}\n'}))
    assert status == int(found)
    assert ('src/low/c.c:3: ' in out) == found


def test_banned_looks_at_fuzz_targets_too(tree):
    assert run('check_banned.py', tree({'fuzz/x_fuzz.c': 'strcpy(a, b);\n'}))[0] == 1


def test_adr_finds_a_library_without_a_page(tree):
    root = tree({
        'cmake/libraries.cmake': '# zstd\npkg_check_modules(LIBS REQUIRED IMPORTED_TARGET sqlite3 libpcre2-8 libxxhash)\nfind_library(W wslay REQUIRED)\n',
        'web/package.json': '{"dependencies": {"uplot": "1"}}',
        'docs/adr/0301-sqlite.md': '# 0301: SQLite keeps the state\nxxhash\n',
        'docs/adr/0402-pcre.md': '# 0402: PCRE2\n',
    })
    status, out = run('check_adr.py', root)
    assert status == 1
    assert [line.split(':')[0] for line in out.splitlines()] == ['libxxhash', 'wslay', 'uplot']
    tree({'docs/adr/0403.md': '# 0403: xxHash', 'docs/adr/0404.md': '# wslay', 'docs/adr/0405.md': '# 0405 uPlot draws'})
    assert run('check_adr.py', root) == (0, '')


def body(*lines):
    return 'err f(void)\n{\n' + ''.join(f'    {line}\n' for line in lines) + '}\n'


@pytest.mark.parametrize('lines, fails', [
    (('struct buf out CLEANUP(buf_clear);', 'TRY(g());', 'buf_init(&out, 9);'), True),
    (('struct buf out CLEANUP(buf_clear);', 'if (x)', '    return NULL;', 'buf_init(&out, 9);'), True),
    (('struct rows *rows CLEANUP(rows_closep);', 'TRY(tx_query(&rows));'), True),
    (('struct buf out CLEANUP(buf_clear);', 'buf_init(&out, 9);', 'TRY(g());'), False),
    (('struct buf out CLEANUP(buf_clear) = { .max = 9 };', 'TRY(g());', 'return NULL;'), False),
    (('int fd CLEANUP(fd_close);', 'fd = open("x", 0);', 'return NULL;'), False),
])
def test_cleanup_finds(lines, fails, tree):
    status, out = run('check_cleanup.py', tree({'src/low/c.c': body(*lines)}))
    assert status == fails and ('src/low/c.c:3: ' in out) == fails
