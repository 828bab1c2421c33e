"""./check counts every test, shows what failed, and its exit status says whether all is well."""
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def house(tmp_path):
    """A copy of ./check with steps of its own: house({'10-name': 'script'}, arguments) -> (status, lines)."""
    shutil.copy(ROOT / 'check', tmp_path)
    for folder in 'check.d', 'full.d':
        (tmp_path / 'tools' / folder).mkdir(parents=True)
    setup = tmp_path / 'tools' / 'setup.sh'
    setup.write_text('#!/bin/bash\nexit 0\n')
    setup.chmod(0o755)

    def run(steps, *arguments, environment=None):
        for name, script in steps.items():
            folder = 'full.d' if name.startswith('full/') else 'check.d'
            (tmp_path / 'tools' / folder / (name.removeprefix('full/') + '.sh')).write_text(script)
        done = subprocess.run([tmp_path / 'check', *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, env=os.environ | (environment or {}))
        return done.returncode, done.stdout.splitlines()
    return run


def test_counts_add_up(house):
    status, lines = house({
        '10-plain': 'true',
        '20-counted': 'echo 5 0 0 >$CHECK_COUNTS',
    })
    assert (status, lines[-1]) == (0, '6 passed, 0 failed')


def test_skips_are_counted_and_named(house):
    status, lines = house({'10-some': 'echo "skip journal_survives: no disk"; echo 1 0 2 >$CHECK_COUNTS'})
    assert (status, lines[-1]) == (0, '1 passed, 0 failed, 2 skipped')
    assert any('skip journal_survives: no disk' in line for line in lines)


def test_a_failure_is_shown_and_the_rest_still_runs(house):
    status, lines = house({
        '10-bad': 'echo the reason; echo 3 2 0 >$CHECK_COUNTS; exit 1',
        '20-good': 'true',
    })
    assert (status, lines[-1]) == (1, '4 passed, 2 failed')
    assert 'the reason' in lines


def test_of_many_tests_those_that_failed_are_shown(house):
    _, lines = house({'10-unit': 'echo why; echo FAIL a; seq -f "ok %g" 100; echo 100 1 0 >$CHECK_COUNTS'})
    assert 'why' in lines and 'FAIL a' in lines and 'ok 100' not in lines


def test_a_step_that_dies_after_good_counts_failed(house):
    assert house({'10-odd': 'echo 3 0 0 >$CHECK_COUNTS; exit 1'})[1][-1] == '3 passed, 1 failed'


def test_failures_reported_by_a_step_that_exits_with_0_count(house):
    status, lines = house({'10-odd': 'echo 3 1 0 >$CHECK_COUNTS'})
    assert (status, lines[-1]) == (1, '3 passed, 1 failed')


def test_a_step_in_which_no_test_ran_failed(house):
    status, lines = house({'10-empty': 'echo 0 0 0 >$CHECK_COUNTS'})
    assert (status, lines[-1]) == (1, '0 passed, 1 failed')
    assert 'check: no test ran' in lines


def test_a_step_that_hangs_is_stopped_and_failed(house):
    status, lines = house({'10-hang': 'sleep 600'}, environment={'CHECK_TIMEOUT': '1'})
    assert (status, lines[-1]) == (1, '0 passed, 1 failed')


def test_counts_of_an_earlier_run_are_not_taken_again(house):
    assert house({'10-a': 'echo 5 0 0 >$CHECK_COUNTS'})[1][-1] == '5 passed, 0 failed'
    assert house({'10-a': 'exit 1'})[1][-1] == '0 passed, 1 failed'


def test_full_adds_the_long_steps_and_names_choose(house):
    steps = {'10-a': 'true', 'full/10-long': 'true'}
    assert house(steps)[1][-1] == '1 passed, 0 failed'
    assert house({}, '--full')[1][-1] == '2 passed, 0 failed'
    status, lines = house({}, 'long')
    assert (status, lines[-1], len(lines)) == (0, '1 passed, 0 failed', 2)
    assert house({}, 'nothing')[0] == 2


@pytest.mark.parametrize('script, counts, status', [
    ('echo "ok a"; echo "1 passed, 0 failed"', '1 0 0', 0),
    ('echo "ok a"; echo "skip b: why"; echo "1 passed, 0 failed, 1 skipped"', '1 0 1', 0),
    ('echo "FAIL a"; echo "0 passed, 1 failed"; exit 1', '0 1 0', 1),
    ('echo "ok a"; echo "ok b"; kill -SEGV $$', '2 1 0', 139),
    ('exit 0', '0 1 0', 1),
])
def test_unit_reads_the_last_line_and_survives_a_crash(script, counts, status, tmp_path):
    (tmp_path / 'unit_tests').write_text('#!/bin/bash\n' + script)
    (tmp_path / 'unit_tests').chmod(0o755)
    done = subprocess.run([ROOT / 'tools/unit.sh', tmp_path / 'unit_tests'], env=os.environ | {'CHECK_COUNTS': str(tmp_path / 'counts')},
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    assert (done.returncode, (tmp_path / 'counts').read_text().strip()) == (status, counts)
