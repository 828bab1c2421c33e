"""test_journal.py - killed at every failpoint of src/db and at random moments, the journal and the outbox keep their
promises: nothing acknowledged is lost, no transition repeats, an action runs at most once, a message that runs again
carries the same key. What the database says is read by Python's own SQLite, not by the code under test."""
import collections
import hashlib
import os
import pathlib
import random
import re
import signal
import sqlite3
import struct
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOOPS = 1000 if os.environ.get('CHECK_FULL') else 240
LOT = 40  # loops over one data folder
CHANGE, ANOMALY, SENT, FAILED = 1, 20, 80, 81


def failpoints():
    names = set()
    for path in (ROOT / 'src/db').glob('*.c'):
        names |= set(re.findall(r'FAILPOINT\("([^"]+)"\)', path.read_text()))
    return sorted(names)


@pytest.fixture(scope='module')
def driver():
    subprocess.run([ROOT / 'tools/build.sh', 'dev', 'journal_driver'], check=True, stdout=subprocess.DEVNULL)
    return ROOT / 'build/dev/journal_driver'


def lines(path):
    """The whole lines of a file; the last may have been cut by the kill."""
    return path.read_text().split('\n')[:-1] if path.exists() else []


def run_until_killed(driver, folder, seed, spec, after):
    environment = dict(os.environ, AUSPEX_FAILPOINTS=spec or '')
    process = subprocess.Popen([driver, folder, str(seed), 'run'], env=environment)
    try:
        status = process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return
    assert status == -signal.SIGKILL, f'the driver ended by itself with {status} at {spec}'


def check_audit(db):
    before, at = bytes(32), 0
    for row in db.execute('SELECT id, time, actor, action, target, detail, hash FROM audit ORDER BY id'):
        texts = b''.join(struct.pack('>I', len(t.encode())) + t.encode() for t in row[2:6])
        assert row[0] == at + 1
        at, before = row[0], hashlib.sha256(before + struct.pack('>qq', row[0], row[1]) + texts).digest()
        assert before == row[6], f'audit row {at} does not follow from the one before'
    assert at == db.execute('SELECT count(*) FROM journal WHERE kind = 75').fetchone()[0]


def check_promises(folder):
    acks = dict(line.split(' ', 1) for line in lines(folder / 'acks'))
    effects = [line.split(' ') for line in lines(folder / 'effects')]
    if (folder / 'auspex.db-journal').exists():  # not in WAL mode yet, and only a writer may roll it back
        assert not acks and not effects
        return 0, 0, 0
    db = sqlite3.connect(f'file:{folder}/auspex.db?mode=ro', uri=True)
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'crash_tally'").fetchone():
        assert not acks and not effects  # killed before it had tables
        return 0, 0, 0
    assert db.execute('PRAGMA quick_check').fetchone() == ('ok',)
    reasons = dict(db.execute("SELECT id, reason FROM journal WHERE reason <> ''"))
    for number, key in acks.items():
        assert reasons.get(int(number)) == key, f'acknowledged event {number} ({key}) is lost'
    keys = [reason for reason in reasons.values()]
    assert len(keys) == len(set(keys)), 'a write happened twice'

    cursors = dict(db.execute('SELECT reader, event FROM reader_cursor'))
    assert db.execute('SELECT n, sum FROM crash_tally').fetchone() == db.execute(
        'SELECT count(*), coalesce(sum(id), 0) FROM journal WHERE id <= ?', [cursors.get('tally', 0)]).fetchone()
    followed = db.execute('SELECT event FROM crash_follow ORDER BY event').fetchall()
    assert followed == db.execute('SELECT id FROM journal WHERE kind = ? AND id <= ? ORDER BY id',
                                  [CHANGE, cursors.get('follow', 0)]).fetchall()
    assert followed == db.execute('SELECT incident FROM journal WHERE kind = ? ORDER BY incident',
                                  [ANOMALY]).fetchall()
    assert followed == db.execute('SELECT incident FROM incident_event ORDER BY incident').fetchall()
    wanted = {(f'crash.{"send" if id % 4 == 0 else "act"}-{id}',) for (id,) in db.execute(
        'SELECT id FROM journal WHERE kind = ? AND id <= ? AND id % 4 < 2', [CHANGE, cursors.get('tally', 0)])}
    assert wanted == set(db.execute('SELECT key FROM outbox'))

    times = collections.Counter(key for key, *_ in effects)
    for key, payload, _ in effects:
        assert key == payload, 'an effect carried another key'
        assert (key,) in wanted, f'{key} ran before it was durable'
        assert times[key] == 1 or key.startswith('crash.send-'), f'the action {key} ran {times[key]} times'
    done = dict(db.execute('SELECT key, outcome FROM crash_done'))
    assert sorted(done) == [key for (key,) in db.execute(
        'SELECT name FROM journal JOIN subject ON subject.id = subject WHERE kind IN (?, ?) ORDER BY name',
        [SENT, FAILED])]
    assert set(done) == {key for (key,) in db.execute('SELECT key FROM outbox WHERE state IN (2, 3)')}
    for key, outcome in done.items():
        assert times[key] >= 1 or 'interrupted' in outcome, f'{key} is said to be done, but was not'
    check_audit(db)
    left = db.execute('SELECT count(*) FROM outbox WHERE state < 2').fetchone()[0]
    db.close()
    return len(acks), len(effects), left


