"""test_soak.py - minutes of everything at once leave the daemon as large as it was: memory, descriptors, threads; what grows
on disk is what happened, and everything owed is sent.

SOAK_SECONDS (300) is how long; the first third warms caches up and is not judged. Meanwhile: host and a real Redis each second,
ten alerts a second that fire and end over 200 fingerprints, pages that follow and come back, every route that can be read, and
a receiver that says 429, 500 or 200 at random.
"""
import collections
import datetime
import os
import pathlib
import random
import re
import sqlite3
import threading
import time

import harness
import pytest
from harness import WebSocketClosed, wait_until

SECONDS = float(os.environ.get('SOAK_SECONDS', 300))
CONFIG = '''sources:
  - type: node
    interval: 1s
  - type: process
    interval: 1s
  - type: redis
    interval: 1s
    settings: {{ port: {port} }}
receivers:
  - name: ops
    webhook_configs:
      - url: {url}/hook
'''
ALERTS_PER_SECOND, FINGERPRINTS, RESOURCES, FOLLOWERS = 10, 200, 20, 5
MEMORY_GROWTH_MAX = 16 << 20  # beside the samples: malloc keeps an arena a thread, SQLite a cache a connection
BYTES_PER_SAMPLE_MAX = 24     # the store of series fills up to its own bound meanwhile
DESCRIPTOR_GROWTH_MAX = 16
THREAD_GROWTH_MAX = 8         # outside threads come on demand and stay a while
WAL_MAX = 32 << 20
BYTES_PER_EVENT_MAX = 2048    # of the database, with the tables that follow from the event
OUTBOX_WAITING_MAX = 2000


@pytest.fixture(autouse=True)
def bounded():
    """In place of the bound of all tests: this one is long by intent. The step has one of its own."""
    yield


def alert(turn):
    """200 alerts on 20 resources fire in one round and end in the next, so that incidents open, fold, close and come back."""
    number, ends = turn % FINGERPRINTS, turn // FINGERPRINTS % 2
    now = datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
    return {'status': 'resolved' if ends else 'firing',
            'labels': {'alertname': f'soak{number}', 'service': f'service{number % RESOURCES}',
                       'severity': ('critical', 'warning')[number % 2]},
            'annotations': {'summary': f'turn {turn}', 'description': 'x' * (turn % 300)},
            'startsAt': now, 'endsAt': now if ends else '0001-01-01T00:00:00Z', 'fingerprint': f'{number:016x}'}


def alertmanager(one):
    return {'version': '4', 'groupKey': '{}', 'status': one['status'], 'receiver': 'soak', 'groupLabels': {}, 'commonLabels': {},
            'commonAnnotations': {}, 'externalURL': '', 'alerts': [one]}


class Load:
    """Threads that go on until the end, and what went wrong in them."""

    def __init__(self, daemon):
        self.daemon, self.ended, self.faults, self.threads = daemon, threading.Event(), [], []
        self.count, self.seconds = collections.Counter(), collections.defaultdict(list)

    def begin(self, name, period, turn):
        """Call turn(0), turn(1) ... each `period` seconds until the end; a turn that is late is not made up for."""
        def loop():
            at = 0
            try:
                while not self.ended.is_set():
                    began = time.monotonic()
                    turn(at)
                    took = time.monotonic() - began
                    self.seconds[name].append(took)
                    at += 1
                    self.ended.wait(max(0, period - took))
            except Exception as e:  # whatever it is, the test fails of it
                self.faults.append(f'{name}, turn {at}: {e!r}')
                self.ended.set()
        self.threads.append(threading.Thread(target=loop, daemon=True))
        self.threads[-1].start()

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), 'a client hangs'


def begin_load(load, redis, recorder):
    daemon = load.daemon
    described = daemon.get('/api/openapi.json').body['paths']
    plain = [path for path, methods in described.items() if 'get' in methods and '{' not in path and not path.startswith('/ws/')]
    assert len(plain) > 25
    needs = {'/api/v1/charts': '?metric=node_load1', '/api/v1/events': '?limit=200', '/api/v1/incidents': '?limit=50'}
    plain = ['/'] + [path + needs.get(path, '') for path in plain]

    def send(turn):
        status = daemon.post('/webhook', alertmanager(alert(turn))).status
        assert status in (200, 429), status
        load.count['alerts refused' if status == 429 else 'alerts'] += 1

    def read(turn):
        path = plain[turn % len(plain)]
        assert daemon.get(path).status == 200, path
        load.count['reads'] += 1
        if turn % 10 == 0:
            newest = daemon.get('/api/v1/incidents?limit=1').body['incidents']
            for one in newest:
                assert daemon.get(f'/api/v1/incidents/{one["id"]}').status == 200
                assert daemon.get(f'/api/v1/incidents/{one["id"]}/report').status == 200
            assert daemon.get('/api/v1/no-such-thing').status == 404
            assert daemon.post('/webhook', b'{"alerts": [{"labels"', headers={'Content-Type': 'application/json'}).status == 400

    def follow(turn):
        """One life of a page: half of them go without a word."""
        end = time.monotonic() + random.uniform(0.5, 10)
        live = daemon.websocket('/ws/alerts')
        load.count['follows'] += 1
        try:
            while time.monotonic() < end and not load.ended.is_set():
                try:
                    live.receive_json(timeout=1)
                    load.count['messages followed'] += 1
                except TimeoutError:
                    break  # a frame may be torn now: come again
            if turn % 2:
                live.drop()
            else:
                live.socket.settimeout(20)
                live.close()
        except WebSocketClosed as e:
            assert e.code in (1000, 1001, 1008, 1013), e

    def use(turn):
        redis.command('SET', f'key{turn % 1000}', 'x' * (turn % 500))

    def answer(_):
        recorder.answers(*random.choices([200, 500, (429, {'Retry-After': '1'})], [6, 2, 2], k=max(0, 50 - len(recorder._script))))

    answer(0)
    load.begin('answer', 0.5, answer)
    load.begin('use', 0.1, use)
    load.begin('send', 1 / ALERTS_PER_SECOND, send)
    load.begin('read', 0.1, read)
    for number in range(FOLLOWERS):
        load.begin(f'follow{number}', 0.2, follow)


