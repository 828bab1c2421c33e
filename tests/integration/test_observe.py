"""test_observe.py - what the server sees by itself: the host as node_exporter sees it, a Redis as redis_exporter does,
services that listen, resources, and series that survive."""
import pathlib
import re
import shutil
import time
import urllib.parse

import pytest

import harness
from harness import wait_until

# What the originals have and we leave out, by name of the metric.
NODE_LEFT_OUT = re.compile(r'''
    (go|process|promhttp)_.* |            # about the exporter itself
    node_(exporter_build_info|scrape_collector_.*|textfile_.*) |
    node_(arp|dmi|os|selinux|udp_queues|schedstat|hwmon|thermal|cooling|nvme|md|bonding|edac|xfs|zfs|btrfs|nfs|nfsd|rapl|
          infiniband|ipvs|fibrechannel|powersupply|power_supply|tape|bcache|cpu_scaling|cpu_frequency|cpu_core|
          cpu_package|cpu_info|ksmd|buddyinfo|interrupts)_?.* |
    node_time_clocksource_.* |
    node_disk_(info|device_mapper_info|ata_.*|filesystem_info) |   # asks udev
    node_nf_conntrack_stat_.* |
    node_timex_(frequency|loop|pps|status|tai|tick).* |
    node_network_(address_assign_type|carrier.*|device_id|dormant|flags|iface_.*|info|mtu_bytes|name_assign_type|
                  net_dev_group|protocol_type|speed_bytes|transmit_queue_length|receive_nohandler_total)
    ''', re.VERBOSE)
REDIS_LEFT_OUT = re.compile(r'''
    (go|process|promhttp)_.* | redis_exporter_.* | redis_target_.* |
    redis_latency_percentiles_usec.* |                 # five series a command
    redis_last_key_groups_.* | redis_config_io_threads # CONFIG GET
    ''', re.VERBOSE)


def exposition(text):
    """({name: type}, {(name, labels): value}) of Prometheus' text format."""
    types, samples = {}, {}
    for line in text.splitlines():
        if line.startswith('# TYPE '):
            _, _, name, kind = line.split()
            types[name] = kind
        elif line and not line.startswith('#'):
            name, labels, value = re.match(r'([\w:]+)(?:\{(.*)\})? (\S+)', line).groups()
            pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or '')
            samples[name, frozenset(pairs)] = float(value)
    return types, samples


class Exporter(harness.Process):
    def start(self, argv):
        self.port = harness.free_port()
        self.spawn([*argv, f'--web.listen-address=127.0.0.1:{self.port}'])
        self.url = f'http://127.0.0.1:{self.port}'
        wait_until(self._answers, 20, f'{self.name} answers')
        return self

    def _answers(self):
        try:
            return harness.request(self.url, 'GET', '/metrics').status == 200
        except OSError:
            return False

    def scrape(self):
        return exposition(harness.request(self.url, 'GET', '/metrics').body)


def metrics_of(daemon, prefix):
    return {row['name']: row for row in daemon.get(f'/api/v1/metrics?prefix={prefix}').body['metrics']}


def newest(daemon, name, job):
    """{labels: [newest values]} of one metric, without instance and job: the last points, in order."""
    query = urllib.parse.urlencode({'metric': name, 'labels': f'job={job}', 'minutes': 5, 'points': 300})
    return {frozenset((key, value) for key, value in series['labels'].items() if key not in ('instance', 'job')):
            [value for _, value in series['points']]
            for series in daemon.get(f'/api/v1/charts?{query}').body['series']}


