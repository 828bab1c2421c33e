"""test_soak.py - minutes of everything at once leave the daemon as large as it was: memory, descriptors and threads.

SOAK_SECONDS (300) is how long; the first third warms caches up and is not judged.
"""
import os
import pathlib
import re
import time

import harness
import pytest

SECONDS = float(os.environ.get('SOAK_SECONDS', 300))
CONFIG = '''sources:
  - type: node
    interval: 1s
  - type: redis
    interval: 1s
    settings: {{ port: {port} }}
'''
PAGES = ['/', '/metrics', '/-/ready', '/api/v1/incidents', '/api/v1/alerts', '/api/v1/events?limit=200', '/api/v1/sources',
         '/api/v1/resources', '/api/predict-fail/summary', '/api/openapi.json', '/api/v1/no-such-thing']
MEMORY_GROWTH_MAX = 24 << 20  # the store of series fills up to its own bound meanwhile
DESCRIPTOR_GROWTH_MAX = 16


@pytest.fixture(autouse=True)
def bounded():
    """In place of the bound of all tests: this one is long by intent. The step has one of its own."""
    yield


def size(pid):
    proc = pathlib.Path(f'/proc/{pid}')
    status = (proc / 'status').read_text()
    return {'rss': int(re.search(r'^VmRSS:\s+(\d+)', status, re.M).group(1)) * 1024,
            'descriptors': len(list((proc / 'fd').iterdir())), 'threads': len(list((proc / 'task').iterdir()))}


def alert(turn):
    """Ten alerts take turns firing and ending, so that incidents open, fold and close."""
    name = f'soak{turn % 10}'
    return {'version': '4', 'groupKey': name, 'status': 'resolved' if turn // 10 % 2 else 'firing', 'receiver': 'soak',
            'groupLabels': {}, 'commonLabels': {}, 'commonAnnotations': {}, 'externalURL': '',
            'alerts': [{'status': 'resolved' if turn // 10 % 2 else 'firing',
                        'labels': {'alertname': name, 'instance': f'host{turn % 3}', 'severity': 'warning'},
                        'annotations': {'summary': f'turn {turn}'}, 'startsAt': '2024-01-01T00:00:00Z',
                        'endsAt': '0001-01-01T00:00:00Z', 'fingerprint': f'{turn % 10:016x}'}]}


def test_minutes_of_load_leave_no_growth():
    with harness.RedisServer() as redis:
        redis.start()
        with harness.Daemon(config=CONFIG.format(port=redis.port)) as daemon:
            daemon.start()
            began, turn, sizes, refused = time.monotonic(), 0, [], 0
            while (passed := time.monotonic() - began) < SECONDS:
                for page in PAGES:
                    status = daemon.get(page).status
                    assert status == (404 if page.endswith('thing') else 200), page
                reply = daemon.post('/webhook', alert(turn))
                assert reply.status in (200, 202, 429), reply
                refused += reply.status == 429
                assert daemon.post('/webhook', b'{"alerts": [{"labels"', headers={'Content-Type': 'application/json'}).status == 400
                with daemon.websocket('/ws/alerts'):
                    pass
                redis.command('SET', f'key{turn % 1000}', 'x' * (turn % 500))
                turn += 1
                if passed > SECONDS / 3:
                    sizes.append(size(daemon.pid))
            first = {key: max(s[key] for s in sizes[:len(sizes) // 4]) for key in sizes[0]}
            last = {key: max(s[key] for s in sizes[-(len(sizes) // 4):]) for key in sizes[0]}
            print(f'{turn} turns in {SECONDS:.0f} s, {refused} refused: from {first} to {last}')
            assert turn > refused
            assert last['rss'] - first['rss'] <= MEMORY_GROWTH_MAX
            assert last['descriptors'] - first['descriptors'] <= DESCRIPTOR_GROWTH_MAX
            assert last['threads'] <= first['threads'] + 2
            daemon.stop()
