"""The recipes of CONTRIBUTING.md, done word for word in a scratch copy of the tree.

A code block names the file that it is, after its language; the `sh` blocks of a recipe are run in order. A recipe
has at most five steps, its commands must succeed, and unit tests that they run must have run.
"""
import os
import pathlib
import re
import shutil
import subprocess
import textwrap

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TREE = ROOT / 'build/recipes'  # kept, so that the second time builds only what changed
BLOCK = re.compile(r'^( *)```(\w+)(?: (\S+))?\n(.*?)^\1```$', re.M | re.S)
STEP = re.compile(r'^\d+\. ', re.M)


def recipes():
    text = (ROOT / 'CONTRIBUTING.md').read_text()
    parts = re.split(r'^### (.+)$', text[text.index('## Recipes'):], flags=re.M)[1:]
    return dict(zip(parts[::2], parts[1::2]))


def blocks(recipe):
    """(language, file or None, text) of each block, without the indentation of its step."""
    return [(language, path, textwrap.dedent(text)) for _, language, path, text in BLOCK.findall(recipe)]


def sources(root):
    """The names of the files under root that belong to the tree: nothing that was built or fetched."""
    for folder, folders, files in os.walk(root):
        here = os.path.relpath(folder, root)
        folders[:] = [name for name in folders if name not in {'.git', 'node_modules', 'dist', '__pycache__'} and
                      (here, name) not in {('.', 'build'), ('.', 'data')}]
        yield from (os.path.normpath(os.path.join(here, name)) for name in files)


@pytest.fixture
def tree():
    """A copy of this tree; a file of an earlier recipe does not stay, what did not change keeps its time and its object."""
    TREE.mkdir(parents=True, exist_ok=True)
    files = set(sources(ROOT))
    for name in set(sources(TREE)) - files:
        (TREE / name).unlink()
    for name in files:
        there, here = TREE / name, ROOT / name
        if not there.exists() or there.read_bytes() != here.read_bytes():
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(here, there)
    return TREE


@pytest.mark.parametrize('name', recipes())
def test_recipe(name, tree):
    recipe = recipes()[name]
    assert 1 <= len(STEP.findall(recipe)) <= 5, 'a recipe has at most five steps'
    commands = []
    for language, path, text in blocks(recipe):
        if language == 'sh':
            commands.append(text)
        else:
            assert path, f'a block of {language} does not say which file it is'
            assert not (ROOT / path).exists(), f'{path} exists already: a recipe adds files'
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
            if language == 'c':
                subprocess.run(['clang-format', '--dry-run', '-Werror', tree / path], check=True, cwd=tree)
    assert commands, 'a recipe ends in commands that show that it worked'
    for command in commands:
        env = {key: value for key, value in os.environ.items() if not key.startswith(('AUSPEX_', 'CHECK_'))}
        done = subprocess.run(['bash', '-e', '-u', '-o', 'pipefail', '-c', command], cwd=tree, stdin=subprocess.DEVNULL, env=env,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)
        assert done.returncode == 0, f'{command}\n{done.stdout}'
        if 'unit_tests' in command.splitlines()[-1]:
            assert re.search(r'^[1-9]\d* passed, 0 failed', done.stdout, re.M), done.stdout
    layers = subprocess.run([tree / 'tools/layers.py'], stdout=subprocess.PIPE, text=True)
    assert layers.returncode == 0, layers.stdout


def test_there_are_recipes():
    assert {'Add a test', 'Add a metric'} <= set(recipes())