def compare(daemon, job, types, before, after, left_out, also_ours):
    """Every metric of the original, but what is left out: same type, same labels, and a value between what the original
    said before and after ours (gauges may move, counters rise)."""
    ours = metrics_of(daemon, job if job != 'node' else 'node_')
    kinds = {'untyped': 'unknown'}
    wrong = []
    checked = 0
    for name in sorted(types):
        if left_out.fullmatch(name):
            continue
        if name not in ours:
            wrong.append(f'{name} is missing')
            continue
        if ours[name]['type'] != kinds.get(types[name], types[name]):
            wrong.append(f'{name} is a {ours[name]["type"]}, not a {types[name]}')
        mine = newest(daemon, name, job)
        for (_, labels), first in [item for item in before.items() if item[0][0] == name]:
            if (name, labels) not in after:
                continue
            second = after[name, labels]
            if labels not in mine:
                if name.startswith('redis_db_') or name.startswith('redis_commands_'):
                    continue  # empty databases have no rows in INFO; the exporter's own commands came later
                wrong.append(f'{name}{dict(labels)} is missing; there are {[dict(l) for l in mine][:3]}')
                continue
            value = mine[labels][-1]
            slack = 0.02 * max(abs(first), abs(second)) + 1e-6
            if types[name] == 'counter' and not min(first, second) - slack <= value <= max(first, second) + slack:
                wrong.append(f'{name}{dict(labels)} is {value}, not between {first} and {second}')
            elif first == second and abs(value - first) > slack and name not in also_ours:
                wrong.append(f'{name}{dict(labels)} is {value}, not {first}')
            checked += 1
    assert not wrong, '\n'.join(wrong)
    return checked


def source(daemon, name):
    return next((it for it in daemon.get('/api/v1/sources').body['sources'] if it['name'] == name), None)


def collected_anew(daemon, name):
    """Wait for a scrape that begins after now."""
    now = time.time()

    def later():
        it = source(daemon, name)
        return it and it['state'] == 'ok' and it['last_received_at'] and \
            it['last_received_at'] > time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(now + 1))
    wait_until(later, 30, f'{name} is collected')


@pytest.mark.skipif(not shutil.which('prometheus-node-exporter'), reason='prometheus-node-exporter is not installed')
def test_host_is_seen_as_node_exporter_sees_it(make_daemon):
    daemon = make_daemon(config='sources:\n  - { type: node, interval: 1s }\n')
    exporter = Exporter('node-exporter').start(['prometheus-node-exporter'])
    types, before = exporter.scrape()
    collected_anew(daemon, 'node')
    _, after = exporter.scrape()
    # Gauges that live by the second; where two looks of the original agree, ours may still be another moment's.
    restless = {name for name in types if re.match(r'node_(memory|sockstat|load|procs|filefd|time|timex|disk_io_now|filesystem|netstat)', name)}
    checked = compare(daemon, 'node', types, before, after, NODE_LEFT_OUT, restless)
    assert checked > 150


@pytest.mark.skipif(not shutil.which('prometheus-redis-exporter'), reason='prometheus-redis-exporter is not installed')
def test_redis_is_seen_as_redis_exporter_sees_it(make_daemon, make_redis):
    redis = make_redis(maxmemory='64mb')
    for i in range(50):
        redis.command('SET', f'key{i}', i, *(['EX', 1000] if i % 2 else []))
    with pytest.raises(harness.RespError):
        redis.command('LPUSH', 'key1', 'x')
    daemon = make_daemon(config=f'sources:\n  - {{ type: redis, interval: 1s, settings: {{ port: {redis.port} }} }}\n')
    exporter = Exporter('redis-exporter').start(['prometheus-redis-exporter', f'--redis.addr=redis://{redis.address}'])
    types, before = exporter.scrape()
    collected_anew(daemon, 'redis')
    _, after = exporter.scrape()
    restless = {name for name in types if re.match(r'redis_(mem|allocator|connected_clients|client_recent|uptime|start_time)', name)}
    checked = compare(daemon, 'redis', types, before, after, REDIS_LEFT_OUT, restless)
    assert checked > 120
    resources = daemon.get('/api/v1/resources?kind=redis_instance').body['resources']
    assert [it['id'] for it in resources] == [f'redis:{redis.address}']
    assert resources[0]['labels']['role'] == 'master'


def test_nothing_configured_watches_this_host(daemon):
    wait_until(lambda: (source(daemon, 'node') or {}).get('state') == 'ok', 20, 'the host is collected')
    names = {it['name'] for it in daemon.get('/api/v1/sources').body['sources']}
    assert {'node', 'process', 'container', 'systemd'} <= names
    wait_until(lambda: 'up' in metrics_of(daemon, 'up'), 20, 'up is stored')
    ids = wait_until(lambda: [it['id'] for it in daemon.get('/api/v1/resources').body['resources']], 20, 'resources are stored')
    assert any(it.startswith('host:') for it in ids)
    chart = daemon.get('/api/v1/charts?metric=node_memory_MemTotal_bytes').body
    assert chart['type'] == 'gauge' and chart['unit'] == 'bytes'
    kib = int(re.search(r'MemTotal:\s+(\d+)', pathlib.Path('/proc/meminfo').read_text())[1])
    assert chart['series'][0]['points'][-1][1] == kib * 1024


