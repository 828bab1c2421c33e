"""OTLP over HTTP: metrics of OpenTelemetry in JSON and protobuf, and the answers that its senders expect."""
import gzip
import json
import struct
import time

import pytest

import senders
from senders import field, varint


def now_ns():
    return time.time_ns() - 1_000_000_000


def request(metrics, resource=()):
    attributes = [{'key': key, 'value': {'stringValue': value}} for key, value in resource]
    return {'resourceMetrics': [{'resource': {'attributes': attributes}, 'scopeMetrics': [{'metrics': metrics}]}]}


def gauge(name, value, **more):
    return {'name': name, 'gauge': {'dataPoints': [{'timeUnixNano': str(now_ns()), 'asDouble': value} | more]}}


def fixed(number, value):
    return varint(number << 3 | 1) + struct.pack('<Q', value)


def protobuf_gauge(name, value):
    point = fixed(3, now_ns()) + field(4, value) + field(7, field(1, 'k') + field(2, field(1, 'v')))
    metric = field(1, name) + field(5, field(1, point))
    return field(1, field(2, field(2, metric)))


def export(daemon, body, content_type='application/json', path='/v1/metrics', role='ingest', **headers):
    body = json.dumps(body) if isinstance(body, dict) else body
    return daemon.post(path, body, headers={'Content-Type': content_type} | headers, role=role)


def test_json_and_protobuf_become_series(daemon):
    said = export(daemon, request([gauge('room.temperature', 21.5) | {'unit': 'Cel'}],
                                  [('service.name', 'house'), ('service.instance.id', 'a'), ('floor', '2')]))
    assert said == (200, {}) and said.headers['Content-Type'] == 'application/json'
    said = export(daemon, protobuf_gauge('from.protobuf', 2.5), 'application/x-protobuf',
                  path='/prometheus/api/v1/otlp/v1/metrics')
    assert said.status == 200 and said.raw == b'' and said.headers['Content-Type'] == 'application/x-protobuf'
    assert senders.last_values(daemon, '{__name__=~".+",job!~"node|process|probe"}') | {} == {
        'room_temperature_celsius{instance="a",job="house"}': 21.5,
        'target_info{floor="2",instance="a",job="house"}': 1,
        'from_protobuf{k="v",instance=""}': 2.5,
    }


def test_gzip_is_undone(daemon):
    packed = gzip.compress(protobuf_gauge('zipped', 1.0))
    assert export(daemon, packed, 'application/x-protobuf', **{'Content-Encoding': 'gzip'}).status == 200
    assert senders.last_values(daemon, 'zipped') == {'zipped{k="v",instance=""}': 1}


def test_what_is_refused_is_said_in_the_answer(daemon):
    body = request([gauge('good', 1), gauge('bad', 1, timeUnixNano='0'), gauge('late', 1, timeUnixNano=str(2 * now_ns()))])
    said = export(daemon, body)
    assert said.status == 200
    assert said.body['partialSuccess']['rejectedDataPoints'] == '2'
    assert 'bad: a point has no time' in said.body['partialSuccess']['errorMessage']
    assert senders.last_values(daemon, '{__name__=~"good|bad|late"}') == {'good{instance=""}': 1}


def test_an_empty_request_is_a_success(daemon):
    assert export(daemon, '{}') == (200, {})
    assert export(daemon, b'', 'application/x-protobuf').status == 200


@pytest.mark.parametrize('body,content_type,headers,status,code', [
    ('{', 'application/json', {}, 400, 3),
    ('[]', 'application/json', {}, 400, 3),
    ('{"resourceMetrics": 7}', 'application/json', {}, 400, 3),
    ('[' * 100_000, 'application/json', {}, 400, 3),
    ('{}', 'text/plain', {}, 415, 3),
    ('{}', 'application/json', {'Content-Encoding': 'zstd'}, 415, 3),
    ('{}', 'application/json', {'Content-Encoding': 'gzip'}, 400, 3),
    (gzip.compress(b' ' * (40 << 20)), 'application/json', {'Content-Encoding': 'gzip'}, 413, 8),
    (b'\x0a\x7f', 'application/x-protobuf', {}, 400, 3),
], ids=['cut', 'list', 'number', 'deep', 'text', 'zstd', 'no_gzip', 'gzip_bomb', 'cut_protobuf'])
def test_errors_are_statuses_in_the_sender_s_own_type(daemon, body, content_type, headers, status, code):
    said = export(daemon, body, content_type, **headers)
    assert said.status == status, said.body
    if content_type == 'application/json':
        assert said.body['code'] == code and said.body['message']
    else:
        assert said.raw.startswith(field(1, code))
    assert daemon.get('/-/ready').status == 200


def test_roles(daemon):
    assert export(daemon, '{}', role='viewer').status == 403
    assert export(daemon, '{}', role=None).status == 401


def test_deltas_become_counters_and_resources_labels(make_daemon):
    daemon = make_daemon(config='otlp: { promote_resource_attributes: [host.name] }')
    start = now_ns() - 60 * 10**9
    for i in range(3):
        point = {'startTimeUnixNano': str(start + i * 10**10), 'timeUnixNano': str(start + (i + 1) * 10**10), 'asInt': '5'}
        calls = {'name': 'calls', 'sum': {'aggregationTemporality': 1, 'isMonotonic': True, 'dataPoints': [point]}}
        assert export(daemon, request([calls], [('host.name', 'h1')])) == (200, {})
        assert export(daemon, request([calls], [('host.name', 'h1')])) == (200, {})  # sent twice, counted once
    assert senders.last_values(daemon, 'calls_total') == {'calls_total{host_name="h1",instance=""}': 15}
