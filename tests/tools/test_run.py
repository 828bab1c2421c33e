"""./run builds and then starts the right thing; here with stand-ins for the build and the program."""
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def run(tmp_path):
    """run(arguments, root=..., build=...) -> (status, what the program was called with, output)."""
    clone = tmp_path / 'clone'

    def program(path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('#!/bin/bash\n' + text)
        path.chmod(0o755)

    def start(*arguments, root=False, build='exit 0', setup='exit 0'):
        program(clone / 'tools/setup.sh', setup)
        program(clone / 'tools/web_build.sh', 'exit 0')
        program(clone / 'tools/build.sh', build)
        program(clone / 'build/release/auspex', f'printf "%s\\n" "$@" >{tmp_path}/called; pwd >>{tmp_path}/called')
        program(tmp_path / 'bin/id', f'echo {0 if root else 1000}')
        shutil.copy(ROOT / 'run', clone)
        done = subprocess.run([clone / 'run', *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                              cwd=tmp_path, env={'PATH': f'{tmp_path}/bin:/usr/bin:/bin', 'HOME': str(tmp_path)})
        called = tmp_path / 'called'
        return done.returncode, called.read_text().split('\n')[:-1] if called.exists() else None, done.stdout + done.stderr
    return start


def test_it_serves_where_the_user_stands(run, tmp_path):
    assert run()[:2] == (0, ['serve', str(tmp_path)])


def test_arguments_go_to_serve(run, tmp_path):
    assert run('--log.level', 'debug')[1] == ['serve', '--log.level', 'debug', str(tmp_path)]
    assert run('serve', '--log.level', 'debug')[1] == ['serve', '--log.level', 'debug', str(tmp_path)]


def test_root_stores_where_an_unprivileged_daemon_can_reach(run, tmp_path):
    assert run(root=True)[1] == ['serve', '--storage.path', '/var/lib/auspex', str(tmp_path)]
    assert run('--storage.path', '/x', root=True)[1] == ['serve', '--storage.path', '/x', str(tmp_path)]
    assert run('--storage.path=/x', root=True)[1] == ['serve', '--storage.path=/x', str(tmp_path)]


def test_demo_gets_its_arguments_and_no_storage(run, tmp_path):
    assert run('demo', '--json', root=True)[1] == ['demo', '--json', str(tmp_path)]


def test_build_starts_nothing(run):
    status, called, _ = run('build')
    assert (status, called) == (0, None)


def test_a_build_that_fails_shows_why_and_starts_nothing(run):
    status, called, out = run(build='echo "main.c:3: error: no"; exit 1')
    assert (status, called) == (1, None) and 'main.c:3: error: no' in out


def test_missing_packages_end_it_with_the_line_that_installs_them(run):
    status, called, out = run(setup='echo apt-get install -y cmake; exit 1')
    assert (status, called, out) == (1, None, 'apt-get install -y cmake\n')