def test_webhook_lights_its_door(daemon):
    door = source(daemon, 'alertmanager')
    assert door['state'] == 'waiting' and door['last_received_at'] is None
    assert f"url: '{daemon.url}/webhook'" in door['snippet']
    alert = {'status': 'firing', 'labels': {'alertname': 'Test'}, 'annotations': {}, 'startsAt': '2026-01-01T00:00:00Z'}
    assert daemon.post('/webhook', {'version': '4', 'alerts': [alert, alert | {'labels': {'alertname': 'Other'}}]}).status == 200
    door = source(daemon, 'alertmanager')
    assert door['state'] == 'ok' and door['samples_total'] == 2
    assert daemon.post('/webhook', '{').status == 400
    wait_until(lambda: source(daemon, 'alertmanager')['state'] == 'error', 5, 'the refusal is shown')


def test_redis_that_dies_is_an_error_of_its_source_alone(make_daemon, make_redis):
    redis = make_redis()
    daemon = make_daemon(config=f'sources:\n  - {{ type: node, interval: 1s }}\n'
                                f'  - {{ type: redis, name: cache, interval: 500ms, settings: {{ port: {redis.port} }} }}\n')
    wait_until(lambda: source(daemon, 'cache')['state'] == 'ok', 20, 'the Redis is collected')
    redis.kill()
    wait_until(lambda: source(daemon, 'cache')['state'] == 'error', 20, 'its death is seen')
    assert source(daemon, 'cache')['error']
    wait_until(lambda: list(newest(daemon, 'redis_up', 'redis').values())[0][-1] == 0, 20, 'redis_up is 0')
    assert source(daemon, 'node')['state'] == 'ok'
    redis.start()
    wait_until(lambda: source(daemon, 'cache')['state'] == 'ok', 20, 'it is back')


MONITOR_ACL = '''on >{} resetkeys resetchannels -@all +ping +info +role +dbsize +hello +slowlog|get +slowlog|len +latency|latest
+latency|history +client|list +client|info +client|setname +memory|stats +config|get +cluster|info +cluster|nodes +acl|log +acl|whoami'''


def test_redis_user_that_may_only_look_is_enough(make_daemon, make_redis):
    redis = make_redis()
    redis.command('ACL', 'SETUSER', 'auspex-monitor', *MONITOR_ACL.format('hidden').split())
    redis.command('ACL', 'SETUSER', 'default', 'resetpass', '>other')

    def acl_log():
        with redis.connection() as connection:
            connection.command('AUTH', 'other')
            return connection.command('ACL', 'LOG')
    settings = f'port: {redis.port}, username: auspex-monitor, password: "env:MONITOR_PASSWORD"'
    daemon = make_daemon(config=f'sources:\n  - {{ type: redis, interval: 200ms, settings: {{ {settings} }} }}\n',
                         env={'MONITOR_PASSWORD': 'hidden'})
    wait_until(lambda: source(daemon, 'redis')['samples_total'] > 1000, 20, 'the Redis is collected several times')
    assert source(daemon, 'redis')['error'] is None
    assert acl_log() == []
    assert 'hidden' not in daemon.log_text()
    daemon.write_config(f'sources:\n  - {{ type: redis, interval: 200ms, settings: {{ port: {redis.port}, password: wrong }} }}\n')
    assert daemon.post('/-/reload').status == 200
    wait_until(lambda: source(daemon, 'redis')['state'] == 'error', 20, 'the wrong password is refused')
    assert 'WRONGPASS' in source(daemon, 'redis')['error']
    assert 'wrong' not in source(daemon, 'redis')['error'].replace('WRONGPASS', '')


