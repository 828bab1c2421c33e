"""Prometheus' HTTP API: what a real Prometheus answers to the same samples, we answer too; and so to nonsense."""
import concurrent.futures
import json
import math
import shutil
import socket
import time
import urllib.parse

import pytest

import harness
import senders

API = '/prometheus/api/v1'
STEP = 15_000
COUNT = 41


def samples(start):
    """Ten minutes of counters, gauges, a histogram, and values that are hard to write."""
    times = [start + i * STEP for i in range(COUNT)]
    out = b''
    for i, (instance, code) in enumerate((a, b) for a in ('one:80', 'two:80') for b in ('200', '404', '500')):
        labels = [('__name__', 'http_requests_total'), ('code', code), ('instance', instance), ('job', 'web')]
        out += senders.series(labels, [(t, float((k * (i + 3)) % 97 if i == 4 else k * (i + 1.25))) for k, t in enumerate(times)])
    for instance in ('one:80', 'two:80'):
        labels = [('__name__', 'temperature'), ('instance', instance), ('job', 'web'), ('room', 'caf\u00e9 "9\\3"\n')]
        out += senders.series(labels, [(t, math.sin(k) * 30) for k, t in enumerate(times)])
        for bound in ('0.1', '1', '10', '+Inf'):
            labels = [('__name__', 'latency_bucket'), ('instance', instance), ('job', 'web'), ('le', bound)]
            weight = {'0.1': 1, '1': 3, '10': 4, '+Inf': 5}[bound]
            out += senders.series(labels, [(t, float(k * weight)) for k, t in enumerate(times)])
    hard = [1e21, 1e-7, -0.0, math.inf, -math.inf, math.nan, 1 / 3, 123456789.125, 5e-324, 1.7976931348623157e308, 1e20, 0.000001]
    for i, value in enumerate(hard):
        out += senders.series([('__name__', 'hard'), ('i', str(i)), ('job', 'hard')], [(times[-1], value)])
    return out


def calls(start, end):
    """Path and parameters."""
    start, end = start + 8_000, end + 8_000
    at = end / 1000
    range_ = {'start': f'{start / 1000}', 'end': f'{at}', 'step': '30'}
    web = 'http_requests_total{job="web"}'
    for query in (
            web, 'hard', '1', '-1.5e-7', '"text"', f'{web}[1m]', 'temperature{job="web"}', f'sum by (code) (rate({web}[5m]))',
            f'topk(2, {web})', f'bottomk(1, {web}) by (code)', 'absent(nothing_here)', 'vector(time())', f'{web} > 100',
            f'{web} / ignoring (code) group_left sum without (code) ({web})', f'count_values("v", {web})', f'sort_desc({web})',
            f'max_over_time(rate({web}[1m])[5m:30s])', f'{web} offset 1m', f'{web} @ {at - 60}', 'histogram_quantile(0.9, rate(latency_bucket[5m]))',
            'sum(temperature) by (room)', f'label_replace({web}, "host", "$1", "instance", "(.*):.*")', f'-{web}', 'nothing_here',
            f'quantile(0.5, {web})', 'scalar(sum(temperature))', f'changes({web}[5m])', f'{web} and on (instance) temperature'):
        yield '/query', {'query': query, 'time': at}
    for query in (web, f'rate({web}[2m])', '1', 'time()', f'sum({web})', 'hard', 'histogram_quantile(0.5, rate(latency_bucket[2m]))',
                  'temperature > 0', f'sum by (code) (increase({web}[1m]))', 'nothing_here', f'stddev({web})'):
        yield '/query_range', range_ | {'query': query}
    yield '/query_range', range_ | {'query': web, 'step': '1m30s'}
    yield '/query_range', {'query': web, 'start': start / 1000, 'end': at, 'step': '7.5'}
    yield '/query', {'query': web, 'time': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(at - 5))}
    yield '/query', {'query': web, 'time': at + 250}
    for match in (['http_requests_total'], ['temperature', 'hard'], ['{job="web"}', 'temperature'], ['{__name__=~"h.*",job=~"web|hard"}'], ['nothing_here']):
        yield '/series', {'match[]': match, 'start': start / 1000, 'end': at}
        yield '/labels', {'match[]': match, 'start': start / 1000, 'end': at}
        for name in ('job', '__name__', 'code', 'nothing'):
            yield f'/label/{name}/values', {'match[]': match, 'start': start / 1000, 'end': at}
    yield '/format_query', {'query': f'sum(rate({web}[5m]))by(code)'}
    yield '/query_exemplars', {'query': web, 'start': start / 1000, 'end': at}
    yield '/alertmanagers', {}
    yield '/query', {'query': 'sum('}
    yield '/query', {'query': '1', 'time': 'never'}
    yield '/query_range', range_ | {'query': web, 'step': '0'}
    yield '/query_range', range_ | {'query': web, 'step': '0.001'}
    yield '/query_range', range_ | {'query': f'{web}[5m]'}
    yield '/series', {}


