"""Targets are scraped as Prometheus scrapes them: found, read, relabelled, ended, and shown with what went wrong."""
import gzip
import http.server
import json
import shutil
import threading
import urllib.parse
import urllib.request

import pytest

import harness
from harness import wait_until

SCRAPE = 'global: { scrape_interval: 200ms, scrape_timeout: 200ms }\n'


class Exporter:
    """A target that answers with what it is told to."""

    def __init__(self, body='up_since 1\n', content_type='text/plain; version=0.0.4'):
        exporter = self
        self.answer(body, content_type)
        self.asked = []
        self.wait = threading.Event()  # set: answer; cleared: hang
        self.wait.set()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                exporter.asked.append((self.path, dict(self.headers)))
                exporter.wait.wait(20)
                status, body, headers = exporter.reply
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    for chunk in [body] if isinstance(body, bytes) else body:
                        self.wfile.write(chunk)
                except OSError:
                    pass

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.address = '127.0.0.1:%d' % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, body, content_type='text/plain; version=0.0.4', status=200, **headers):
        if isinstance(body, str):
            body = body.encode()
        self.reply = (status, body, {'Content-Type': content_type, 'Connection': 'close', **headers})

    def close(self):
        self.wait.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def exporter():
    it = Exporter()
    yield it
    it.close()


def query(daemon, expr, **more):
    reply = daemon.get('/prometheus/api/v1/query?' + urllib.parse.urlencode({'query': expr, **more}))
    assert reply.status == 200, reply.body
    return {json.dumps(it['metric'], sort_keys=True): float(it['value'][1]) for it in reply.body['data']['result']}


def value(daemon, expr):
    found = query(daemon, expr)
    return next(iter(found.values())) if len(found) == 1 else None


def targets(daemon, job):
    return [it for it in daemon.get('/prometheus/api/v1/targets').body['data']['activeTargets'] if it['scrapePool'] == job]


def config(exporter, more='', top=''):
    return f"{SCRAPE}{top}scrape_configs:\n  - job_name: app\n    static_configs: [{{ targets: ['{exporter.address}'], labels: {{ team: web }} }}]\n{more}"


def test_a_target_becomes_series(make_daemon, exporter):
    exporter.answer('# HELP http_total Requests.\n# TYPE http_total counter\nhttp_total{code="200",job="own"} 7\n'
                    'empty{a=""} 1\n{"my.metric",x="y"} 2.5\n')
    daemon = make_daemon(config=config(exporter))
    wait_until(lambda: value(daemon, 'http_total') == 7, 10, 'the counter is stored')
    labels = json.loads(next(iter(query(daemon, 'http_total'))))
    assert labels == {'__name__': 'http_total', 'code': '200', 'exported_job': 'own', 'job': 'app', 'team': 'web', 'instance': exporter.address}
    assert value(daemon, '{"my.metric"}') == 2.5
    assert value(daemon, 'up{job="app"}') == 1
    assert value(daemon, 'scrape_samples_scraped{job="app"}') == 3
    wait_until(lambda: value(daemon, 'scrape_series_added{job="app"}') == 0, 10, 'later scrapes add no series')
    meta = daemon.get('/prometheus/api/v1/metadata?metric=http_total').body['data']['http_total'][0]
    assert (meta['type'], meta['help']) == ('counter', 'Requests.')
    path, headers = exporter.asked[0]
    assert path == '/metrics' and 'openmetrics' in headers['Accept'] and headers['X-Prometheus-Scrape-Timeout-Seconds'] == '0.2'
    target = targets(daemon, 'app')[0]
    assert target['health'] == 'up' and target['lastError'] == '' and target['scrapeUrl'] == f'http://{exporter.address}/metrics'
    assert target['discoveredLabels']['__address__'] == exporter.address


