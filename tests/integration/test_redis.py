"""The Redis assistant: connections over the API, what they say, and each scenario that a real Redis can be led into."""
import os
import signal
import socket
import threading

import pytest

import harness
from harness import wait_until

CONNECT, START, STOP = '/api/v1/monitor/connect', '/api/v1/monitor/start', '/api/v1/monitor/stop'
STATUS, METRICS, ALERTS, ANALYZE = (f'/api/v1/monitor/{word}' for word in ('status', 'metrics', 'alerts', 'analyze'))


def connect(daemon, redis, interval_s=1, **more):
    reply = daemon.post(CONNECT, {'host': '127.0.0.1', 'port': redis.port} | more)
    assert reply.status == 200, reply
    if interval_s:
        assert daemon.post(START, {'connection': reply.body['connection'], 'interval_s': interval_s}).status == 200
        wait_until(lambda: status(daemon)['last_poll'], 10, 'the first poll')
    return reply.body['connection']


def status(daemon):
    return daemon.get(STATUS).body['connections'][0]


def state_is(daemon, state, seconds=10):
    return wait_until(lambda: status(daemon)['state'] == state and status(daemon), seconds, f'state {state}')


def alert_of(daemon, title, seconds=10):
    def found():
        return next((it for it in daemon.get(ALERTS).body['alerts'] if title in it['title']), None)
    return wait_until(found, seconds, f'an alert "{title}"')


def polled_again(daemon):
    before = status(daemon)['last_poll']
    wait_until(lambda: status(daemon)['last_poll'] != before, 10, 'another poll')


def test_connect_start_stop_and_what_status_says(daemon, redis):
    assert daemon.get(STATUS).body == {'connections': []}
    made = daemon.post(CONNECT, {'host': '127.0.0.1', 'port': redis.port, 'name': 'cache'})
    assert made.status == 200
    assert made.body == {'connection': made.body['connection'], 'name': 'cache', 'address': redis.address,
                         'server_version': redis.info()['redis_version'], 'mode': 'standalone', 'role': 'master'}
    row = status(daemon)
    assert (row['state'], row['interval_s'], row['last_poll'], row['error']) == ('connected', 5, None, None)
    started = daemon.post(START, {'interval_s': 1})  # the only one need not be named
    assert (started.status, started.body['state'], started.body['interval_s']) == (200, 'monitoring', 1)
    wait_until(lambda: status(daemon)['last_poll'], 10, 'it is polled')
    assert daemon.post(STOP, {'connection': 'cache'}).body['state'] == 'connected'
    assert daemon.post(START, {'connection': redis.address}).body['interval_s'] == 5


def test_connecting_again_keeps_the_id_and_takes_what_is_new(daemon, redis):
    first = connect(daemon, redis, name='a')
    assert connect(daemon, redis, interval_s=0, name='b') == first
    assert [(it['connection'], it['name'], it['state']) for it in daemon.get(STATUS).body['connections']] == [(first, 'b', 'monitoring')]


def test_two_connections_must_be_named(daemon, make_redis):
    one, two = make_redis(), make_redis()
    ids = [connect(daemon, it, interval_s=0) for it in (one, two)]
    for path in (START, STOP, ANALYZE):
        reply = daemon.post(path, {})
        assert (reply.status, reply.body['errors'][0]['field']) == (422, 'connection')
    assert daemon.get(METRICS).status == 422
    assert daemon.get(f'{METRICS}?connection={ids[1]}').body['connection'] == ids[1]


@pytest.mark.parametrize('path, body, wanted, field', [
    (CONNECT, {}, 422, 'host'),
    (CONNECT, {'host': ''}, 422, 'host'),
    (CONNECT, {'host': 1}, 422, 'host'),
    (CONNECT, {'host': 'h', 'port': 0}, 422, 'port'),
    (CONNECT, {'host': 'h', 'port': 65536}, 422, 'port'),
    (CONNECT, {'host': 'h', 'port': '6379'}, 422, 'port'),
    (CONNECT, {'host': 'h', 'db': -1}, 422, 'db'),
    (CONNECT, {'host': 'h', 'tls': 'yes'}, 422, 'tls'),
    (CONNECT, {'host': 'h', 'hots': 1}, 400, 'hots'),
    (START, {'interval_s': 0}, 422, 'interval_s'),
    (START, {'interval_s': 3601}, 422, 'interval_s'),
    (START, {'interval_s': 1.5}, 422, 'interval_s'),
    (START, {'connection': 'x'}, 404, None),
    (STOP, {'connection': 'x'}, 404, None),
    (ANALYZE, {'connection': 'x'}, 404, None),
    (CONNECT, '{"host": NaN}', 400, None),
    (CONNECT, '[', 400, None),
])
def test_bad_requests_name_the_field(shared_daemon, path, body, wanted, field):
    reply = shared_daemon.post(path, body, headers={'Content-Type': 'application/json'})
    assert reply.status == wanted, reply
    assert field is None or field in [it['field'] for it in reply.body['errors']]
    assert shared_daemon.get(STATUS).body['connections'] == []