def encoded(parameters):
    return urllib.parse.urlencode(parameters, doseq=True)


def alike(wanted, have):
    """Equal, but for the last digits of numbers: 3.x adds up more carefully than the old one beside us."""
    if isinstance(wanted, dict) and isinstance(have, dict):
        return wanted.keys() == have.keys() and all(alike(wanted[key], have[key]) for key in wanted)
    if isinstance(wanted, list) and isinstance(have, list):
        return len(wanted) == len(have) and all(map(alike, wanted, have))
    if wanted == have:
        return True
    try:
        return math.isclose(float(wanted), float(have), rel_tol=1e-12)
    except (TypeError, ValueError):
        return False


def settled(body):
    """Without what may differ: the order of a vector, and the name of each server's own."""
    if not isinstance(body, dict):
        return body
    body = dict(body)
    body.pop('warnings', None), body.pop('infos', None)
    data = body.get('data')
    if isinstance(data, dict) and data.get('resultType') in ('vector', 'matrix'):
        data['result'] = sorted(data['result'], key=lambda one: json.dumps(one['metric'], sort_keys=True))
    if isinstance(data, list) and data and isinstance(data[0], dict):
        body['data'] = sorted(data, key=lambda one: json.dumps(one, sort_keys=True))
    return body


@pytest.fixture
def pair(daemon):
    """We and a real Prometheus, with the same samples. No window ends at one: there 2.x and 3.x differ."""
    if not shutil.which('prometheus'):
        pytest.skip('no prometheus on this machine')
    peer = senders.Prometheus('global: {}\n', '--web.enable-remote-write-receiver').start()
    end = int(time.time() * 1000) // 60_000 * 60_000 - 8_000
    start = end - (COUNT - 1) * STEP
    message = samples(start)
    assert senders.write(daemon, message).status == 204
    said = harness.request(peer.url, 'POST', '/api/v1/write', senders.snappy(message), senders.HEADERS_1)
    assert said.status == 204, said.body
    return daemon, peer, start, end


def test_we_answer_what_prometheus_answers(pair):
    daemon, peer, start, end = pair
    different = []
    for path, parameters in calls(start, end):
        theirs = harness.request(peer.url, 'GET', f'/api/v1{path}?{encoded(parameters)}')
        ours = daemon.get(f'{API}{path}?{encoded(parameters)}', role='viewer')
        wanted, have = settled(theirs.body), settled(ours.body)
        if theirs.status == 400 and ours.status == 400:  # the words are those of 3.x
            wanted, have = wanted['errorType'], have['errorType']
        if path == '/query_exemplars' and not wanted.get('data'):
            wanted, have = bool(wanted.get('data')), bool(have.get('data'))
        if theirs.status != ours.status or not alike(wanted, have):
            different.append((path, parameters, theirs.status, theirs.raw[:600], ours.status, ours.raw[:600]))
    assert not different, '\n'.join(map(str, different))


