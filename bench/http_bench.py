#!/usr/bin/python3
"""http_bench.py [SECONDS] - server CPU of a small GET with authentication and JSON, on the real binary, over kept connections.

Prints one line of JSON: CPU microseconds a request (utime + stime of the process from /proc, its background work included) and
requests per second of one core's worth of CPU, against the budget of 12 us and 50,000/s. wrk is the load.
"""
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
os.environ.setdefault('AUSPEX_BINARY', str(ROOT / 'build/release/auspex'))
sys.path.insert(0, str(ROOT / 'tests/integration'))
import harness  # noqa: E402

BUDGET_US = 12
PATHS = {'quick': '/api/v1/session', 'worker': '/api/v1/receivers'}


def cpu_seconds(pid):
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def measure(daemon, path, seconds, connections):
    token = daemon.token('viewer')
    assert daemon.get(path, role='viewer').status == 200, path
    before = cpu_seconds(daemon.pid)
    out = subprocess.run(['wrk', '-t1', f'-c{connections}', f'-d{seconds}s', '-H', f'Authorization: Bearer {token}', daemon.url + path],
                         capture_output=True, text=True, check=True).stdout
    used = cpu_seconds(daemon.pid) - before
    requests = int(re.search(r'(\d+) requests in', out).group(1))
    assert 'Non-2xx' not in out, out
    us = used * 1e6 / requests
    return {'path': path, 'connections': connections, 'requests': requests, 'per_second_seen': round(requests / seconds),
            'cpu_us': round(us, 2), 'per_second_of_a_core': round(1e6 / us)}


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with harness.Daemon() as daemon:
        daemon.start()
        rows = {name: measure(daemon, path, seconds, 16) for name, path in PATHS.items()}
        daemon.stop()
    print(json.dumps({'bench': 'http', 'budget_us': BUDGET_US, 'within': rows['quick']['cpu_us'] <= BUDGET_US, **rows}))


if __name__ == '__main__':
    main()
