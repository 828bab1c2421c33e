"""test_tsdb_http.py - senders write to the real daemon, which is killed again and again, or whose disk fills up: each
sample whose request was answered with 2xx is there afterwards, and health says what is wrong meanwhile."""
import os
import random
import subprocess
import threading
import time
import urllib.parse

import harness
import senders
from test_operations import root, small_disk

KILLS = 60 if os.environ.get('CHECK_FULL') else 10
SENDERS, SERIES = 3, 20


class Sender(threading.Thread):
    """Sends one request after the other, each the next second of its series, and counts those that were taken."""

    def __init__(self, number):
        super().__init__(daemon=True)
        self.number, self.taken, self.refused = number, 0, set()
        self.address, self.headers, self.ending = None, None, False
        self.start_ms = int(time.time()) * 1000 - 3_000_000

    def run(self):
        while not self.ending:
            time_ms = self.start_ms + self.taken * 1000
            message = b''.join(
                senders.series([('__name__', 'sent'), ('sender', f's{self.number}'), ('series', f'{i}')], [(time_ms, float(self.taken + i))])
                for i in range(SERIES))
            try:
                status = harness.request(self.address, 'POST', '/api/v1/write', senders.snappy(message), self.headers, timeout=5).status
            except OSError:
                time.sleep(0.005)  # it is down: the next try, not a condition that is waited for
                continue
            if status // 100 == 2:
                self.taken += 1
            else:
                self.refused.add(status)
                time.sleep(0.02)


def check_all_is_there(daemon, sender):
    """What was taken is the first `taken` seconds of each series, one sample a second; the next may be there too."""
    query = {'query': f'count_over_time(sent{{sender="s{sender.number}"}}[2h])', 'time': time.time() + 500}
    said = daemon.get('/prometheus/api/v1/query?' + urllib.parse.urlencode(query))
    counts = {one['metric']['series']: int(one['value'][1]) for one in said.body['data']['result']}
    assert len(counts) == SERIES and all(sender.taken <= n <= sender.taken + 1 for n in counts.values()), (sender.taken, counts)
    query['query'] = f'sum_over_time(sent{{sender="s{sender.number}",series="7"}}[2h])'
    said = daemon.get('/prometheus/api/v1/query?' + urllib.parse.urlencode(query))
    n = counts['7']
    assert float(said.body['data']['result'][0]['value'][1]) == n * (n - 1) / 2 + 7 * n


def start_senders(daemon):
    headers = senders.HEADERS_1 | {'Authorization': f'Bearer {daemon.token("ingest")}'}
    all_of_them = [Sender(i) for i in range(SENDERS)]
    for sender in all_of_them:
        sender.address, sender.headers = daemon.url, headers
        sender.start()
    return all_of_them


def end(all_of_them):
    for sender in all_of_them:
        sender.ending = True
    for sender in all_of_them:
        sender.join(20)


def test_what_was_answered_with_success_survives_kill_9():
    chance = random.Random(5)
    with harness.Daemon() as daemon:
        daemon.start()
        all_of_them = start_senders(daemon)
        for _ in range(KILLS):
            before = [sender.taken for sender in all_of_them]
            harness.wait_until(lambda: all(s.taken > n + 3 for s, n in zip(all_of_them, before)), 20, 'all are heard')
            time.sleep(chance.uniform(0, 0.2))  # somewhere within the traffic
            daemon.kill()
            daemon.start()
            for sender in all_of_them:
                sender.address = daemon.url
        end(all_of_them)
        for sender in all_of_them:
            check_all_is_there(daemon, sender)


@root
def test_a_full_disk_refuses_samples_and_recovers():
    with small_disk('16m') as disk, harness.Daemon() as daemon:
        daemon.data = disk / 'data'
        daemon.start()
        daemon.token()  # as long as there is room for one
        all_of_them = start_senders(daemon)
        harness.wait_until(lambda: all(s.taken > 5 for s in all_of_them), 20, 'all are heard')
        subprocess.run(['fallocate', '-l', '15m', disk / 'filler'], check=False, stderr=subprocess.DEVNULL)
        with open(disk / 'rest', 'wb', buffering=0) as rest:
            try:
                while rest.write(bytes(4096)):
                    pass
            except OSError:
                pass
        harness.wait_until(lambda: all(s.refused for s in all_of_them), 30, 'all are refused')
        assert all(s.refused <= {503} for s in all_of_them), [s.refused for s in all_of_them]
        health = daemon.get('/api/v1/health').body['components']['samples']
        assert health['status'] == 'unhealthy' and 'No space left' in health['detail'], health
        (disk / 'filler').unlink(missing_ok=True)
        (disk / 'rest').unlink()
        before = [sender.taken for sender in all_of_them]
        harness.wait_until(lambda: all(s.taken > n + 3 for s, n in zip(all_of_them, before)), 10, 'it goes on by itself')
        harness.wait_until(lambda: daemon.get('/api/v1/health').body['components']['samples']['status'] == 'healthy', 10, 'it says so')
        end(all_of_them)
        daemon.kill()
        daemon.start()
        for sender in all_of_them:
            check_all_is_there(daemon, sender)