def test_a_form_is_as_good_as_an_address(pair):
    daemon, _, start, end = pair
    form = {'Content-Type': 'application/x-www-form-urlencoded'}
    for path, parameters in calls(start, end):
        if path.startswith('/label/') or path == '/alertmanagers':
            continue
        by_get = daemon.get(f'{API}{path}?{encoded(parameters)}', role='viewer')
        by_post = daemon.post(f'{API}{path}', encoded(parameters), headers=form, role='viewer')
        assert (by_get.status, by_get.body) == (by_post.status, by_post.body), (path, parameters)


WRONG = [
    ('/query', {}, 400, 'bad_data', 'invalid parameter "query": unknown position: parse error: no expression found in input'),
    ('/query', {'query': 'foo bar'}, 400, 'bad_data', 'invalid parameter "query": 1:5: parse error: unexpected identifier "bar"'),
    ('/query', {'query': 'nosuch(1)'}, 400, 'bad_data', 'unknown function with name "nosuch"'),
    ('/query', {'query': '1', 'time': 'x'}, 400, 'bad_data', "invalid time value for 'time': cannot parse \"x\" to a valid timestamp"),
    ('/query', {'query': '1', 'time': 'NaN'}, 400, 'bad_data', 'cannot parse'),
    ('/query', {'query': '1', 'time': '1e400'}, 400, 'bad_data', 'cannot parse'),
    ('/query', {'query': '1', 'limit': '-1'}, 400, 'bad_data', 'limit must be non-negative'),
    ('/query', {'query': '1', 'limit': '1.5'}, 400, 'bad_data', 'strconv.Atoi: parsing "1.5": invalid syntax'),
    ('/query', {'query': '1', 'timeout': 'soon'}, 400, 'bad_data', 'invalid parameter "timeout"'),
    ('/query', {'query': '1', 'lookback_delta': 'soon'}, 400, 'bad_data', 'error parsing lookback delta duration'),
    ('/query', {'query': '(' * 100_000}, 400, 'bad_data', 'levels deep'),
    ('/query', {'query': '1+' * 50_000 + '1'}, 400, 'bad_data', 'levels deep'),
    ('/query', {'query': 'up{a=~"' + 'x' * 20_000 + '"}'}, 400, 'bad_data', 'regular expression'),
    ('/query', {'query': 'up{a=~"(a"}'}, 400, 'bad_data', 'error parsing regexp: missing closing ): `(a`'),
    ('/query', {'query': ' ' * 1_100_000}, 422, 'execution', 'query'),
    ('/query', {'query': 'http_requests_total + on (job) http_requests_total'}, 422, 'execution', 'many-to-many'),
    ('/query_range', {'query': '1'}, 400, 'bad_data', 'invalid parameter "start": cannot parse "" to a valid timestamp'),
    ('/query_range', {'query': '1', 'start': 0, 'end': -1, 'step': 1}, 400, 'bad_data', 'end timestamp must not be before start time'),
    ('/query_range', {'query': '1', 'start': 0, 'end': 9, 'step': 0}, 400, 'bad_data', 'zero or negative query resolution'),
    ('/query_range', {'query': '1', 'start': 0, 'end': 9, 'step': '1e300'}, 400, 'bad_data', 'It overflows int64'),
    ('/query_range', {'query': '1', 'start': 0, 'end': 11001, 'step': 1}, 400, 'bad_data', 'exceeded maximum resolution of 11,000 points'),
    ('/query_range', {'query': 'up[5m]', 'start': 0, 'end': 9, 'step': 1}, 400, 'bad_data', 'must be Scalar or instant Vector'),
    ('/query_range', {'query': '1', 'start': '1e300', 'end': '1e301', 'step': 1}, 200, None, None),
    ('/series', {}, 400, 'bad_data', 'no match[] parameter provided'),
    ('/series', {'match[]': '{}'}, 400, 'bad_data', 'match[] must contain at least one non-empty matcher'),
    ('/series', {'match[]': 'up{'}, 400, 'bad_data', 'invalid parameter "match[]": 1:4: parse error'),
    ('/series', {'match[]': 'up', 'start': 'x'}, 400, 'bad_data', 'invalid parameter "start"'),
    ('/labels', {'match[]': 'up + 1'}, 400, 'bad_data', '1:4: parse error: unexpected <op:+>'),
    ('/labels', {'limit': 'many'}, 400, 'bad_data', 'strconv.Atoi'),
    ('/label/%FF/values', {}, 400, None, None),
    ('/metadata', {'limit': 'x'}, 400, 'bad_data', 'limit must be a number'),
    ('/query_exemplars', {'query': 'up', 'start': 5, 'end': 1}, 400, 'bad_data', 'end timestamp must not be before start'),
    ('/rules', {'type': 'x'}, 400, 'bad_data', 'not supported value "x"'),
    ('/rules', {'group_limit': '0'}, 400, 'bad_data', 'group_limit needs to be greater than 0'),
    ('/rules', {'group_next_token': 'x'}, 400, 'bad_data', 'group_limit needs to be present'),
    ('/rules', {'exclude_alerts': 'maybe'}, 400, 'bad_data', 'error converting exclude_alerts'),
    ('/format_query', {'query': 'a b'}, 400, 'bad_data', 'parse error'),
    ('/nosuch', {}, 404, None, None),
]


