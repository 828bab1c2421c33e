"""remote_write: a real Prometheus and a real vmagent send to us, and those who do it wrong are told so."""
import shutil
import socket
import time

import pytest

import harness
import senders
from senders import field, series, snappy

SENDER = '''
global: {{ scrape_interval: 250ms }}
scrape_configs:
  - job_name: self
    static_configs: [{{ targets: ['127.0.0.1:{{port}}'] }}]
remote_write:
  - url: {url}/api/v1/write
    authorization: {{ credentials: {ingest} }}
    queue_config: {{ batch_send_deadline: 200ms }}
    metadata_config: {{ send_interval: 1s }}
'''
READER = '''
remote_read:
  - url: {url}/prometheus/api/v1/read
    authorization: {{ credentials: {viewer} }}
    read_recent: true
'''


def now_ms():
    return int(time.time() * 1000)


def test_what_prometheus_writes_another_reads_back(daemon):
    sender = senders.Prometheus(SENDER.format(url=daemon.url, ingest=daemon.token('ingest'))).start()
    reader = senders.Prometheus(READER.format(url=daemon.url, viewer=daemon.token('viewer'))).start()
    harness.wait_until(lambda: sum(senders.last_values(daemon, 'scrape_samples_scraped{job="self"}').values()) > 100, 30,
                       'its own metrics arrive')
    here = time.time()
    harness.wait_until(lambda: time.time() > here + 3, 10, 'a few more scrapes')
    at = time.time() - 0.5
    theirs = sender.query('{job="self"}[3s]', at)
    assert len(theirs) > 300 and max(len(values) for values in theirs.values()) > 5
    harness.wait_until(lambda: reader.query('{job="self"}[3s]', at) == theirs, 20, 'both have the same samples')
    assert daemon.metric('auspex_remote_write_refused_total') == 0


def test_vmagent_writes(daemon):
    if not shutil.which('vmagent'):
        pytest.skip('no vmagent on this machine')
    port = harness.free_port()
    agent = harness.Process('vmagent')
    scrape = agent.folder / 'scrape.yml'
    scrape.write_text(f'scrape_configs: [{{ job_name: vm, scrape_interval: 1s, static_configs: [{{ targets: ["127.0.0.1:{port}"] }}] }}]')
    agent.spawn(['vmagent', f'-promscrape.config={scrape}', f'-httpListenAddr=127.0.0.1:{port}',
                 f'-remoteWrite.url={daemon.url}/api/v1/write', f'-remoteWrite.bearerToken={daemon.token("ingest")}',
                 '-remoteWrite.flushInterval=200ms', f'-remoteWrite.tmpDataPath={agent.folder / "queue"}'])
    harness.wait_until(lambda: senders.last_values(daemon, 'vm_app_version'), 30, 'its own metrics arrive')


def test_a_request_is_answered_as_the_protocol_says(daemon):
    now = now_ms()
    good = series([('__name__', 'good'), ('a', 'b')], [(now, 1)])
    assert senders.write(daemon, good) == (204, '')
    assert senders.write(daemon, good, path='/prometheus/api/v1/write') == (204, '')
    assert senders.write(daemon, good, headers={'X': 'old senders say nothing'}).status == 204
    assert senders.last_values(daemon, 'good') == {'good{a="b",instance=""}': 1}
    assert senders.write(daemon, good, role='viewer').status == 403
    assert senders.write(daemon, good, role=None).status == 401


