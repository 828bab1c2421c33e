"""test_operations.py - starting, stopping, reloading, and a world that breaks: two daemons, a full disk, a folder that can't be written."""
import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

from harness import BINARY, Daemon, request, temporary_folder, wait_until
from test_incidents import alert, alertmanager

root = pytest.mark.skipif(os.geteuid() != 0, reason='needs root')


@contextlib.contextmanager
def small_disk(size):
    """A file system of its own, of that size."""
    folder = temporary_folder('disk')
    done = subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size},mode=755', 'tmpfs', folder], capture_output=True, text=True)
    if done.returncode:
        folder.rmdir()
        pytest.skip(f'no mounts here: {done.stderr.strip()}')
    try:
        yield folder
    finally:
        subprocess.run(['umount', '-l', folder], check=True)
        folder.rmdir()


def test_zero_configuration_watches_this_host(daemon):
    said = daemon.log_text()
    assert '/login#token=' in said and str(daemon.data) in said and 'Port' in said
    wait_until(lambda: any(s['state'] == 'ok' and s['name'] == 'node' for s in daemon.get('/api/v1/sources').body['sources']), 20, 'the host is watched')
    kinds = {r['kind'] for r in daemon.get('/api/v1/resources').body['resources']}
    assert {'host', 'filesystem'} <= kinds
    series = wait_until(lambda: daemon.get('/api/v1/charts?metric=node_load1').body['series'], 20, 'its load is charted')
    assert series[0]['points']


def test_health_ready_metrics(daemon):
    assert request(daemon.url, 'GET', '/-/healthy').status == 200
    assert request(daemon.url, 'GET', '/-/ready').status == 200
    metrics = request(daemon.url, 'GET', '/metrics').body
    assert '# TYPE auspex_http_requests_total counter' in metrics and 'auspex_process_resident_memory_bytes ' in metrics
    health = daemon.get('/api/v1/health').body
    assert health['status'] == 'healthy' and health['components']['database']['status'] == 'healthy'


def test_sigterm_stops_within_two_seconds_and_loses_nothing(daemon):
    daemon.post('/webhook', alertmanager(alert('A', service='x')))
    began = time.monotonic()
    daemon.signal(signal.SIGTERM)
    assert daemon.wait(20) == 0
    bound = 2 if 'asan' not in str(BINARY) and 'tsan' not in str(BINARY) else 10
    assert time.monotonic() - began < bound
    daemon.start()
    daemon.settle()
    assert daemon.get('/api/v1/incidents').body['total'] == 1


