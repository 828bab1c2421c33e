"""Debian 12's node is 18: scripts that run at build or test time may not need a newer one."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = [path for folder in ('web', 'tests/ui') for pattern in ('*.mjs', '*.js', 'test/**/*.mjs') for path in (ROOT / folder).glob(pattern)]
NEWER = re.compile(r'import\.meta\.(dirname|filename)|--env-file|node:sqlite|\bprocess\.loadEnvFile\b|--experimental-strip-types')


def newer(text):
    return [match.group() for match in NEWER.finditer(text)]


def test_newer_features_are_seen():
    assert newer("const root = import.meta.dirname;\nimport 'node:sqlite'") == ['import.meta.dirname', 'node:sqlite']


def test_scripts_run_on_node_18():
    found = {str(path.relative_to(ROOT)): newer(path.read_text()) for path in SCRIPTS}
    assert {path: words for path, words in found.items() if words} == {}
