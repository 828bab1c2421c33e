"""Rules: recorded series, alerts with their states and texts, reloads, restarts; each as Prometheus does it."""
import json
import shutil
import subprocess
import time
import urllib.parse

import pytest

from harness import wait_until

GLOBAL = 'global: { evaluation_interval: 200ms }\nrule_files: [ rules/*.yml ]\n'


@pytest.fixture
def ruled(make_daemon):
    """ruled(rules) - a daemon that evaluates these rules, given as the YAML of a group's list."""
    def start(rules, more=''):
        import harness
        daemon = harness.Daemon(config=GLOBAL + more)
        write(daemon, rules)
        return daemon.start()
    return start


def write(daemon, rules):
    folder = daemon.folder / 'rules'
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    (folder / 'x.yml').write_text('groups:\n  - name: g\n    rules:\n' + rules)


def query(daemon, expr, at=None):
    parameters = {'query': expr} | ({'time': at} if at else {})
    reply = daemon.get('/prometheus/api/v1/query?' + urllib.parse.urlencode(parameters))
    assert reply.status == 200, reply.body
    return reply.body['data']['result']


def value(daemon, expr):
    found = query(daemon, expr)
    return float(found[0]['value'][1]) if len(found) == 1 else None


def rule(daemon, name):
    for group in daemon.get('/prometheus/api/v1/rules').body['data']['groups']:
        for it in group['rules']:
            if it['name'] == name:
                return it
    return None


def alerts(daemon, name, status=None):
    found = [it for it in daemon.get('/api/v1/alerts?limit=100').body['alerts'] if it['name'] == name]
    return [it for it in found if status is None or it['status'] == status]


def test_a_rule_records_what_it_computes_and_the_next_one_sees_it(ruled):
    daemon = ruled('''      - { record: "one:value", expr: "vector(21)", labels: { kind: half } }
      - { record: "two:value", expr: "one:value * 2" }
''')
    wait_until(lambda: value(daemon, 'two:value{kind="half"}') == 42, 10, 'the second rule used the first')
    said = rule(daemon, 'two:value')
    assert (said['type'], said['health'], said['query']) == ('recording', 'ok', 'one:value * 2')
    write(daemon, '      - { record: "one:value", expr: "vector(21)" }\n')
    assert daemon.post('/-/reload').status == 200
    wait_until(lambda: query(daemon, 'two:value') == [], 10, 'what is no longer recorded ends at once')
    wait_until(lambda: [it['metric'] for it in query(daemon, 'one:value')] == [{'__name__': 'one:value'}], 10, 'the old labels ended too')


def test_an_alert_is_pending_fires_and_ends(ruled):
    daemon = ruled('''      - { record: load, expr: "vector(7)" }
      - alert: High
        expr: load > 5
        for: 600ms
        labels: { severity: critical, team: '{{ if gt $value 5.0 }}db{{ end }}' }
        annotations: { summary: 'load is {{ $value }}, {{ with query "load" }}{{ . | first | value | printf "%.1f" }}{{ end }}' }
''')
    wait_until(lambda: (rule(daemon, 'High') or {}).get('state') == 'pending', 10, 'it is pending')
    assert alerts(daemon, 'High') == []
    wait_until(lambda: rule(daemon, 'High')['state'] == 'firing', 10, 'it fires')
    alert = wait_until(lambda: alerts(daemon, 'High', 'firing'), 10, 'the alert is recorded')[0]
    assert alert['labels']['team'] == 'db' and alert['summary'] == 'load is 7, 7.0' and alert['severity'] == 'critical'
    assert (alert['value'], alert['threshold']) == (7, 5)
    shown = daemon.get('/prometheus/api/v1/alerts').body['data']['alerts']
    mine = [it for it in shown if it['labels']['alertname'] == 'High'][0]
    assert mine['state'] == 'firing' and float(mine['value']) == 7
    assert {it['metric']['alertstate'] for it in query(daemon, 'ALERTS{alertname="High"}')} == {'firing'}
    assert abs(value(daemon, 'ALERTS_FOR_STATE{alertname="High"}') - time.time()) < 30
    write(daemon, '''      - { record: load, expr: "vector(3)" }
      - { alert: High, expr: load > 5, for: 600ms, labels: { severity: critical, team: '{{ if gt $value 5.0 }}db{{ end }}' } }
''')
    assert daemon.post('/-/reload').status == 200
    wait_until(lambda: alerts(daemon, 'High', 'resolved'), 10, 'it is resolved')
    wait_until(lambda: query(daemon, 'ALERTS{alertname="High"}') == [], 10, 'its series ended')