def failure_of(loop, chance, name):
    """What breaks this time, and when the driver is killed if that did not: (failpoints, seconds)."""
    if loop % 7 == 6 and name != 'outbox.ran':  # an effect that worked but says it did not is rightly run again
        return f'{name}=error@{chance.randint(4, 40)}', chance.uniform(0.02, 0.08)
    if loop % 5 == 4:
        return None, chance.uniform(0.01, 0.08)
    return f'{name}=crash@{chance.choice([1, 2, 3, 5, 8, 13, 21, 34, 55])}', 0.15


@pytest.mark.parametrize('lot', range(LOOPS // LOT))
def test_killed_anywhere_the_journal_keeps_its_promises(driver, tmp_path, lot):
    names = failpoints()
    assert {'db.commit.before', 'db.commit.after', 'outbox.claimed', 'outbox.ran'} <= set(names)
    chance = random.Random(lot)
    for loop in range(lot * LOT, (lot + 1) * LOT):
        spec, after = failure_of(loop, chance, names[loop % len(names)])
        run_until_killed(driver, tmp_path, loop, spec, after)
        if loop % 5 == 0:
            check_promises(tmp_path)
    subprocess.run([driver, tmp_path, 'drain', 'drain'], check=True, timeout=60)
    acked, effects, left = check_promises(tmp_path)
    print(f'{LOT} loops, {acked} acknowledged writes, {effects} effects')
    assert left == 0
    assert acked > LOT and effects > LOT


HALF_MADE = """import os, signal, sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute('PRAGMA cache_size = 1')
db.execute('BEGIN')
db.execute('CREATE TABLE half(made)')
db.executemany('INSERT INTO half VALUES(?)', [(b'x' * 4000,)] * 100)
os.kill(os.getpid(), signal.SIGKILL)"""


def test_killed_while_the_file_is_made(driver, tmp_path):
    """Until it is in WAL mode a database has a rollback journal, which the next start rolls back."""
    made = subprocess.run([sys.executable, '-c', HALF_MADE, tmp_path / 'auspex.db'])
    assert made.returncode == -signal.SIGKILL and (tmp_path / 'auspex.db-journal').stat().st_size > 0
    assert check_promises(tmp_path) == (0, 0, 0)
    run_until_killed(driver, tmp_path, 1, 'db.commit.after=crash@5', 20)
    assert not (tmp_path / 'auspex.db-journal').exists()
    subprocess.run([driver, tmp_path, 'drain', 'drain'], check=True, timeout=60)
    acked, _, left = check_promises(tmp_path)
    assert acked > 0 and left == 0
    with sqlite3.connect(f'file:{tmp_path}/auspex.db?mode=ro', uri=True) as db:
        assert not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'half'").fetchone()