@pytest.mark.parametrize('query, wanted', [('minutes=0', 422), ('minutes=x', 422), ('minutes=1e999', 422), ('connection=x', 404)])
def test_bad_queries(shared_daemon, query, wanted):
    assert shared_daemon.get(f'{METRICS}?{query}').status == wanted


@pytest.mark.parametrize('host', ['169.254.169.254', '224.0.0.1', '::ffff:169.254.169.254', 'fe80::1', '0.0.0.0', '255.255.255.255'])
def test_addresses_where_no_server_lives_are_refused(shared_daemon, host):
    reply = shared_daemon.post(CONNECT, {'host': host})
    assert reply.status == 403 and host in reply.body['detail'], reply


def test_roles(shared_daemon):
    assert shared_daemon.post(CONNECT, {'host': '127.0.0.1'}, role='viewer').status == 403
    assert shared_daemon.get(STATUS, role='viewer').status == 200
    assert shared_daemon.get(STATUS, role=None).status == 401
    assert shared_daemon.get(STATUS, role='ingest').status == 403


@pytest.fixture(scope='module')
def shared_daemon():
    with harness.Daemon() as daemon:
        yield daemon.start()


def test_nobody_listens(shared_daemon):
    reply = shared_daemon.post(CONNECT, {'host': '127.0.0.1', 'port': harness.free_port()})
    assert reply.status == 503 and 'Connection refused' in reply.body['detail'], reply


class Peer:
    """A server that answers each request with the same bytes: no Redis, or one that lies."""

    def __init__(self, answer):
        self.answer = answer
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            while request := connection.recv(65536):
                connection.sendall(self.answer(request))
        except OSError:
            pass
        connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


def bulk(text):
    return b'$%d\r\n%s\r\n' % (len(text), text)


@pytest.mark.parametrize('answer', [
    b'HTTP/1.1 400 Bad Request\r\n\r\n',
    b'+OK\r\n',
    b'$-1\r\n',
    b'$99999999999999\r\n',
    b'*2\r\n' * 100,
    bulk(b'no info at all'),
    bulk(b'redis_version'),
    bulk(b'\x00\xff\xfe:\x80\r\n' * 1000),
])
def test_what_is_no_redis_is_refused(shared_daemon, answer):
    with Peer(lambda _: answer) as peer:
        reply = shared_daemon.post(CONNECT, {'host': '127.0.0.1', 'port': peer.port})
        assert reply.status in (502, 503, 504), reply
        assert str(peer.port) in reply.body['detail']


def test_a_redis_that_lies_harms_nobody(daemon, redis):
    lies = (b'redis_version:7.0.15\r\nredis_mode:\xff\xfe\r\nrole:' + b'x' * 5000 + b'\r\nused_memory:99999999999999999999999\r\n'
            b'maxmemory:-5\r\nmaxclients:NaN\r\nconnected_clients:1e999\r\nmem_fragmentation_ratio:inf\r\ndb0:keys=-1,expires=x\r\n'
            b'errorstat_OOM:count=\r\nkeyspace_hits:1\r\nkeyspace_hits:2\r\n')
    with Peer(lambda request: bulk(lies) if b'INFO' in request else b'+PONG\r\n') as liar:
        connect(daemon, liar)
        polled_again(daemon)
        current = daemon.get(METRICS).body['current']
        assert current['used_memory_bytes'] is None and current['maxclients'] is None and current['memory_ratio'] is None
        assert daemon.post(ANALYZE, {}).status == 200
        other = daemon.post(CONNECT, {'host': '127.0.0.1', 'port': redis.port, 'start': True})
        wait_until(lambda: daemon.get(f'{METRICS}?connection={other.body["connection"]}').body['current']['used_memory_bytes'], 10, 'the honest one is watched')