def test_an_incident_follows_from_an_alert_of_a_rule(ruled):
    daemon = ruled("      - { alert: Broken, expr: 'vector(1)', labels: { severity: critical, service: shop }, annotations: { summary: 'The shop is broken' } }\n")
    incident = wait_until(lambda: [it for it in daemon.get('/api/v1/incidents').body['incidents'] if 'shop' in json.dumps(it)], 15, 'an incident opens')[0]
    assert incident['severity'] in ('critical', 'high')


@pytest.mark.parametrize('rules,said', [
    ('      - { alert: A, expr: "sum(" }\n', '1:5: parse error'),
    ('      - { alert: A, expr: up, annotations: { s: "{{ $nope }}" } }\n', 'undefined variable'),
    ('      - { alert: A, record: b, expr: up }\n', "either 'record' or 'alert'"),
    ('      - { alert: A, exprr: up }\n', "did you mean 'expr'"),
    ('      - { alert: A, expr: up, for: soon }\n', 'soon'),
    ('      - [', ''),
])
def test_wrong_rules_are_refused_and_the_old_ones_go_on(ruled, rules, said):
    daemon = ruled('      - { record: good, expr: "vector(1)" }\n')
    wait_until(lambda: value(daemon, 'good') == 1, 10, 'the good rule runs')
    write(daemon, rules)
    refused = daemon.post('/-/reload')
    assert refused.status >= 400 and said in json.dumps(refused.body, ensure_ascii=False), refused.body
    before = rule(daemon, 'good')['lastEvaluation']
    wait_until(lambda: rule(daemon, 'good')['lastEvaluation'] > before, 10, 'it is still evaluated')


def test_a_rule_that_fails_says_so_and_hurts_no_other(ruled):
    daemon = ruled('''      - { record: a, expr: "label_replace(vector(1), 'x', '1', '', '') or label_replace(vector(2), 'x', '2', '', '')" }
      - { record: broken, expr: "a / on () a" }
      - { record: good, expr: "vector(1)" }
''')
    wait_until(lambda: (rule(daemon, 'broken') or {}).get('health') == 'err', 10, 'the broken one is unhealthy')
    assert 'many-to-many' in rule(daemon, 'broken')['lastError'] or 'duplicate' in rule(daemon, 'broken')['lastError']
    assert value(daemon, 'good') == 1


def test_what_fired_before_a_kill_fires_on_and_what_no_longer_holds_is_ended(ruled):
    daemon = ruled('''      - { alert: Stays, expr: 'vector(1)', labels: { severity: high } }
      - { alert: Goes, expr: 'vector(1)', labels: { severity: high } }
''')
    wait_until(lambda: alerts(daemon, 'Stays', 'firing') and alerts(daemon, 'Goes', 'firing'), 10, 'both fire')
    first = alerts(daemon, 'Stays')[0]
    daemon.kill()
    write(daemon, "      - { alert: Stays, expr: 'vector(1)', labels: { severity: high } }\n")
    daemon.start()
    wait_until(lambda: alerts(daemon, 'Goes', 'resolved'), 15, 'the one whose rule is gone is resolved')
    again = alerts(daemon, 'Stays')
    assert [it['status'] for it in again] == ['firing'] and again[0]['id'] == first['id']


def test_check_rules_names_what_is_wrong(daemon):
    good, bad = daemon.folder / 'good.yml', daemon.folder / 'bad.yml'
    good.write_text('groups: [ { name: g, rules: [ { record: a, expr: b }, { alert: C, expr: d > 1 } ] } ]\n')
    bad.write_text('groups: [ { name: g, rules: [ { record: a, expr: "b +" } ] } ]\n')
    assert '1 alerting and 1 recording rules in 1 groups' in daemon.cli('check', 'rules', good)
    daemon.cli('check', 'rules', good, bad, status=1)


