"""test_blocks.py - killed at every failpoint of the blocks and at random moments, blocks keep what was acknowledged:
writes and deletions are there wholly or not at all, merges change nothing, and nothing is left behind."""
import os
import pathlib
import random
import re
import signal
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOOPS = 600 if os.environ.get('CHECK_FULL') else 120
LOT = 40  # loops over one data folder


def failpoints():
    names = set()
    for pattern in 'block*.c', 'deletions.c':
        for path in (ROOT / 'src/tsdb').glob(pattern):
            names |= set(re.findall(r'FAILPOINT\("([^"]+)"\)', path.read_text()))
    return sorted(names)


@pytest.fixture(scope='module')
def driver():
    subprocess.run([ROOT / 'tools/build.sh', 'dev', 'blocks_driver'], check=True, stdout=subprocess.DEVNULL)
    return ROOT / 'build/dev/blocks_driver'


def run_until_killed(driver, folder, spec, after):
    environment = dict(os.environ, AUSPEX_FAILPOINTS=spec or '')
    process = subprocess.Popen([driver, folder, 'run'], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        _, said = process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return
    ended_well = process.returncode == -signal.SIGKILL or process.returncode == 3 and 'error' in (spec or '')
    assert ended_well, f'the driver ended with {process.returncode} at {spec}: {said}'


def test_blocks_keep_what_they_acknowledged(driver, tmp_path):
    chance = random.Random(11)
    names = failpoints()
    assert len(names) >= 7
    operations = 0
    for lot in range(LOOPS // LOT):
        folder = tmp_path / f'lot{lot}'
        folder.mkdir()
        for loop in range(LOT):
            name = names[loop % len(names)]
            action = 'error' if loop % 9 == 8 else 'crash'
            spec = None if loop % 5 == 4 else f'{name}={action}@{chance.choice([1, 2, 3, 5, 8, 13, 21])}'
            run_until_killed(driver, folder, spec, chance.uniform(0.05, 0.4))
        checked = subprocess.run([driver, folder, 'check'], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stderr
        operations += int(checked.stdout)
        left = [path.name for path in (folder / 'blocks').iterdir() if not re.fullmatch(r'\d+\.block|deletions', path.name)]
        assert left == []
    assert operations > LOOPS // 2
