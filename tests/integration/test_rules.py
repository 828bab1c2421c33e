"""Rules: recorded series, alerts with their states and texts, reloads, restarts; each as Prometheus does it."""
import json
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
