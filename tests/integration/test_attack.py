"""test_attack.py - what an attacker tries, on the real binary: hostile credentials, texts, files, and peers."""
import base64
import concurrent.futures
import contextlib
import http.client
import os
import re
import signal
import sqlite3
import subprocess
import threading

import pytest

from harness import BINARY, Daemon, free_port, request, tail, temporary_folder, wait_until


# Credentials

@pytest.mark.parametrize('secret', ['====', '=' * 8, 'AAA=====', 'A===', 'AA=A', '', '=', 'Og==', 'A' * 1024, 'A' * 2000,
                                    base64.b64encode(b'\xff\x00:\xff\x00').decode()])
def test_damaged_basic_credentials_are_401(daemon, secret):
    assert daemon.get('/api/v1/session', headers={'Authorization': 'Basic ' + secret}).status == 401
    assert daemon.get('/-/healthy', headers={'Authorization': 'Basic ' + secret}).status == 200
    assert daemon.get('/api/v1/session').status == 200


def log_in(daemon):
    token = re.search(r'#token=(\S+)', daemon.log_text()).group(1)
    reply = daemon.post('/api/v1/login', {'token': token}, role=None)
    assert reply.status == 200
    return reply.headers['Set-Cookie'].split(';')[0], reply.body['csrf_token']


def test_another_servers_cookie_of_the_same_name_locks_nobody_out(daemon):
    mine, csrf = log_in(daemon)
    for cookies in ('session=other; ' + mine, '__Host-session=other; ' + mine, 'session=; ' + mine, mine + '; session=other'):
        assert daemon.get('/api/v1/session', headers={'Cookie': cookies}, role=None).body['role'] == 'admin', cookies
    assert daemon.get('/api/v1/session', headers={'Cookie': 'session=x; ' * 50}, role=None).status == 401
    cookies = {'Cookie': 'session=other; ' + mine, 'X-CSRF-Token': csrf}
    assert daemon.post('/api/v1/logout', headers=cookies, role=None).status == 204
    assert daemon.get('/api/v1/session', headers={'Cookie': mine}, role=None).status == 401, 'logged out means out'


# Texts

def test_the_terminal_obeys_no_telemetry(daemon):
    name = 'evil\x1b]0;own\x07 \x9b31m \u202etxt.exe\u2066 \x85 x'
    alert = {'status': 'firing', 'labels': {'alertname': name, 'severity': 'critical'}, 'annotations': {'summary': name},
             'startsAt': '2026-11-22T12:00:00Z'}
    assert daemon.post('/webhook', {'version': '4', 'status': 'firing', 'alerts': [alert]}).status == 200
    wait_until(lambda: daemon.get('/api/v1/incidents').body['total'], 10, 'the incident is there')
    daemon.env = {'AUSPEX_URL': daemon.url, 'AUSPEX_TOKEN': daemon.token()}
    for command in ('incidents', 'alerts'):
        text = daemon.cli(command)
        assert 'evil' in text
        assert not re.search('[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]', text), repr(text)


# Files

def test_a_configuration_that_became_a_pipe_holds_nobody(make_daemon):
    daemon = make_daemon(config='server: {}\n')
    path = daemon.folder / 'auspex.yml'
    path.unlink()
    os.mkfifo(path)
    path.chmod(0o644)
    status, problem = daemon.post('/-/reload')
    assert status >= 400 and 'pipe' in problem['detail']
    daemon.signal(signal.SIGHUP)
    daemon.stop()


