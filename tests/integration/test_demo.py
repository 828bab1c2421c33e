"""auspex demo: four real failures, each found, explained, repaired and verified; and nothing of it stays."""
import json
import os
import pathlib
import re
import signal
import subprocess

import pytest

import harness
from harness import BINARY, wait_until

SCENARIOS = ['SC-001', 'SC-005', 'SC-002', 'process-killed']


class Demo(harness.Process):
    """A run of it in a folder of its own, which TMPDIR makes visible."""

    def __init__(self, *arguments, path=None):
        super().__init__('demo')
        self.output = self.folder / 'out'
        self.temporary = self.folder / 'tmp'
        self.temporary.mkdir()
        self.temporary.chmod(0o777)
        env = os.environ | {'TMPDIR': str(self.temporary)} | ({'PATH': path} if path else {})
        self.spawn([BINARY, 'demo', *arguments], env)

    def text(self):
        return self.log.read_text(errors='replace')

    def nothing_stays(self):
        wait_until(lambda: not list(self.temporary.iterdir()), 10, 'its folder is removed')
        wait_until(lambda: not processes_of(self.temporary), 10, 'no process of it lives')


def processes_of(folder):
    """Processes that mention the folder: redis-server is started with a file in it, copies of auspex run from it."""
    found = []
    for entry in pathlib.Path('/proc').iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if str(folder).encode() in (entry / 'cmdline').read_bytes() or str(folder) in os.readlink(entry / 'cwd'):
                    found.append(entry.name)
            except OSError:
                pass
    return found


def test_four_scenarios_end_verified_and_nothing_stays():
    with Demo('--json') as demo:
        assert demo.wait(90) == 0, demo.text()
        lines = [json.loads(line) for line in demo.text().splitlines() if line.startswith('{')]
        assert [line['id'] for line in lines] == SCENARIOS
        for line in lines:
            assert line['verified'] is True and line['incidents'] == 1, line
            assert 0 <= line['detected_s'] <= line['proposed_s'] < line['recovered_s'] < 25, line
            assert line['proposed_s'] - line['detected_s'] <= 2, line  # two intervals of collection
        assert [line['action'] for line in lines] == ['redis_raise_maxmemory', 'redis_script_kill', 'redis_kill_idle_clients', 'restart_service']
        demo.nothing_stays()


@pytest.mark.parametrize('number, status', [(signal.SIGINT, 1), (signal.SIGTERM, 1)])
def test_interrupted_it_cleans_up(number, status):
    with Demo() as demo:
        wait_until(lambda: 'Out of memory' in demo.text(), 30, 'the tour begins')
        assert processes_of(demo.temporary)
        demo.signal(number)
        assert demo.wait(20) == status
        assert 'Interrupted' in demo.text()
        demo.nothing_stays()


def test_killed_it_leaves_no_process_and_no_folder():
    with Demo() as demo:
        wait_until(lambda: 'Out of memory' in demo.text(), 30, 'the tour begins')
        demo.kill()
        demo.nothing_stays()


def test_the_page_can_be_opened_meanwhile_and_kept():
    with Demo('--keep') as demo:
        page = wait_until(lambda: re.search(r'Page +(http://\S+)/login#token=(\S+)', demo.text()), 30, 'it tells where the page is')
        url, token = page.groups()
        answer = harness.request(url, 'POST', '/api/v1/login', {'token': token})
        assert answer.status == 200
        wait_until(lambda: '4 of 4 verified' in demo.text(), 90, 'the tour ends')
        assert harness.request(url, 'GET', '/-/healthy').status == 200
        demo.signal(signal.SIGINT)
        assert demo.wait(20) == 0
        demo.nothing_stays()


def test_without_a_redis_server_it_says_what_is_missing(tmp_path):
    done = subprocess.run([BINARY, 'demo'], env={'PATH': str(tmp_path)}, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert 'redis-server' in done.stderr and 'apt-get install redis-server' in done.stderr