def test_nonsense_is_refused_in_the_words_of_prometheus(daemon):
    now = int(time.time() * 1000)
    message = b''.join(senders.series([('__name__', 'http_requests_total'), ('code', code), ('job', 'web')], [(now, 1.0)])
                       for code in ('200', '404'))
    assert senders.write(daemon, message).status == 204
    form = {'Content-Type': 'application/x-www-form-urlencoded'}
    for path, parameters, status, kind, words in WRONG:
        long = len(encoded(parameters)) > 8000
        said = daemon.post(API + path, encoded(parameters), headers=form) if long else daemon.get(f'{API}{path}?{encoded(parameters)}')
        assert said.status == status, (path, str(parameters)[:200], said.status, said.body)
        if kind:
            assert (said.body['status'], said.body['errorType']) == ('error', kind), (path, said.body)
            assert words in said.body['error'], (path, said.body)
    assert daemon.get(f'{API}/query?query=1').status == 200


def test_what_an_answer_may_take_is_bounded(make_daemon):
    daemon = make_daemon(config='''
query: { max_series: 50, max_samples: 3000, max_reply_bytes: 4000, max_concurrency: 1, max_points: 500, timeout: 3s, lookback_delta: 1m }
''')
    now = int(time.time() * 1000)
    for i in range(100):
        times = [(now - k * 1000, 1.0) for k in range(60)]
        assert senders.write(daemon, senders.series([('__name__', 'many'), ('i', str(i))], times)).status == 204

    def ask(query, path='/query', **more):
        return daemon.get(f'{API}{path}?{encoded({"query": query} | more)}')
    assert ask('many').status == 422
    assert ask('many{i=~"[1-4].?"}').status == 200
    assert ask('many{i=~"[1-4].?"} + many{i=~"[1-4].?"}').status == 422
    assert ask('vector(1)', '/query_range', start=0, end=501, step=1).status == 400
    large = ask('many{i="1"}', '/query_range', start=now / 1000 - 50, end=now / 1000 + 50, step=0.25)
    assert (large.status, large.body['errorType']) == (422, 'execution') and 'query.max_reply_bytes' in large.body['error']
    late = ask('many{i="1"}', time=now / 1000 + 90)
    assert late.body['data']['result'] == []
    assert ask('many{i="1"}', time=now / 1000 + 90, lookback_delta='5m').body['data']['result']
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        said = list(pool.map(lambda _: ask('sum(many{i=~"[1-4].?"})').status, range(64)))
    assert set(said) == {200}
    assert daemon.metric('auspex_promql_queries_in_flight') == 0


