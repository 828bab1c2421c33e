"""test_golden_journal.py - the readers of this version take the journals of released ones: each file of tests/golden is
put into a data folder, the real program starts on it, and nothing is parked."""
import json
import pathlib
import sqlite3

import pytest

import harness

GOLDEN = sorted((pathlib.Path(__file__).parents[1] / 'golden').glob('journal-*.jsonl'))


def put(db, event):
    """One event as an older version left it: plain SQL, no code of today's."""
    ids = []
    for table, name in (('subject', event['subject']), ('actor', event['actor'])):
        db.execute(f'INSERT INTO {table}(name) VALUES(?) ON CONFLICT DO NOTHING', [name])
        ids += db.execute(f'SELECT id FROM {table} WHERE name = ?', [name]).fetchone()
    number = db.execute('INSERT INTO journal(time, kind, subject, incident, actor, reason, data) VALUES(?, ?, ?, ?, ?, ?, ?)',
                        [event['time_ms'], event['number'], ids[0], event['incident'], ids[1], event['reason'],
                         json.dumps(event['data'])]).lastrowid
    if event['incident']:
        db.execute('INSERT INTO incident_event VALUES(?, ?)', [event['incident'], number])
    return number


@pytest.mark.parametrize('path', GOLDEN, ids=lambda path: path.stem)
def test_readers_take_the_journal_of(path):
    with harness.Daemon() as daemon:
        daemon.start()
        daemon.stop()
        with sqlite3.connect(daemon.data / 'auspex.db') as db:
            numbers = [put(db, json.loads(line)) for line in path.read_text().splitlines()]
        db.close()
        assert len(numbers) > 40
        daemon.start()
        db = sqlite3.connect(f'file:{daemon.data}/auspex.db?mode=ro', uri=True)

        def all_read():
            cursors = dict(db.execute('SELECT reader, event FROM reader_cursor'))
            return {'incident', 'notify', 'rca'} <= set(cursors) and min(cursors.values()) >= numbers[-1]
        harness.wait_until(all_read, 10, 'all readers have passed the golden events')
        assert db.execute('SELECT reader, event, error FROM journal_parked').fetchall() == []
        db.close()
