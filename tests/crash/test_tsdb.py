"""test_tsdb.py - killed at every failpoint of src/tsdb and at random moments, the store of samples has all that it
acknowledged, and nothing that nobody wrote."""
import os
import pathlib
import random
import re
import signal
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOOPS = 1000 if os.environ.get('CHECK_FULL') else 60
LOT = 20  # loops over one data folder


def failpoints():
    names = set()
    for path in (ROOT / 'src/tsdb').glob('*.c'):
        if not path.name.endswith('_test.c'):
            names |= set(re.findall(r'FAILPOINT\("([^"]+)"\)', path.read_text()))
    return sorted(names)


@pytest.fixture(scope='module')
def driver():
    subprocess.run([ROOT / 'tools/build.sh', 'dev', 'tsdb_driver'], check=True, stdout=subprocess.DEVNULL)
    return ROOT / 'build/dev/tsdb_driver'


def run_until_killed(driver, folder, seed, spec, after, mode='run'):
    environment = dict(os.environ, AUSPEX_FAILPOINTS=spec or '')
    with open(folder / 'log', 'ab') as log:
        process = subprocess.Popen([driver, folder, str(seed), mode], env=environment, stderr=log)
        try:
            status = process.wait(timeout=after)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return
    assert status == -signal.SIGKILL, f'the driver ended by itself with {status} at {spec}: {(folder / "log").read_text()}'


def check(driver, folder, seed):
    done = subprocess.run([driver, folder, str(seed), 'check'], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout.split()[0])


def failure_of(loop, chance, name):
    """What breaks this time, and when the driver is killed if that did not: (failpoints, seconds)."""
    if loop % 7 == 6:
        return f'{name}=error@{chance.randint(1, 6)}', chance.uniform(0.02, 0.08)
    if loop % 5 == 4:
        return None, chance.uniform(0.01, 0.08)
    return f'{name}=crash@{chance.choice([1, 2, 3, 5, 8])}', 0.15


@pytest.mark.parametrize('lot', range(LOOPS // LOT))
def test_killed_anywhere_the_store_has_what_it_acknowledged(driver, tmp_path, lot):
    names = failpoints()
    assert {'wal.write', 'wal.written', 'wal.sync', 'tsdb.snapshot.rename', 'tsdb.flush.published'} <= set(names)
    chance = random.Random(lot)
    for loop in range(lot * LOT, (lot + 1) * LOT):
        spec, after = failure_of(loop, chance, names[loop % len(names)])
        run_until_killed(driver, tmp_path, loop, spec, after)
        if loop % 5 == 0:
            check(driver, tmp_path, loop)
    acknowledged = check(driver, tmp_path, lot)
    print(f'{LOT} loops, {acknowledged} acknowledged requests')
    assert acknowledged > LOT


def tsdb(command, folder, *options):
    return subprocess.run([os.environ.get('AUSPEX_BINARY', ROOT / 'build/dev/auspex'), 'tsdb', command,
                           '--storage.path', folder, *options], capture_output=True, text=True, timeout=60)


def test_commands_look_at_what_a_killed_store_left(driver, tmp_path):
    run_until_killed(driver, tmp_path, 1, None, 0.5)
    fine = tsdb('verify', tmp_path)
    assert (fine.returncode, fine.stdout[:6]) == (0, 'fine: '), fine.stdout + fine.stderr
    one = tsdb('dump', tmp_path, '--match', 'crash{series="0-1"}').stdout.splitlines()
    assert len(one) > 10 and all(re.fullmatch(r'crash\{life="l0",series="0-1"\} \d+(\.\d+)? \d{13}', line) for line in one)
    names = tsdb('dump', tmp_path, '--what', 'series').stdout.splitlines()
    assert len(set(names)) == len(names) and 'crash{life="l0",series="2-29"}' in names

    snapshot = tmp_path / 'tsdb/head.snapshot'
    content = bytearray(snapshot.read_bytes())
    content[len(content) // 2] ^= 1
    snapshot.write_bytes(content)
    damaged = tsdb('verify', tmp_path)
    assert damaged.returncode == 1 and f'{snapshot}: byte ' in damaged.stdout
    repaired = tsdb('repair', tmp_path)
    assert repaired.returncode == 0 and f'set aside: {snapshot}.bad' in repaired.stdout, repaired.stderr
    assert tsdb('verify', tmp_path).returncode == 0


def test_commands_show_the_log_and_its_damage(driver, tmp_path):
    run_until_killed(driver, tmp_path, 3, None, 0.5, 'write')
    segment, = (tmp_path / 'tsdb/wal').iterdir()
    log = tsdb('dump', tmp_path, '--what', 'wal').stdout
    assert f'{segment}: record at byte 16, ' in log and ' crash{life="l0",series="0-0"} defined\n' in log
    content = bytearray(segment.read_bytes())
    content[content.index(b'rec\x1a', 1000) + 20] ^= 1
    segment.write_bytes(content)
    damaged = tsdb('verify', tmp_path)
    assert damaged.returncode == 1 and re.search(f'{segment}: byte [0-9]+, [0-9]+ bytes: no record', damaged.stdout)
    repaired = tsdb('repair', tmp_path)
    assert repaired.returncode == 0 and f'set aside: {segment}.bad' in repaired.stdout
    assert tsdb('verify', tmp_path).stdout.startswith('fine: ')