def test_a_second_daemon_on_the_folder_is_told_who_has_it(daemon):
    done = subprocess.run([BINARY, 'serve', '--storage.path', daemon.data, '--web.listen-address', '127.0.0.1:0'],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert f'is in use by process {daemon.pid}' in done.stderr and '--storage.path' in done.stderr
    assert daemon.get('/-/ready').status == 200


def test_a_port_in_use_is_said(daemon):
    port = daemon.url.rsplit(':', 1)[1]
    with Daemon() as other:
        done = subprocess.run([BINARY, 'serve', '--storage.path', other.data, '--web.listen-address', f'127.0.0.1:{port}'],
                              capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and port in done.stderr


def test_other_peoples_folder_is_left_alone():
    folder = temporary_folder('others')
    (folder / 'letter.txt').write_text('mine')
    done = subprocess.run([BINARY, 'serve', '--storage.path', folder, '--web.listen-address', '127.0.0.1:0'], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "holds other people's files" in done.stderr
    assert sorted(p.name for p in folder.iterdir()) == ['letter.txt']
    (folder / 'letter.txt').unlink()
    folder.rmdir()


def test_reload_is_all_or_nothing(make_daemon):
    daemon = make_daemon(config='notifications:\n  least_priority: P3\n')
    daemon.write_config('notifications:\n  least_priority: P1\n')
    assert daemon.post('/-/reload').status == 200
    path = daemon.write_config('notifications:\n  least_prority: P1\n')
    refused = daemon.post('/-/reload')
    assert refused.status == 400
    assert f'{path}:2:3' in refused.body['detail'] and "did you mean 'least_priority'" in refused.body['detail']
    daemon.signal(signal.SIGHUP)
    wait_until(lambda: len(daemon.get('/api/v1/events?kind=config.rejected').body['events']) == 2, 10, 'SIGHUP is refused too')
    assert len(daemon.get('/api/v1/events?kind=config.loaded').body['events']) == 1


@root
def test_a_file_that_only_root_may_read_can_not_be_loaded_again(make_daemon):
    daemon = make_daemon(config='notifications:\n  least_priority: P3\n')
    daemon.write_config('notifications:\n  least_priority: P1\n').chmod(0o600)
    refused = daemon.post('/-/reload')
    assert 'Permission denied' in refused.body['detail'] and 'must be able to read' in refused.body['hint'], refused.body


def test_a_wrong_file_at_start_names_every_fault():
    with Daemon(config='server:\n  idle_timeout: 5parsecs\nrecievers: []\n') as daemon:
        daemon.start(ready=False)
        assert daemon.wait(30) == 1
        said = daemon.log_text()
    assert ":2:17: server.idle_timeout: '5parsecs' is not a duration" in said
    assert ":3:1: unknown key 'recievers'; did you mean 'receivers'?" in said


def test_faults_of_a_file_begin_with_their_place(tmp_path, daemon):
    file = tmp_path / 'auspex.yml'
    file.write_text('server:\n  listn: 1\n  idle_timeout: 5parsecs\n')
    done = subprocess.run([BINARY, 'check', 'config', file], capture_output=True, text=True, timeout=60)
    assert sorted(line.split(': ')[1] for line in done.stderr.splitlines()) == [f'{file}:2:3', f'{file}:3:17']


def test_options_that_are_wrong_are_named_as_typed():
    done = subprocess.run([BINARY, 'approve', '1', '--hsh', 'x'], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and 'auspex: --hash: is missing' in done.stderr and "auspex: --hsh: unknown" in done.stderr


def test_stop_without_a_folder_means_the_running_server(daemon):
    assert '(data folder data)' in daemon.cli('stop', '--reason', 'x')  # in its working folder, whatever else is in /var/lib
    assert daemon.get('/api/v1/stop').body['engaged'] is True
    daemon.cli('stop', '--off', '--storage.path', daemon.data)


def test_systemd_is_told(tmp_path):
    tmp_path.chmod(0o777)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / 'notify'))
        (tmp_path / 'notify').chmod(0o777)
        notify.settimeout(30)
        with Daemon() as daemon:
            env = os.environ | {'NOTIFY_SOCKET': str(tmp_path / 'notify')}
            daemon.spawn([BINARY, 'serve', '--storage.path', daemon.data, '--web.listen-address', '127.0.0.1:0'], env)
            assert b'READY=1' in notify.recv(4096)
            daemon.signal(signal.SIGTERM)
            assert b'STOPPING=1' in notify.recv(4096)
            assert daemon.wait(20) == 0


@root
def test_a_full_disk_refuses_and_recovers():
    with small_disk('6m') as disk, Daemon() as daemon:
        daemon.data = disk / 'data'
        daemon.start()
        accepted = 0
        for i in range(3000):
            reply = daemon.post('/webhook', alertmanager(alert(f'fill-{i}', service=f's{i}', note='x' * 3000)), role='admin')
            if reply.status != 200:
                break
            accepted += 1
        assert reply.status in (500, 503) and accepted > 5, (reply, accepted)
        assert daemon.get('/-/healthy').status == 200
        wait_until(lambda: daemon.get('/api/v1/health').body['components']['database']['status'] == 'unhealthy', 10, 'it says that the disk is full')
        subprocess.run(['mount', '-o', 'remount,size=64m', disk], check=True)
        wait_until(lambda: daemon.post('/webhook', alertmanager(alert('after', service='after'))).status == 200, 5, 'it goes on by itself within 5 s')
        names = set()
        cursor = ''
        while cursor is not None:
            page = daemon.get(f'/api/v1/alerts?limit=1000{cursor and "&cursor=" + cursor}').body
            names |= {a['name'] for a in page['alerts']}
            cursor = page['next_cursor']
        assert {f'fill-{i}' for i in range(accepted)} <= names and 'after' in names
        daemon.stop()


@root
def test_a_folder_that_can_not_be_written_is_said():
    with small_disk('8m') as disk:
        subprocess.run(['mount', '-o', 'remount,ro', disk], check=True)
        done = subprocess.run([BINARY, 'serve', '--storage.path', disk / 'data', '--web.listen-address', '127.0.0.1:0'],
                              capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and 'Read-only file system' in done.stderr and '--storage.path' in done.stderr


@root
def test_the_daemon_runs_without_rights(daemon):
    status = pathlib.Path(f'/proc/{daemon.pid}/status').read_text()
    uid = [line.split()[1] for line in status.splitlines() if line.startswith('Uid:')][0]
    assert uid != '0'
    assert 'NoNewPrivs:\t1' in status
    capabilities = [line.split()[1] for line in status.splitlines() if line.startswith('CapEff:')][0]
    assert int(capabilities, 16) == 0


def test_describing_itself(daemon):
    assert daemon.cli('version').startswith('auspex ')
    for what in ('openapi', 'schema', 'default-config', 'completion', 'man'):
        assert len(daemon.cli(what)) > 500
    path = daemon.folder / 'defaults.yml'
    path.write_text(daemon.cli('default-config'))
    assert 'fine' in daemon.cli('check', 'config', path)  # what we print is what we take
    assert daemon.cli('audit', 'verify', '--storage.path', daemon.data).startswith('fine')