def test_redis_that_hangs_holds_nobody(make_daemon, make_redis):
    redis = make_redis()
    daemon = make_daemon(config=f'sources:\n  - {{ type: node, interval: 500ms }}\n'
                                f'  - {{ type: redis, interval: 500ms, settings: {{ port: {redis.port} }} }}\n')
    wait_until(lambda: source(daemon, 'redis')['state'] == 'ok', 20, 'the Redis is collected')
    redis.signal(19)  # SIGSTOP
    try:
        wait_until(lambda: source(daemon, 'redis')['state'] == 'error', 20, 'the silence is seen')
        before = source(daemon, 'node')['samples_total']
        wait_until(lambda: source(daemon, 'node')['samples_total'] > before, 20, 'the host is still collected')
    finally:
        redis.signal(18)  # SIGCONT
    wait_until(lambda: source(daemon, 'redis')['state'] == 'ok', 20, 'it answers again')


def test_services_are_offered_and_not_touched(make_daemon, redis):
    daemon = make_daemon(auth='none')

    def found():
        return next((it for it in daemon.get('/api/v1/services').body['services'] if it['port'] == redis.port), None)
    before = int(redis.info()['total_connections_received'])
    it = wait_until(found, 20, 'the Redis is found')
    assert it['kind'] == 'redis' and it['address'] == '127.0.0.1' and it['added'] is False
    assert (it['add']['method'], it['add']['path']) == ('POST', '/api/v1/monitor/connect')
    assert it['add']['body'].items() >= {'host': '127.0.0.1', 'port': redis.port}.items()
    assert int(redis.info()['total_connections_received']) == before + 1  # this test's own


def test_series_survive_a_clean_stop(make_daemon):
    daemon = make_daemon(config='sources:\n  - { type: node, interval: 500ms }\n')
    wait_until(lambda: len(list(newest(daemon, 'node_load1', 'node').values() or [[]])[0]) >= 3, 20, 'three samples are stored')
    count = len(list(newest(daemon, 'node_load1', 'node').values())[0])
    daemon.stop()
    daemon.write_config('sources:\n  - { type: node, interval: 1h }\n')
    daemon.start()
    assert len(list(newest(daemon, 'node_load1', 'node').values())[0]) >= count


def test_damaged_snapshot_is_set_aside(make_daemon):
    daemon = make_daemon(config='sources:\n  - { type: node, interval: 500ms }\n')
    wait_until(lambda: newest(daemon, 'node_load1', 'node'), 20, 'a sample is stored')
    daemon.stop()
    snapshot = daemon.data / 'tsdb' / 'head.snapshot'
    text = bytearray(snapshot.read_bytes())
    text[len(text) // 2] ^= 1
    snapshot.write_bytes(text)
    daemon.start()
    wait_until(lambda: 'fails its checksum' in daemon.log_text(), 20, 'it was said')
    assert (daemon.data / 'tsdb' / 'head.snapshot.bad').exists()


def test_reload_changes_sources_or_nothing(make_daemon):
    daemon = make_daemon(config='sources:\n  - { type: node, interval: 1s }\n')
    wait_until(lambda: source(daemon, 'node')['state'] == 'ok', 20, 'the host is collected')
    daemon.write_config('sources:\n  - { type: node, interval: 1s }\n  - { type: process, name: heavy, settings: { top: 3 } }\n')
    assert daemon.post('/-/reload').status == 200
    wait_until(lambda: (source(daemon, 'heavy') or {}).get('state') == 'ok', 20, 'the new source runs')
    daemon.write_config('sources:\n  - { type: node }\n  - { type: nod }\n')
    reply = daemon.post('/-/reload')
    assert reply.status == 400 and 'nod' in str(reply.body)
    assert source(daemon, 'heavy')['state'] == 'ok'


@pytest.mark.parametrize('query, status', [
    ('', 422), ('?metric=', 422), ('?metric=up&minutes=0', 422), ('?metric=up&minutes=x', 422), ('?metric=up&points=1', 422),
    ('?metric=up&labels=nonsense', 400), ('?metric=up&unknown=1', 400), ('?metric=up&rate=maybe', 422),
    ('?metric=nobody_sent_this', 200), ('?metric=up&resource=nothing:of:the:kind', 200),
])
def test_charts_refuse_what_they_cannot_draw(daemon, query, status):
    reply = daemon.get('/api/v1/charts' + query)
    assert reply.status == status, reply.body
    if status == 200:
        assert reply.body['series'] == []