@pytest.mark.parametrize('labels,why', [
    ([('__name__', 'bad'), ('a', '1'), ('a', '2')], 'bad'),
    ([('__name__', 'bad'), ('', '1')], 'bad'),
    ([('__name__', 'bad'), ('a', b'\xff\xfe')], 'bad'),
    ([], ''),
    ([('__name__', 'bad'), ('a', 'x' * 10_000_000)], 'bad'),
    ([('__name__', 'bad')] + [(f'label{i}', 'x') for i in range(20000)], 'bad'),
], ids=['twice', 'no_name', 'no_utf8', 'no_labels', 'ten_megabytes', 'many_labels'])
def test_a_wrong_series_is_named_and_the_others_are_stored(daemon, labels, why):
    now = now_ms()
    before = daemon.metric('auspex_remote_write_refused_total') or 0
    said = senders.write(daemon, series(labels, [(now, 1)]) + series([('__name__', 'good')], [(now, 2)]))
    assert said.status == 400 and '1 of 2 samples were refused' in said.body and why in said.body
    assert len(said.body) < 5000
    assert senders.last_values(daemon, '{__name__=~"good|bad"}') == {'good{instance=""}': 2}
    assert daemon.metric('auspex_remote_write_refused_total') == before + 1


def test_a_sample_of_the_future_freezes_nothing(daemon):
    now = now_ms()
    said = senders.write(daemon, series([('__name__', 'clock')], [(now + 7_200_000, 1)]) +
                         series([('__name__', 'other')], [(now, 2)]))
    assert said.status == 400 and 'clock' in said.body
    assert senders.write(daemon, series([('__name__', 'clock')], [(now, 3)])).status == 204
    assert senders.last_values(daemon, '{__name__=~"clock|other"}') == {'clock{instance=""}': 3, 'other{instance=""}': 2}


def test_late_samples_and_repeats_are_fine(daemon):
    now = now_ms()
    for when, value in [(now, 1), (now - 60_000, 2), (now, 1), (now - 3_600_000, 3)]:
        assert senders.write(daemon, series([('__name__', 'late')], [(when, value)])).status == 204
    assert senders.last_values(daemon, 'late') == {'late{instance=""}': 1}


@pytest.mark.parametrize('body,headers,status,words', [
    (b'', {}, 400, 'snappy'),
    (b'not snappy at all', {}, 400, 'snappy'),
    (snappy(b'\x0a\x05xx'), {}, 400, 'protobuf'),
    (snappy(series([('__name__', 'cut')], [(1, 1)])[:-3]), {}, 400, 'protobuf'),
    (b'\xff\xff\xff\xff\x0f' + b'\0' * 50, {}, 413, 'at most'),
    (b'\x80\x80\x80\x0f' + b'\0' * 50, {}, 400, 'promises'),
    (b'\0' * (17 << 20), {}, 413, 'at most'),
    (snappy(b''), {'Content-Type': 'application/json'}, 415, 'application/json'),
    (snappy(b''), {'Content-Type': 'application/x-protobuf;proto=some.Other'}, 415, 'some.Other'),
    (snappy(b''), {'Content-Encoding': 'zstd'}, 415, 'zstd'),
], ids=['empty', 'no_snappy', 'no_protobuf', 'cut', 'bomb', 'lie', 'too_large', 'json', 'other_message', 'zstd'])
def test_what_is_no_request_is_refused(daemon, body, headers, status, words):
    said = daemon.post('/api/v1/write', body, headers=senders.HEADERS_1 | headers, role='ingest')
    assert said.status == status and words in said.body, said.body
    assert daemon.get('/-/ready').status == 200


def test_series_beyond_the_limit_are_refused_and_old_ones_go_on(make_daemon):
    daemon = make_daemon(config='storage: { series_max_per_source: 1000 }')
    now = now_ms()
    old = series([('__name__', 'old')], [(now, 1)])
    assert senders.write(daemon, old).status == 204
    for start in range(0, 100_000, 20_000):
        storm = b''.join(series([('__name__', 'storm'), ('id', str(i))], [(now, i)]) for i in range(start, start + 20_000))
        said = senders.write(daemon, storm)
        assert said.status == 400 and '1000' in said.body and 'series' in said.body, said.body
    assert senders.write(daemon, series([('__name__', 'old')], [(now + 1, 2)])).status == 204
    assert senders.last_values(daemon, 'old') == {'old{instance=""}': 2}
    assert len(senders.last_values(daemon, 'storm')) < 1000
    other = daemon.post('/api/v1/write', snappy(series([('__name__', 'other')], [(now, 1)])),
                        headers=senders.HEADERS_1 | {'Authorization': f'Bearer {daemon.token("ingest", name="second")}'})
    assert other.status == 204


