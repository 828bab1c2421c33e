"""/prometheus/federate and remote_read, asked by hand; that a real Prometheus reads from us is in test_remote_write.py."""
import time
import urllib.parse

import harness
import senders
from senders import field, series


def federate(daemon, *selectors, **headers):
    query = urllib.parse.urlencode([('match[]', one) for one in selectors])
    return daemon.get(f'/prometheus/federate?{query}', headers=headers, role='viewer')


def test_families_are_grouped_and_sorted_with_their_times(daemon):
    now = int(time.time() * 1000)
    stale = senders.struct.unpack('<d', (0x7ff0000000000002).to_bytes(8, 'little'))[0]
    body = b''.join([series([('__name__', 'zeta'), ('a', 'x"\\\n')], [(now - 5, 1)]),
                     series([('__name__', 'alpha'), ('instance', 'i2')], [(now, 2.5)]),
                     series([('__name__', 'alpha'), ('instance', 'i1')], [(now - 1000, 1), (now, 3)]),
                     series([('__name__', 'old')], [(now - 400_000, 1)]),
                     series([('__name__', 'ended')], [(now - 1000, 1), (now, stale)])])
    assert senders.write(daemon, body).status == 204
    said = federate(daemon, '{__name__=~"alpha|zeta|old|ended"}', 'alpha')
    assert said.headers['Content-Type'].startswith('text/plain; version=0.0.4')
    assert said.body == (f'# TYPE alpha untyped\nalpha{{instance="i1"}} 3 {now}\nalpha{{instance="i2"}} 2.5 {now}\n'
                         f'# TYPE zeta untyped\nzeta{{a="x\\"\\\\\\n",instance=""}} 1 {now - 5}\n')
    said = federate(daemon, 'zeta', Accept='application/openmetrics-text;version=1.0.0;q=0.9,text/plain;q=0.5')
    assert said.headers['Content-Type'].startswith('application/openmetrics-text')
    assert said.body.startswith('# TYPE zeta unknown\n') and said.body.endswith(f'{(now - 5) / 1000:.3f}\n# EOF\n')


def test_selectors_that_are_none_are_refused(daemon):
    assert federate(daemon, 'up{').status == 400
    assert federate(daemon).body == ''
    assert daemon.get('/prometheus/federate?match[]=up', role='ingest').status == 403


def test_reads_that_are_none_are_refused(daemon):
    for body, status in [(b'', 400), (b'none', 400), (senders.snappy(b'\x0a\x05'), 400),
                         (senders.snappy(field(1, field(3, field(1, 2) + field(2, 'a') + field(3, '(')))), 400),
                         (senders.snappy(field(1, field(3, field(1, 9) + field(2, 'a') + field(3, 'b')))), 400)]:
        assert daemon.post('/api/v1/read', body, role='viewer').status == status
    assert daemon.post('/api/v1/read', b'', role='ingest').status == 403


def test_a_read_answers_samples_to_those_who_ask_for_nothing_else(daemon):
    now = int(time.time() * 1000)
    assert senders.write(daemon, series([('__name__', 'one')], [(now - 1000, 1), (now, 2)])).status == 204
    query = field(1, now - 2000) + field(2, now) + field(3, field(2, '__name__') + field(3, 'one'))
    said = daemon.post('/prometheus/api/v1/read', senders.snappy(field(1, query)), role='viewer')
    assert said.status == 200 and said.headers['Content-Encoding'] == 'snappy'
    expected = field(1, series([('__name__', 'one')], [(now - 1000, 1), (now, 2)]))
    assert said.raw[0] == len(expected) and said.raw.count(b'__name__') == 1


def test_a_real_prometheus_scrapes_it(daemon):
    scraper = senders.Prometheus(f'''
global: {{ scrape_interval: 250ms }}
scrape_configs:
  - job_name: federate
    honor_labels: true
    metrics_path: /prometheus/federate
    params: {{ 'match[]': ['{{job="node"}}'] }}
    authorization: {{ credentials: {daemon.token('viewer')} }}
    static_configs: [{{ targets: ['{daemon.url[7:]}'] }}]
''').start()
    harness.wait_until(lambda: scraper.query('up{job="federate"} == 1', time.time()), 20, 'it is scraped')
    harness.wait_until(lambda: len(scraper.query('{job="node"}', time.time())) > 100, 20, 'the host is there')
