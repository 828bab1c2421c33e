"""tools/setup.sh installs what is missing, and nothing where nothing is; here with stand-ins for the system's programs."""
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def machine(tmp_path):
    """machine(installed, sudo) runs setup.sh on a list of three packages -> (status, output, commands given to sudo)."""
    (tmp_path / 'tools/packages').mkdir(parents=True)
    shutil.copy(ROOT / 'tools/setup.sh', tmp_path / 'tools')
    (tmp_path / 'tools/packages/build').write_text('# a comment\n\ngcc-x   # compiles\nlib-y # holds\n')
    (tmp_path / 'tools/packages/test').write_text('real-z # serves\n')
    bin_ = tmp_path / 'bin'
    bin_.mkdir()

    def program(name, text):
        (bin_ / name).write_text('#!/bin/bash\n' + text)
        (bin_ / name).chmod(0o755)

    def run(installed, *lists, sudo=True):
        said = ''.join(f'installed/{name} ' for name in installed)
        program('id', 'echo 1000')
        program('dpkg-query', f'printf "%s" "{said}"; exit 1')
        program('sudo', f'[ "$*" = "-n true" ] && exit {0 if sudo else 1}\nprintf "%s\\n" "$*" >>{tmp_path}/asked\ncat >/dev/null\n')
        done = subprocess.run([tmp_path / 'tools/setup.sh', *lists], capture_output=True, text=True, timeout=30,
                              stdin=subprocess.DEVNULL, env={'PATH': f'{bin_}:/usr/bin:/bin', 'HOME': str(tmp_path)})
        asked = tmp_path / 'asked'
        return done.returncode, done.stdout, asked.read_text() if asked.exists() else ''
    return run


def test_nothing_missing_does_nothing(machine):
    assert machine(['gcc-x', 'lib-y'], 'build') == (0, '', '')


def test_what_is_missing_is_installed_after_an_update(machine):
    status, _, asked = machine(['gcc-x'], 'build', 'test')
    assert status == 0
    update, install = [line for line in asked.splitlines() if 'apt-get' in line]
    assert update.endswith(' update')
    assert install.endswith('install -y --no-install-recommends lib-y real-z')
    assert 'DEBIAN_FRONTEND=noninteractive' in install


def test_servers_may_not_start_while_they_are_installed(machine):
    if os.path.exists('/usr/sbin/policy-rc.d'):
        assert 'policy-rc.d' not in machine([], 'build')[2]  # somebody else's: left alone
    else:
        asked = machine([], 'build')[2].splitlines()
        assert asked[0].endswith('tee /usr/sbin/policy-rc.d') and asked[-1].endswith('rm -f /usr/sbin/policy-rc.d')


def test_without_rights_the_missing_line_is_printed(machine):
    assert machine(['lib-y'], 'build', 'test', sudo=False) == (1, 'apt-get install -y --no-install-recommends gcc-x real-z\n', '')


def test_a_half_removed_package_is_missing(machine):
    assert 'gcc-x' in machine(['lib-y', 'not-gcc-x'], 'build')[2]


def test_an_unknown_list_is_a_usage_error(machine):
    assert machine([], 'nonsense')[0] == 2


def test_every_package_of_the_real_lists_says_why():
    for name in 'build', 'test':
        for line in (ROOT / 'tools/packages' / name).read_text().splitlines():
            package, _, why = line.partition('#')
            assert package.strip() and len(why.split()) >= 1, line