UNIT_RULES = '''groups:
  - name: second
    rules:
      - { record: "job:up:sum", expr: "sum by (job) (instance:up)" }
      - alert: JobDown
        expr: job:up:sum == 0
        for: 2m
        keep_firing_for: 3m
        labels: { severity: page, region: '{{ $externalLabels.region }}' }
        annotations: { summary: '{{ $labels.job }} has {{ $value }} of {{ query "count(up)" | first | value }} up, see {{ $externalURL }}' }
  - name: first
    rules:
      - { record: "instance:up", expr: "up" }
'''
UNIT_HEAD = '''rule_files: [ 'unit-*.yml' ]
evaluation_interval: 1m
group_eval_order: [ first, second ]
tests:
  - name: shop goes down and comes back
    interval: 30s
    external_labels: { region: north }
    external_url: 'http://here'
    input_series:
      - { series: 'up{job="shop", instance="a"}', values: '1x3 0x9 1+0x10' }
      - { series: 'up{job="shop", instance="b"}', values: '0x10 stale' }
      - { series: 'load{host="a"}', values: '1+2x3 _x2 -1-0.5x2 _ stale 1e3' }
'''
FIRES = '''    alert_rule_test:
      - eval_time: 4m
        alertname: JobDown
        exp_alerts:
          - exp_labels: { job: shop, severity: page, region: north }
            exp_annotations: { summary: 'shop has 0 of 2 up, see http://here' }
'''
UNIT_TESTS = [
    ('an alert with its texts', FIRES, 0),
    ('it is pending before', '    alert_rule_test: [ { eval_time: 3m, alertname: JobDown, exp_alerts: [] } ]\n', 0),
    ('the last evaluation before counts', FIRES.replace('4m', '4m59s'), 0),
    ('it goes on firing', FIRES.replace('4m', '8m').replace('of 2', 'of 1'), 0),
    ('until then', '    alert_rule_test: [ { eval_time: 11m, alertname: JobDown, exp_alerts: [] } ]\n', 0),
    ('an unexpected alert', '    alert_rule_test: [ { eval_time: 4m, alertname: JobDown, exp_alerts: [] } ]\n', 1),
    ('an alert that does not fire', FIRES.replace('4m', '3m'), 1),
    ('another label', FIRES.replace('north }', 'south }'), 1),
    ('another annotation', FIRES.replace('0 of 2', '1 of 2'), 1),
    ('a rule recorded', "    promql_expr_test: [ { expr: 'job:up:sum', eval_time: 1m, exp_samples: [ { labels: 'job:up:sum{job=\"shop\"}', value: 1 } ] } ]\n", 0),
    ('a value is another', "    promql_expr_test: [ { expr: 'job:up:sum', eval_time: 1m, exp_samples: [ { labels: 'job:up:sum{job=\"shop\"}', value: 2 } ] } ]\n", 1),
    ('a series is missing', "    promql_expr_test: [ { expr: 'up', eval_time: 1m, exp_samples: [ { labels: 'up{job=\"shop\",instance=\"a\"}', value: 1 } ] } ]\n", 1),
    ('steps and gaps', "    promql_expr_test: [ { expr: 'load', eval_time: 1m, exp_samples: [ { labels: 'load{host=\"a\"}', value: 5 } ] },\n"
     "                        { expr: 'sum_over_time(load[3m59s])', eval_time: 4m, exp_samples: [ { labels: '{host=\"a\"}', value: 10.5 } ] } ]\n", 0),
    ('a stale series is none', "    promql_expr_test: [ { expr: 'up{instance=\"b\"}', eval_time: 6m, exp_samples: [] } ]\n", 0),
    ('a scalar', "    promql_expr_test: [ { expr: '1 + 1', eval_time: 0s, exp_samples: [ { labels: '{}', value: 2 } ] } ]\n", 0),
    ('no expression', "    promql_expr_test: [ { expr: 'up +', eval_time: 0s } ]\n", 1),
    ('a range is no sample', "    promql_expr_test: [ { expr: 'up[5m]', eval_time: 0s } ]\n", 1),
    ('an unknown key', '    alert_rule_tests: []\n', 1),
    ('a broken sequence', "      - { series: load, values: '1+x' }\n", 1),
]