def test_a_configuration_may_come_from_a_command(daemon):
    done = subprocess.run(['bash', '-c', f'{BINARY} check config <(sleep 0.2; {BINARY} default-config)'], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def refused(daemon):
    daemon.start(ready=False)
    assert daemon.wait(20) == 1
    return daemon.log_text()


def test_the_database_of_another_program_is_left_alone(daemon):
    daemon.stop()
    for path in daemon.data.glob('auspex.db*'):
        path.unlink()
    with sqlite3.connect(daemon.data / 'auspex.db') as other:
        other.execute('CREATE TABLE theirs(a)')
    other.close()
    assert 'another program' in refused(daemon)
    with sqlite3.connect(daemon.data / 'auspex.db') as other:
        assert other.execute('SELECT name FROM sqlite_schema').fetchall() == [('theirs',)]
    other.close()


def test_a_key_that_others_could_read_is_closed_and_said_so(daemon):
    daemon.stop()
    key = daemon.data / 'master.key'
    key.chmod(0o644)
    daemon.start()
    assert key.stat().st_mode & 0o777 == 0o400
    assert 'was open to other users' in daemon.log_text()


@pytest.mark.skipif(os.geteuid() != 0, reason='only root gives files away')
def test_hard_links_are_not_given_away(daemon, tmp_path):
    daemon.stop()
    precious = daemon.folder / 'precious'
    precious.write_text('of root')
    (daemon.data / 'endpoint').unlink(missing_ok=True)
    os.link(precious, daemon.data / 'endpoint')
    assert 'hard link' in refused(daemon)
    assert precious.stat().st_uid == 0


# What runs commands

def test_a_runner_that_was_killed_is_said_so(daemon):
    def runners():
        found = []
        for number in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open(f'/proc/{number}/stat') as file:
                    name, rest = file.read().split('(', 1)[1].rsplit(')', 1)
            except OSError:
                continue
            if name == 'auspex-runner' and int(rest.split()[1]) == daemon.pid:
                found.append(int(number))
        return found
    assert daemon.get('/api/v1/health').body['components']['runner']['status'] == 'healthy'
    runner, = runners()
    os.kill(runner, signal.SIGKILL)
    health = wait_until(lambda: (body := daemon.get('/api/v1/health').body)['status'] == 'degraded' and body, 10, 'it is said')
    assert 'restart' in health['components']['runner']['detail']


# Requests while it starts and stops

READS = ['/api/v1/now', '/api/v1/sources', '/api/v1/monitor/status', '/api/v1/monitor/alerts', '/api/v1/incidents', '/api/v1/health',
         '/api/v1/approvals', '/api/predict-fail/signals', '/metrics', '/-/ready']


def hammer(address, headers, until):
    """Requests as fast as they go, one after another, until told; the statuses that came."""
    statuses = set()
    while not until.is_set():
        for path in READS:
            try:
                statuses.add(request(address, 'GET', path, headers=headers, timeout=30).status)
            except (OSError, http.client.HTTPException):
                pass
    return statuses


def test_requests_while_it_starts_and_stops_find_no_room_half_built(daemon):
    bearer = {'Authorization': f'Bearer {daemon.token()}'}
    daemon.stop()
    address = f'127.0.0.1:{free_port()}'
    argv = [BINARY, 'serve', '--storage.path', daemon.data, '--web.listen-address', address]
    for turn in range(4):
        over = threading.Event()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            asking = [pool.submit(hammer, f'http://{address}', bearer, over) for _ in range(4)]
            daemon.spawn(argv, os.environ | {'AUSPEX_FAILPOINTS': ''})

            def ready():
                assert daemon.running(), tail(daemon.log)
                try:
                    return request(f'http://{address}', 'GET', '/-/ready').status == 200
                except OSError:
                    return False
            try:
                wait_until(ready, 30, 'it is ready')
                daemon.stop(30)
            finally:
                over.set()
            statuses = set().union(*(it.result() for it in asking))
        assert statuses <= {200, 503}, statuses
        assert not daemon.sanitizer_reports()


# Too little

@pytest.fixture
def small_disk():
    """A file system of 6 MB that everybody may write to."""
    if os.geteuid() != 0:
        pytest.skip('mounting a small file system needs root')
    folder = temporary_folder('disk')
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=6m,mode=0777', 'tmpfs', folder], capture_output=True).returncode != 0:
        pytest.skip('no file system can be mounted here')
    yield folder
    subprocess.run(['umount', '-l', folder], check=True)
    folder.rmdir()


def fill(folder):
    with open(folder / 'fill', 'wb', buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b'x' * 4096)


def test_a_full_disk_is_503_until_there_is_room(small_disk):
    alert = {'version': '4', 'status': 'firing', 'alerts': [
        {'status': 'firing', 'labels': {'alertname': 'x'}, 'annotations': {}, 'startsAt': '2026-11-22T12:00:00Z'}]}
    daemon = Daemon()
    daemon.data = small_disk / 'data'
    daemon.start()
    daemon.token()
    fill(small_disk)
    reply = wait_until(lambda: (r := daemon.post('/webhook', alert)).status != 200 and r, 10, 'the disk is full')
    assert reply.status == 503 and reply.headers['Retry-After'] and 'full' in reply.body['detail']
    (small_disk / 'fill').unlink()
    wait_until(lambda: daemon.post('/webhook', alert).status == 200, 5, 'it goes on')


def test_a_start_that_cannot_write_yet_waits_and_says_so(daemon):
    daemon.stop()
    daemon.failpoints = 'app.start_written=error@1'
    daemon.start()
    assert 'not ready yet' in daemon.log_text()
    daemon.stop()
    daemon.failpoints = 'app.start_written=error'
    daemon.start(ready=False)
    wait_until(lambda: daemon.log_text().count('not ready yet') == 2, 20, 'it waits')
    daemon.signal(signal.SIGTERM)
    assert daemon.wait(10) == 1