def test_a_query_waits_for_its_turn_and_ends_with_its_client(make_daemon):
    daemon = make_daemon(config='query: { max_concurrency: 1, max_samples: 100000000000, max_bytes: 64GiB, slow_query: 200ms }')
    long = encoded({'query': 'deriv(vector(time())[10d:1s]) # of nobody\n', 'start': 0, 'end': 5000, 'step': 1})
    token = daemon.token('viewer')
    where = urllib.parse.urlsplit(daemon.url)
    with socket.create_connection((where.hostname, where.port)) as client:
        client.sendall(f'GET {API}/query_range?{long} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n'.encode())
        harness.wait_until(lambda: daemon.metric('auspex_promql_queries_in_flight') == 1, 20, 'the long query runs')
        late = daemon.get(f'{API}/query?query=1&timeout=300ms')
        assert (late.status, late.body['errorType']) == (503, 'timeout') and 'queue' in late.body['error']
        slow = daemon.get(f'{API}/status/buildinfo')
        assert slow.status == 200
    harness.wait_until(lambda: daemon.metric('auspex_promql_queries_in_flight') == 0, 20, 'its client is gone, and so is it')
    assert daemon.metric('auspex_promql_queries_total', result='canceled') == 1
    assert 'slow query: deriv(vector(time())[10d:1s]) # of nobody\\n: ' in daemon.log_text()
    ended = daemon.get(f'{API}/query_range?{long}&timeout=500ms')
    assert (ended.status, ended.body['errorType']) == (503, 'timeout')


def test_roles_and_doors(daemon):
    assert daemon.get(f'{API}/query?query=1', role='viewer').status == 200
    assert daemon.get(f'{API}/query?query=1', role='ingest').status == 403
    nobody = daemon.get(f'{API}/query?query=1', role=None)
    assert (nobody.status, nobody.body['status']) == (401, 'error')
    assert daemon.get('/prometheus/-/healthy', role=None).body == 'Prometheus Server is Healthy.\n'
    assert daemon.get('/prometheus/-/ready', role=None).body == 'Prometheus Server is Ready.\n'
    for path in ('buildinfo', 'runtimeinfo', 'flags', 'config', 'walreplay', 'tsdb'):
        said = daemon.get(f'{API}/status/{path}', role='viewer')
        assert (said.status, said.body['status']) == (200, 'success'), path
    for path in ('rules', 'alerts', 'targets', 'targets/metadata', 'scrape_pools', 'alertmanagers', 'metadata', 'features', 'notifications'):
        said = daemon.get(f'{API}/{path}', role='viewer')
        assert (said.status, said.body['status']) == (200, 'success'), path
    assert daemon.get(f'{API}/features', role='viewer').body['data']['promql_functions']['rate'] is True


def test_samples_are_deleted_by_admins_alone(daemon):
    now = int(time.time() * 1000)
    for name in ('keep', 'drop'):
        assert senders.write(daemon, senders.series([('__name__', name)], [(now, 1.0)])).status == 204
    assert daemon.post(f'{API}/admin/tsdb/delete_series?match[]=drop', role='operator').status == 403
    assert daemon.post(f'{API}/admin/tsdb/delete_series').status == 400
    assert daemon.post(f'{API}/admin/tsdb/delete_series?match[]=drop').status == 204
    assert daemon.get(f'{API}/query?query=drop').body['data']['result'] == []
    assert len(daemon.get(f'{API}/query?query=keep').body['data']['result']) == 1
    assert daemon.post(f'{API}/admin/tsdb/clean_tombstones').status == 204
    made = daemon.post(f'{API}/admin/tsdb/snapshot')
    assert made.status == 200 and made.body['data']['name']


def test_queries_from_the_command_line(daemon):
    now = int(time.time() * 1000)
    assert senders.write(daemon, senders.series([('__name__', 'seen'), ('job', 'a')], [(now - 1000, 2.0), (now, 4.5)])).status == 204
    daemon.env |= {'AUSPEX_URL': daemon.url, 'AUSPEX_TOKEN': daemon.token('viewer')}
    assert daemon.cli('query', 'seen * 2').startswith('{job="a"} = 9 @ ')
    assert daemon.cli('query', '1 + 1').startswith('2 @ ')
    assert 'seen{job="a"}\n  ' in daemon.cli('query', '--range', '10s', '--step', '1s', 'seen')
    assert json.loads(daemon.cli('query', '--json', 'seen'))['status'] == 'success'
    daemon.cli('query', 'seen{', status=1)
    daemon.cli('query', status=2)