def test_what_vanishes_ends_and_a_failed_scrape_ends_everything(make_daemon, exporter):
    exporter.answer('a 1\nb 2\n')
    daemon = make_daemon(config=config(exporter))
    wait_until(lambda: value(daemon, 'b') == 2, 10, 'both are there')
    exporter.answer('a 1\n')
    wait_until(lambda: value(daemon, 'b') is None, 10, 'b ended, long before the lookback would say so')
    assert value(daemon, 'a') == 1
    exporter.answer('oops', status=500)
    wait_until(lambda: value(daemon, 'up{job="app"}') == 0, 10, 'up says it')
    wait_until(lambda: value(daemon, 'a') is None, 10, 'a ended')
    target = targets(daemon, 'app')[0]
    assert target['health'] == 'down' and 'HTTP status 500' in target['lastError']
    exporter.answer('a 3\n')
    wait_until(lambda: value(daemon, 'a') == 3, 10, 'it is back')


@pytest.mark.parametrize('name,answer,said', [
    ('html', dict(body='<html><body>It works!</body></html>', content_type='text/html'), 'expected the name of a metric'),
    ('half', dict(body='a 1\nb{c="d'), 'closing quote'),
    ('garbage', dict(body=bytes(range(256)) * 10), 'expected the name'),
    ('twice', dict(body='a{b="1",b="2"} 1\n'), 'appears twice'),
    ('no end', dict(body='a 1\n', content_type='application/openmetrics-text; version=1.0.0'), '# EOF'),
    ('redirect', dict(body='', status=302, Location='http://127.0.0.1:1/'), 'HTTP status 302'),
    ('many', dict(body=''.join(f'm{i} 1\n' for i in range(200))), 'more than 100 samples'),
    ('large', dict(body=(b'x' * 65536 for _ in range(100))), 'more than 1048576 bytes'),
    ('bomb', dict(body=gzip.compress(b'a 1\n' * 1000000), **{'Content-Encoding': 'gzip'}), 'more than 1048576 bytes'),
])
def test_bad_answers_are_named_and_store_nothing(make_daemon, exporter, name, answer, said):
    exporter.answer(**answer)
    daemon = make_daemon(config=config(exporter, '    sample_limit: 100\n    body_size_limit: 1MiB\n'))
    error = wait_until(lambda: targets(daemon, 'app') and targets(daemon, 'app')[0]['lastError'], 10, 'the error is shown')
    if name not in ('large',):  # a generator answers once
        assert said in error, error
    assert value(daemon, 'up{job="app"}') == 0
    assert query(daemon, '{job="app",__name__=~"a|b|m0"}') == {}


def test_a_target_that_hangs_keeps_nobody_waiting(make_daemon, exporter):
    slow = Exporter()
    slow.wait.clear()
    try:
        exporter.answer('a 1\n')
        daemon = make_daemon(config=config(exporter) + f"  - job_name: slow\n    static_configs: [{{ targets: ['{slow.address}'] }}]\n")
        wait_until(lambda: targets(daemon, 'slow') and targets(daemon, 'slow')[0]['health'] == 'down', 10, 'the slow one is down')
        assert 'in time' in targets(daemon, 'slow')[0]['lastError']
        assert value(daemon, 'up{job="app"}') == 1 and value(daemon, 'a') == 1
    finally:
        slow.close()


def test_metric_relabelling_and_honoured_labels(make_daemon, exporter):
    exporter.answer('keep{code="200"} 1\ndrop_me 2\nrename{old="x"} 3\nmine{job="batch",instance="i"} 4\nat 5 1000000\n')
    daemon = make_daemon(config=config(exporter, '''    honor_labels: true
    honor_timestamps: false
    metric_relabel_configs:
      - { source_labels: [__name__], regex: drop_.*, action: drop }
      - { source_labels: [old], target_label: new, regex: (.+), replacement: '<$1>' }
      - { regex: old, action: labeldrop }
'''))
    wait_until(lambda: value(daemon, 'keep') == 1, 10, 'the first is stored')
    assert query(daemon, 'drop_me') == {}
    assert 'new' in json.loads(next(iter(query(daemon, 'rename')))) and 'old' not in json.loads(next(iter(query(daemon, 'rename'))))
    assert json.loads(next(iter(query(daemon, 'mine'))))['job'] == 'batch'
    assert value(daemon, 'at') == 5  # now, not 1970
    assert value(daemon, 'scrape_samples_post_metric_relabeling{job="app"}') == 4


