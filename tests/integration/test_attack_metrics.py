"""test_attack_metrics.py - what an attacker tries on the metrics engine, on the real binary."""
import concurrent.futures
import json
import urllib.parse

API = '/prometheus/api/v1'


def query(daemon, expression, **more):
    return daemon.get(f'{API}/query?' + urllib.parse.urlencode({'query': expression, **more}))


# Queries

def test_of_queries_that_take_all_memory_together_some_are_answered(make_daemon):
    daemon = make_daemon(config='query: { max_bytes_together: 1MiB }\n')
    daemon.token()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        said = list(pool.map(lambda _: query(daemon, 'sum_over_time(vector(1)[5d:1s])'), range(8)))
    assert {it.status for it in said} <= {200, 503} and any(it.status == 200 for it in said), [it.body for it in said]
    assert query(daemon, 'sum_over_time(vector(1)[5d:1s])').status == 200, 'what they took was given back'


# Configuration

RULES = 'groups: [{name: %s, rules: [{record: one, expr: "1"}]}]\n'


def groups(daemon):
    return [it['name'] for it in daemon.get(f'{API}/rules').body['data']['groups'] if it['file'].endswith('/rules.yml')]


def test_a_reload_with_wrong_jobs_leaves_the_rules_alone(make_daemon):
    daemon = make_daemon(config='server: {}\n')
    rules = daemon.folder / 'rules.yml'
    rules.write_text(RULES % 'before')
    rules.chmod(0o644)
    daemon.write_config('rule_files: [rules.yml]\n')
    assert daemon.post('/-/reload').status == 200
    assert groups(daemon) == ['before']
    rules.write_text(RULES % 'after')
    daemon.write_config('rule_files: [rules.yml]\nscrape_configs: [{job_name: a}, {job_name: a}]\n')
    assert daemon.post('/-/reload').status == 400
    assert groups(daemon) == ['before']
    rules.write_text('nonsense')
    daemon.write_config('rule_files: [rules.yml]\nscrape_configs: [{job_name: a, static_configs: [{targets: ["127.0.0.1:1"]}]}]\n')
    assert daemon.post('/-/reload').status == 400
    assert groups(daemon) == ['before']
    assert not [it for it in daemon.get(f'{API}/targets').body['data']['activeTargets'] if it['scrapePool'] == 'a']
    assert 'go back' not in daemon.log_text()


def test_a_viewer_sees_no_password_of_a_url(make_daemon):
    daemon = make_daemon(config='''scrape_configs:
  - { job_name: a, http_sd_configs: [ { url: "http://sd:hunter2@127.0.0.1:1/targets?a=b:c@d" } ] }
''')
    said = daemon.get(f'{API}/status/config', role='viewer')
    assert said.status == 200 and 'hunter2' not in said.raw.decode()
    assert 'http://sd:<secret>@127.0.0.1:1/targets?a=b:c@d' in json.loads(said.raw)['data']['yaml']