def test_a_client_that_hangs_in_its_body_holds_up_nobody(daemon):
    head = (f'POST /api/v1/write HTTP/1.1\r\nHost: {daemon.url[7:]}\r\nAuthorization: Bearer {daemon.token("ingest")}\r\n'
            'Content-Encoding: snappy\r\nContent-Length: 100000\r\n\r\n').encode()
    host, port = daemon.url[7:].split(':')
    hung = [socket.create_connection((host, int(port))) for _ in range(50)]
    for one in hung:
        one.sendall(head + b'\x01')
    assert senders.write(daemon, series([('__name__', 'good')], [(now_ms(), 1)])).status == 204
    for one in hung:
        one.close()


def request_2(symbols, *many):
    return b''.join(field(4, symbol) for symbol in symbols) + b''.join(field(5, one) for one in many)


def test_version_2_says_what_it_wrote(daemon):
    now = now_ms()
    symbols = ['', '__name__', 'two', 'a', 'b', 'trace_id', 'abc', 'Help.']
    sample = field(2, field(1, 4.0) + field(2, now) + field(3, now - 1000))
    histogram = field(3, field(1, 3) + field(3, 6.0) + field(4, 0) + field(6, 1) + field(11, field(1, 0) + field(2, 1)) +
                      field(12, b'\x04') + field(15, now))
    exemplar = field(4, field(1, b'\x05\x06') + field(2, 1.5) + field(3, now))
    labels = field(1, b'\x01\x02\x03\x04')
    said = senders.write(daemon, request_2(symbols, labels + sample + exemplar + field(5, field(1, 2) + field(3, 7)),
                                           field(1, b'\x01\x02') + histogram), headers=senders.HEADERS_2)
    assert said.status == 204, said.body
    written = [said.headers[f'X-Prometheus-Remote-Write-{what}-Written'] for what in ('Samples', 'Histograms', 'Exemplars')]
    assert written == ['1', '1', '1']
    assert senders.last_values(daemon, 'two') == {'two{a="b",instance=""}': 4}

    said = senders.write(daemon, request_2(symbols, labels + sample, labels), headers=senders.HEADERS_2)
    assert said.status == 400 and 'neither samples nor histograms' in said.body
    assert said.headers['X-Prometheus-Remote-Write-Samples-Written'] == '1'
    said = senders.write(daemon, request_2(symbols, field(1, b'\x01\x63') + sample), headers=senders.HEADERS_2)
    assert said.status == 400 and 'symbol 99' in said.body
    assert said.headers['X-Prometheus-Remote-Write-Samples-Written'] == '0'


def test_nothing_is_acknowledged_while_the_disk_takes_no_writes(make_daemon):
    daemon = make_daemon(failpoints='wal.write=error,wal.retry=error')
    sample = series([('__name__', 'kept')], [(now_ms(), 1)])
    for headers in (senders.HEADERS_1, senders.HEADERS_2):
        message = sample if headers is senders.HEADERS_1 else request_2(
            ['', '__name__', 'kept'], field(1, b'\x01\x02') + field(2, field(1, 1.0) + field(2, now_ms())))
        said = senders.write(daemon, message, headers=headers)
        assert said.status == 503 and int(said.headers['Retry-After']) > 0, said.body
        assert said.headers['X-Prometheus-Remote-Write-Samples-Written'] == '0'
    point = {'timeUnixNano': str(time.time_ns()), 'asInt': '1'}
    metrics = [{'name': 'kept', 'gauge': {'dataPoints': [point]}}]
    said = daemon.post('/v1/metrics', {'resourceMetrics': [{'scopeMetrics': [{'metrics': metrics}]}]}, role='ingest')
    assert said.status == 503 and said.headers['Retry-After'] and said.body['code'] == 14
    assert daemon.get('/-/healthy').status == 200
    daemon.kill()