def test_targets_in_files_come_and_go(make_daemon, exporter):
    exporter.answer('a 1\n')
    daemon = make_daemon(config=SCRAPE + '''scrape_configs:
  - job_name: files
    file_sd_configs: [ { files: ['sd/*.json'], refresh_interval: 1s } ]
    relabel_configs: [ { source_labels: [env], regex: test, action: drop } ]
''')
    folder = daemon.folder / 'sd'
    folder.mkdir()
    folder.chmod(0o755)

    def write(text):
        (folder / 'x.new').write_text(text)
        (folder / 'x.new').rename(folder / 'x.json')
    write(json.dumps([{'targets': [exporter.address], 'labels': {'env': 'prod'}}, {'targets': ['127.0.0.1:9'], 'labels': {'env': 'test'}}]))
    wait_until(lambda: value(daemon, 'a{env="prod"}') == 1, 15, 'the target of the file is scraped')
    all_of = daemon.get('/prometheus/api/v1/targets').body['data']
    assert [it['discoveredLabels']['env'] for it in all_of['droppedTargets'] if it['scrapePool'] == 'files'] == ['test']
    assert all_of['droppedTargetCounts']['files'] == 1
    write('[{"targets": ["127.0')  # half written: what was known stays
    wait_until(lambda: daemon.log_text().count('discovery') > 0, 15, 'the half file is complained about')
    assert value(daemon, 'a{env="prod"}') == 1
    write('[]')
    wait_until(lambda: targets(daemon, 'files') == [] and value(daemon, 'a') is None, 15, 'the target is gone and its series ended')


def test_reload_keeps_targets_and_refuses_what_is_wrong(make_daemon, exporter):
    exporter.answer('a 1\n')
    daemon = make_daemon(config=config(exporter))
    wait_until(lambda: value(daemon, 'a') == 1, 10, 'it is scraped')
    daemon.write_config(config(exporter, '    metric_relabel_configs: [ { target_label: fresh, replacement: yes } ]\n'))
    assert daemon.post('/-/reload').status in (200, 204)
    wait_until(lambda: value(daemon, 'a{fresh="yes"}') == 1, 10, 'the new rules hold')
    daemon.write_config(config(exporter, '    metric_relabel_configs: [ { regex: "(" } ]\n'))
    assert daemon.post('/-/reload').status >= 400
    before = len(exporter.asked)
    wait_until(lambda: len(exporter.asked) > before + 3, 10, 'the old configuration goes on')


@pytest.mark.skipif(not shutil.which('prometheus') or not shutil.which('prometheus-node-exporter'), reason='prometheus and its node exporter are not installed')
def test_the_same_target_gives_the_same_series_as_with_prometheus(make_daemon):
    node = harness.Process('node')
    port, prometheus_port = harness.free_port(), harness.free_port()
    node.spawn(['prometheus-node-exporter', f'--web.listen-address=127.0.0.1:{port}'])
    text = f"global: {{ scrape_interval: 1s, scrape_timeout: 1s }}\nscrape_configs:\n  - job_name: n\n    static_configs: [{{ targets: ['127.0.0.1:{port}'] }}]\n"
    prometheus = harness.Process('prometheus')
    (prometheus.folder / 'p.yml').write_text(text)
    prometheus.spawn(['prometheus', '--config.file=p.yml', f'--web.listen-address=127.0.0.1:{prometheus_port}', f'--storage.tsdb.path={prometheus.folder}/d'])
    daemon = make_daemon(config=text)

    def theirs():
        try:
            with urllib.request.urlopen(f'http://127.0.0.1:{prometheus_port}/api/v1/query?query=%7Bjob%3D%22n%22%7D', timeout=5) as reply:
                return {json.dumps(it['metric'], sort_keys=True) for it in json.load(reply)['data']['result']}
        except OSError:
            return set()
    # Series that come and go by themselves (promhttp's codes) settle after the first scrapes.
    wait_until(lambda: len(theirs()) > 300 and theirs() == set(query(daemon, '{job="n"}')), 30, 'both have the same series')