@pytest.mark.parametrize('what,test,status', UNIT_TESTS, ids=[it[0] for it in UNIT_TESTS])
def test_unit_tests_of_rules_end_as_promtool_has_them(daemon, what, test, status):
    (daemon.folder / 'unit-rules.yml').write_text(UNIT_RULES)
    file = daemon.folder / 'test.yml'
    file.write_text(UNIT_HEAD + test)
    said = daemon.cli('test', 'rules', file, status=status)
    assert ('fine, 1 tests' in said) == (status == 0)
    if shutil.which('promtool'):
        theirs = subprocess.run(['promtool', 'test', 'rules', file], capture_output=True, text=True, timeout=60)
        assert theirs.returncode == status, theirs.stdout + theirs.stderr


def test_a_failing_unit_test_says_what_was_expected_and_what_was_found(daemon):
    (daemon.folder / 'unit-rules.yml').write_text(UNIT_RULES)
    file = daemon.folder / 'test.yml'
    file.write_text(UNIT_HEAD + FIRES.replace('page', 'ticket') + '''    promql_expr_test:
      - { expr: 'sum(up)', eval_time: 1m, exp_samples: [ { labels: '{}', value: 1.5 } ] }
  - name: histograms
    interval: 1m
    start_timestamp: 2026-01-02T03:04:05Z
    input_series: [ { series: latency, values: '{{count:4 sum:2 buckets:[1 3]}}+{{count:2 sum:2 buckets:[2]}}x3' } ]
    promql_expr_test:
      - { expr: latency, eval_time: 1m, exp_samples: [ { labels: latency, histogram: '{{count:6 sum:4 buckets:[3 3]}}' } ] }
      - { expr: time(), eval_time: 1m, exp_samples: [ { labels: '{}', value: 1767323105 } ] }
      - { expr: latency, eval_time: 2m, exp_samples: [ { labels: latency, histogram: '{{count:6 sum:4 buckets:[3 3]}}' } ] }
''')
    said = daemon.cli('test', 'rules', file, status=1)
    assert said.splitlines() == [
        f'{file}: 2 of 2 tests failed',
        '  test 1 (shop goes down and comes back): alert JobDown at 4m',
        '    - {alertname="JobDown",job="shop",region="north",severity="ticket"} {summary="shop has 0 of 2 up, see http://here"}',
        '    + {alertname="JobDown",job="shop",region="north",severity="page"} {summary="shop has 0 of 2 up, see http://here"}',
        '  test 1 (shop goes down and comes back): expression sum(up) at 1m',
        '    - {} 1.5',
        '    + {} 1',
        '  test 2 (histograms): expression latency at 2m',
        '    - latency {count:6, sum:4, (0.5,1]:3, (1,2]:3}',
        '    + latency {count:8, sum:6, (0.5,1]:5, (1,2]:3}',
    ]


def test_a_unit_test_ends_where_a_rule_fails(daemon):
    (daemon.folder / 'rules.yml').write_text('groups: [ { name: g, rules: [ { record: r, expr: "a + on () a" } ] } ]\n')
    file = daemon.folder / 'test.yml'
    file.write_text('''rule_files: [ rules.yml ]
tests:
  - input_series: [ { series: 'a{x="1"}', values: 1x5 }, { series: 'a{x="2"}', values: 1x5 } ]
    promql_expr_test: [ { expr: absent(r), eval_time: 5m, exp_samples: [ { labels: '{}', value: 1 } ] } ]
''')
    said = daemon.cli('test', 'rules', file, status=1)
    assert 'rule r at 0s' in said and 'many-to-many' in said
    daemon.cli('test', 'rules', daemon.folder / 'none.yml', status=1)
    daemon.cli('test', 'rules', status=2)
