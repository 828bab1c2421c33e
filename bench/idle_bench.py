#!/usr/bin/python3
"""idle_bench.py [SECONDS] - what the server costs when nothing happens, and how fast it starts.

Starts the real binary on an empty folder and again on a used one (monotonic time from fork to the first 200 of /-/ready, and what the server itself
says), then watches the host and a Redis each 5 s for SECONDS (60): resident memory with shared pages counted once (PSS of all
of its processes) and CPU of all of them. One line of JSON.
"""
import json
import os
import pathlib
import re
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
os.environ.setdefault('AUSPEX_BINARY', str(ROOT / 'build/release/auspex'))
sys.path.insert(0, str(ROOT / 'tests/integration'))
import harness  # noqa: E402

STARTS = 5


def family(pid):
    """The daemon and what it forked."""
    pids = [pid]
    for one in pids:
        for task in pathlib.Path(f'/proc/{one}/task').iterdir():
            pids += [int(child) for child in (task / 'children').read_text().split() if int(child) not in pids]
    return pids


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')
    return total


def memory(pids, field):
    return sum(int(re.search(rf'^{field}:\s+(\d+)', pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text(), re.M).group(1)) for pid in pids) * 1024


def start_times(config):
    first, again = [], []
    for _ in range(STARTS):
        with harness.Daemon(config=config) as daemon:
            for kept in (first, again):
                began = time.monotonic()
                daemon.start()
                kept.append(((time.monotonic() - began) * 1000, int(re.findall(r'ready in (\d+) ms', daemon.log_text())[-1])))
                daemon.stop()
    return first, again


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    with harness.RedisServer() as redis:
        redis.start()
        config = f'sources:\n  - type: node\n    interval: 5s\n  - type: redis\n    interval: 5s\n    settings: {{ port: {redis.port} }}\n'
        first, again = start_times(config)
        with harness.Daemon(config=config) as daemon:
            daemon.start()
            harness.wait_until(lambda: all(s['state'] == 'ok' for s in daemon.get('/api/v1/sources').body['sources'] if s['name'] in ('node', 'redis')),
                               30, 'both sources deliver')
            before, began = cpu_seconds(family(daemon.pid)), time.monotonic()
            time.sleep(seconds)  # the measurement itself: time must pass
            spent, passed = cpu_seconds(family(daemon.pid)) - before, time.monotonic() - began
            pids = family(daemon.pid)
            print(json.dumps({
                'bench': 'idle', 'seconds': round(passed, 1), 'processes': len(pids),
                'pss_bytes': memory(pids, 'Pss'), 'rss_bytes': memory(pids, 'Rss'), 'rss_budget_bytes': 40_000_000,
                'cpu_percent_of_a_core': round(100 * spent / passed, 3), 'cpu_budget_percent': 0.3,
                'start_first_ms': round(statistics.median(s[1] for s in first), 1), 'start_again_ms': round(statistics.median(s[1] for s in again), 1),
                'start_seen_from_outside_ms': round(statistics.median(s[0] for s in again), 1), 'start_budget_ms': 50,
                'load_average': os.getloadavg()[0],
            }))
            daemon.stop()


if __name__ == '__main__':
    main()