def test_a_server_that_hangs_times_out_and_nobody_waits_with_it(daemon, redis):
    os.kill(redis.pid, signal.SIGSTOP)
    try:
        reply = daemon.post(CONNECT, {'host': '127.0.0.1', 'port': redis.port})
        assert reply.status == 504 and redis.address in reply.body['detail'], reply
    finally:
        os.kill(redis.pid, signal.SIGCONT)
    connect(daemon, redis)
    os.kill(redis.pid, signal.SIGSTOP)
    try:
        state_is(daemon, 'unreachable')
        assert alert_of(daemon, 'does not answer')['severity'] == 'critical'
    finally:
        os.kill(redis.pid, signal.SIGCONT)
    state_is(daemon, 'monitoring')
    wait_until(lambda: not daemon.get(ALERTS).body['alerts'], 10, 'the alert ends')


def test_passwords(daemon, make_redis):
    redis = make_redis(requirepass='s3cret-of-the-test')
    without = daemon.post(CONNECT, {'host': '127.0.0.1', 'port': redis.port})
    assert without.status == 502 and 'NOAUTH' in without.body['detail'], without
    wrong = daemon.post(CONNECT, {'host': '127.0.0.1', 'port': redis.port, 'password': 'no'})
    assert wrong.status == 502 and 'WRONGPASS' in wrong.body['detail'], wrong
    assert daemon.get(STATUS).body == {'connections': []}
    connect(daemon, redis, password='s3cret-of-the-test')
    daemon.restart()
    wait_until(lambda: status(daemon)['last_poll'], 10, 'it is watched again after a restart, with its password')
    assert status(daemon)['state'] == 'monitoring'
    for path in daemon.data.rglob('*'):
        assert not path.is_file() or b's3cret-of-the-test' not in path.read_bytes(), path
    assert 's3cret' not in daemon.log_text()
    with redis.connection() as admin:
        admin.command('AUTH', 's3cret-of-the-test')
        admin.command('CONFIG', 'SET', 'requirepass', 'another')
        admin.command('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    state_is(daemon, 'auth_failed')
    connect(daemon, redis, interval_s=0, password='another')
    state_is(daemon, 'monitoring')


def test_stopped_stays_stopped_over_a_restart(daemon, redis):
    connect(daemon, redis)
    daemon.post(STOP, {})
    daemon.restart()
    assert (status(daemon)['state'], status(daemon)['interval_s']) == ('connected', 1)


def test_loading_is_not_down(daemon, make_redis):
    redis = make_redis(save='', key_load_delay=300, loading_process_events_interval_bytes=1024)
    connect(daemon, redis)
    with redis.connection() as filler:
        for i in range(0, 20000, 1000):
            filler.command('MSET', *[word for j in range(1000) for word in (f'key:{i + j}', 'v' * 50)])
    redis.command('SAVE')
    redis.kill()
    redis.spawn(['redis-server', redis.folder / 'redis.conf'])
    state_is(daemon, 'loading', 20)
    assert daemon.post(ANALYZE, {}).body['scenario'] in ('loading', 'down')
    redis.kill()


def test_the_configuration_s_redis_is_a_connection_too(make_daemon, redis):
    daemon = make_daemon(config=f'sources:\n  - {{type: redis, name: orders, interval: 1s, settings: {{port: {redis.port}}}}}\n')
    row = wait_until(lambda: status(daemon)['last_poll'] and status(daemon), 10, 'it is watched')
    assert (row['connection'], row['state'], row['address']) == ('orders', 'monitoring', redis.address)
    assert daemon.post(STOP, {}).status == 409
    twice = daemon.post(CONNECT, {'host': '127.0.0.1', 'port': redis.port})
    assert twice.status == 409 and 'orders' in twice.body['detail']
    assert daemon.post(ANALYZE, {'connection': 'orders'}).body['scenario'] == 'healthy'


def test_metrics_now_and_before(daemon, redis):
    connect(daemon, redis)
    redis.command('SET', 'k', 'v')
    for _ in range(3):
        redis.command('GET', 'k')
    redis.command('GET', 'nothing')
    wait_until(lambda: len(daemon.get(METRICS).body['series']['ops_per_sec']) >= 2, 10, 'rates need three polls')
    reply = daemon.get(f'{METRICS}?minutes=1').body
    info = redis.info()
    assert reply['current']['maxclients'] == int(info['maxclients'])
    assert 0 < reply['current']['used_memory_bytes'] < 1e9
    assert reply['current']['memory_ratio'] is None  # no limit
    assert sum(value for _, value in reply['series']['hit_rate']) > 0
    times = [time for time, _ in reply['series']['used_memory_bytes']]
    assert times == sorted(times) and times[-1] > 1.6e9
    assert daemon.post(STOP, {}).status == 200
    assert daemon.get(METRICS).body['current']['maxclients'] == int(info['maxclients'])  # asked for now


def test_analysis_of_a_healthy_one(daemon, redis):
    connect(daemon, redis, interval_s=0)
    answer = daemon.post(ANALYZE, {}).body
    assert (answer['severity'], answer['category'], answer['scenario'], answer['root_causes']) == ('low', 'healthy', 'healthy', [])
    assert answer['model'] is None and answer['evidence'] and answer['immediate_actions'] == []
    assert set(answer) >= {'id', 'summary', 'steps', 'prevention', 'references', 'created_at'}


# The scenarios. Each is brought about on a real server, and must be said by name, with evidence, and no other of them.

def found(daemon, title, scenario, category, severity, seconds=15):
    alert = alert_of(daemon, title, seconds)
    assert (alert['scenario'], alert['severity']) == (scenario if scenario.startswith('SC-') else None, severity)
    assert alert['evidence'] and alert['state'] == 'firing'
    answer = daemon.post(ANALYZE, {}).body
    assert (answer['scenario'], answer['category'], answer['severity']) == (scenario, category, severity)
    assert answer['root_causes'] and all(cause['evidence'] for cause in answer['root_causes'])
    assert answer['steps'] and answer['prevention']
    return answer


def fill(redis, until=None, count=60000, prefix='k', size=1000):
    """SET until an error, or so many; the number that were written."""
    with redis.connection() as connection:
        for i in range(count):
            try:
                connection.command('SET', f'{prefix}{i}', 'x' * size)
            except harness.RespError as e:
                assert until and str(e).startswith(until), e
                return i
    assert not until, f'no {until}'
    return count


def test_out_of_memory(daemon, make_redis):
    redis = make_redis(maxmemory='8mb')
    connect(daemon, redis)
    fill(redis, until='OOM')
    answer = found(daemon, 'out of memory', 'SC-001', 'memory', 'critical')
    assert any('redis_raise_maxmemory' in it for it in answer['immediate_actions'])
    redis.command('FLUSHALL')
    wait_until(lambda: not daemon.get(ALERTS).body['alerts'], 10, 'it ends when there is room')
    assert daemon.post(ANALYZE, {}).body['scenario'] == 'healthy'


def test_max_clients(daemon, make_redis):
    redis = make_redis(maxclients=50)
    connect(daemon, redis)
    crowd = [socket.create_connection(('127.0.0.1', redis.port)) for _ in range(80)]
    try:
        answer = found(daemon, 'no room for more clients', 'SC-002', 'connection', 'high')
        assert any('rejected' in it['text'] for it in answer['evidence'])
    finally:
        for it in crowd:
            it.close()


def test_busy_script(daemon, make_redis):
    redis = make_redis(lua_time_limit=200)
    connect(daemon, redis)
    with redis.connection() as victim:
        victim.send('EVAL', 'while true do end', 0)
        state_is(daemon, 'busy')
        answer = found(daemon, 'script blocks', 'SC-005', 'latency', 'high')
        assert any('redis_script_kill' in it for it in answer['immediate_actions'])
        redis.command('SCRIPT', 'KILL')
        state_is(daemon, 'monitoring')


def test_slow_query(daemon, redis):
    connect(daemon, redis)
    polled_again(daemon)
    redis.command('EVAL', 'local n = 0 for i = 1, 100000000 do n = n + i end return n', 0)
    answer = found(daemon, 'Slow commands', 'SC-005', 'latency', 'medium')
    assert any('EVAL' in it['text'].upper() for it in answer['evidence'])


def test_evictions_are_no_lack_of_memory(daemon, make_redis):
    redis = make_redis(maxmemory='4mb', maxmemory_policy='allkeys-lru')
    connect(daemon, redis)
    fill(redis, count=3000)
    stop = threading.Event()

    def write():
        while not stop.is_set():
            fill(redis, count=500, prefix=os.urandom(4).hex())
    writer = threading.Thread(target=write)
    writer.start()
    try:
        found(daemon, 'evicts keys', 'eviction_storm', 'memory', 'high')
    finally:
        stop.set()
        writer.join()


def test_maxmemory_lowered(daemon, make_redis):
    redis = make_redis(maxmemory_policy='allkeys-lru')
    fill(redis, count=5000)
    connect(daemon, redis)
    polled_again(daemon)
    redis.command('CONFIG', 'SET', 'maxmemory', '2mb')
    alert_of(daemon, 'maxmemory was set below')


def test_auth_errors(daemon, make_redis):
    redis = make_redis(requirepass='right')
    connect(daemon, redis, password='right')
    polled_again(daemon)
    for _ in range(5):
        with pytest.raises(harness.RespError):
            redis.command('AUTH', 'wrong')
    found(daemon, 'credentials', 'auth_errors', 'security', 'medium')


def test_a_killed_one_comes_back(daemon, redis):
    connect(daemon, redis)
    redis.kill()
    found(daemon, 'does not answer', 'down', 'availability', 'critical')
    assert status(daemon)['state'] == 'unreachable'
    redis.start()
    state_is(daemon, 'monitoring')
    wait_until(lambda: not daemon.get(ALERTS).body['alerts'], 10, 'the alert ends')


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MB."""
    if os.geteuid() != 0:
        pytest.skip('mounting a small file system needs root')
    folder = tmp_path / 'disk'
    folder.mkdir()
    if os.system(f'mount -t tmpfs -o size=8m,mode=0777 tmpfs {folder} 2>/dev/null') != 0:
        pytest.skip('no file system can be mounted here')
    yield folder
    os.system(f'umount -l {folder}')


def test_snapshot_fails_on_a_full_disk(daemon, make_redis, small_disk):
    redis = make_redis(dir=small_disk, rdbcompression='no')
    connect(daemon, redis)
    fill(redis, count=10000)
    redis.command('BGSAVE')
    found(daemon, 'snapshot', 'SC-007', 'persistence', 'high')
    assert redis.info()['rdb_last_bgsave_status'] == 'err'


def test_append_only_file_on_a_full_disk(daemon, make_redis, small_disk):
    redis = make_redis(dir=small_disk, appendonly='yes', appendfsync='everysec', auto_aof_rewrite_percentage=0)
    connect(daemon, redis)
    with redis.connection() as connection:
        with pytest.raises(harness.RespError, match='MISCONF'):
            for i in range(20000):
                connection.command('SET', f'k{i}', 'x' * 1000)
    found(daemon, 'append', 'SC-006', 'persistence', 'high')
    redis.kill()


# Faults on purpose.

INJECT, CLEANUP = '/api/v1/monitor/inject', '/api/v1/monitor/cleanup'


def test_faults_only_on_tests(daemon, redis):
    name = connect(daemon, redis, interval_s=0)
    for kind in ('fill_memory', 'connections', 'slow_command'):
        assert daemon.post(INJECT, {'connection': name, 'kind': kind}).status == 403
    assert redis.command('DBSIZE') == 0
    redis.command('SET', 'auspex:inject:1:1', 'an application\'s own')
    assert daemon.post(CLEANUP, {}).body == {'undone': 0}
    assert redis.command('DBSIZE') == 1


@pytest.mark.parametrize('body, field', [
    ({'kind': 'fill_memory'}, 'connection'),
    ({'connection': 'x'}, 'kind'),
    ({'connection': 'x', 'kind': 'fill_memory', 'mb': 0}, 'mb'),
    ({'connection': 'x', 'kind': 'connections', 'count': 5001}, 'count'),
    ({'connection': 'x', 'kind': 'slow_command', 'duration_ms': 0.5}, 'duration_ms'),
])
def test_bad_faults(shared_daemon, body, field):
    reply = shared_daemon.post(INJECT, body)
    assert reply.status == 422 and field in [it['field'] for it in reply.body['errors']]


def test_filled_memory_is_found_and_given_back(daemon, make_redis):
    redis = make_redis(maxmemory='16mb')
    name = connect(daemon, redis, test=True)
    redis.command('SET', 'mine', 'stays')
    reply = daemon.post(INJECT, {'connection': name, 'kind': 'fill_memory', 'mb': 64})
    assert reply.status == 200 and 'out of memory' in reply.body['detail'], reply
    found(daemon, 'out of memory', 'SC-001', 'memory', 'critical')
    daemon.restart()  # what was injected is undone by another life too
    assert daemon.post(CLEANUP, {'connection': name}).body['undone'] > 100
    assert redis.command('KEYS', '*') == ['mine']


def test_held_connections_are_found_and_given_back(daemon, make_redis):
    redis = make_redis(maxclients=50)
    name = connect(daemon, redis, test=True)
    assert daemon.post(INJECT, {'connection': name, 'kind': 'connections', 'count': 80}).status == 200
    found(daemon, 'no room for more clients', 'SC-002', 'connection', 'high')
    wait_until(lambda: daemon.post(CLEANUP, {}).body.get('undone') is not None, 10, 'cleanup gets in')
    wait_until(lambda: not daemon.get(ALERTS).body['alerts'], 10, 'there is room again')


def test_a_slow_command_is_found(daemon, redis):
    name = connect(daemon, redis, test=True)
    polled_again(daemon)
    assert daemon.post(INJECT, {'connection': name, 'kind': 'slow_command', 'duration_ms': 400}).status == 200
    found(daemon, 'Slow commands', 'SC-005', 'latency', 'medium')