def size(daemon):
    proc = pathlib.Path(f'/proc/{daemon.pid}')
    status = (proc / 'status').read_text()
    said = collections.defaultdict(float)
    for line in daemon.get('/metrics').body.splitlines():
        if not line.startswith('#'):
            said[re.match(r'\w+', line).group()] += float(line.rsplit(' ', 1)[1])
    return {'rss': int(re.search(r'^VmRSS:\s+(\d+)', status, re.M).group(1)) * 1024,
            'descriptors': len(list((proc / 'fd').iterdir())), 'threads': len(list((proc / 'task').iterdir())),
            'series': int(said['auspex_tsdb_head_series']), 'samples': int(said['auspex_tsdb_samples_appended_total']),
            'waiting': int(said['auspex_outbox_waiting_rows']), 'lag': int(said['auspex_journal_reader_lag_events']),
            'cpu': round(said['auspex_process_cpu_seconds_total'], 2),
            'db': (daemon.data / 'auspex.db').stat().st_size, 'wal': (daemon.data / 'auspex.db-wal').stat().st_size}


def rows(daemon):
    with sqlite3.connect(f'file:{daemon.data}/auspex.db?mode=ro', uri=True) as db:
        found = {table: db.execute(f'SELECT count(*) FROM {table}').fetchone()[0] for table in ('journal', 'outbox', 'incident', 'alert')}
    db.close()
    return found


def check_growth(sizes, before, after):
    quarter = max(1, len(sizes) // 4)
    first = {key: max(s[key] for s in sizes[:quarter]) for key in sizes[0]}
    last = {key: max(s[key] for s in sizes[-quarter:]) for key in sizes[0]}
    print(f'first quarter {first}\nlast quarter  {last}')
    samples = last['samples'] - first['samples']
    assert last['rss'] - first['rss'] <= MEMORY_GROWTH_MAX + samples * BYTES_PER_SAMPLE_MAX
    assert last['descriptors'] - first['descriptors'] <= DESCRIPTOR_GROWTH_MAX
    assert last['threads'] <= first['threads'] + THREAD_GROWTH_MAX
    assert max(s['wal'] for s in sizes) <= WAL_MAX
    assert max(s['waiting'] for s in sizes) <= OUTBOX_WAITING_MAX
    events = after['journal'] - before['journal']
    assert events > 0 and sizes[-1]['db'] - sizes[0]['db'] <= events * BYTES_PER_EVENT_MAX + WAL_MAX


def check_messages(daemon, recorder):
    """Every message that was owed ended; none was sent again after it was taken."""
    recorder.answers(*[200] * 1000)
    wait_until(lambda: daemon.metric('auspex_outbox_waiting_rows', kind='notify') == 0, 120, 'all messages are sent')
    ends = collections.defaultdict(list)
    for request in recorder.requests:
        ends[request['headers']['Idempotency-Key']].append(request['answer'])
    again = {key: answers for key, answers in ends.items() if 200 in answers[:-1]}
    assert not again, f'sent again after it was taken: {again}'
    print(f'{len(recorder.requests)} requests for {len(ends)} messages; '
          f'{sum(answers[-1] != 200 for answers in ends.values())} given up')


def test_minutes_of_load_leave_no_growth():
    with harness.RedisServer() as redis, harness.Recorder() as recorder:
        redis.start()
        with harness.Daemon(config=CONFIG.format(port=redis.port, url=recorder.url)) as daemon:
            daemon.start()
            daemon.token('admin')
            load = Load(daemon)
            print('\nat the start', size(daemon), rows(daemon))
            begin_load(load, redis, recorder)
            load.ended.wait(SECONDS / 3)
            sizes, before, began, told = [], rows(daemon), time.monotonic(), 0
            while not load.ended.wait(1) and time.monotonic() - began < SECONDS * 2 / 3:
                sizes.append(size(daemon))
                if time.monotonic() - told > 30:
                    told = time.monotonic()
                    print(f'{told - began + SECONDS / 3:4.0f} s', sizes[-1], dict(load.count))
            load.end()
            assert not load.faults, load.faults
            after = rows(daemon)
            slow = {name: f'{sorted(took)[len(took) * 99 // 100] * 1000:.0f} ms' for name, took in load.seconds.items()
                    if name in ('send', 'read')}
            print(f'{dict(load.count)}; slowest hundredth {slow}; rows {before} -> {after}')
            assert load.count['alerts'] > SECONDS * ALERTS_PER_SECOND / 4
            check_growth(sizes, before, after)
            check_messages(daemon, recorder)
            daemon.stop()
