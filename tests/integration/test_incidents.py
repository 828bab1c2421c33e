"""test_incidents.py - from a webhook to an incident, and what people do with it; over kill -9 and damage."""
import json
import threading

import pytest

from harness import wait_until


def alert(name, status='firing', **labels):
    labels = {'alertname': name, 'severity': 'critical'} | labels
    return {'status': status, 'labels': labels, 'annotations': {'summary': f'{name} fires'}, 'startsAt': '2026-01-01T00:00:00Z',
            'endsAt': '0001-01-01T00:00:00Z' if status == 'firing' else '2026-01-01T00:10:00Z', 'generatorURL': 'http://prometheus/graph',
            'fingerprint': '0123456789abcdef'}


def alertmanager(*alerts):
    return {'version': '4', 'groupKey': '{}:{}', 'truncatedAlerts': 0, 'status': 'firing', 'receiver': 'auspex', 'groupLabels': {},
            'commonLabels': {}, 'commonAnnotations': {}, 'externalURL': 'http://alertmanager', 'alerts': list(alerts),
            'notification_reason': 'new', 'routeLabels': {}}


def grafana(*alerts):
    more = {'values': {'A': 1.5}, 'silenceURL': 'http://g/silence', 'dashboardURL': '', 'panelURL': '', 'imageURL': ''}
    return alertmanager() | {'orgId': 1, 'version': '1', 'title': '[FIRING:1]', 'state': 'alerting', 'message': 'text',
                             'alerts': [one | more for one in alerts]}


def incidents(daemon, **query):
    daemon.settle()
    reply = daemon.get('/api/v1/incidents?' + '&'.join(f'{k}={v}' for k, v in query.items()))
    assert reply.status == 200, reply.body
    return reply.body['incidents']


def test_webhook_keeps_what_it_acknowledged_over_kill_9(daemon):
    reply = daemon.post('/webhook', alertmanager(alert('HighLatency', service='api-gateway')), role='ingest')
    assert (reply.status, reply.body) == (200, {'status': 'success'})
    daemon.restart()
    found = incidents(daemon)
    assert [(i['resource'], i['priority'], i['status']) for i in found] == [('service:api-gateway', 'P1', 'open')]


def test_acknowledged_under_load_means_kept_over_kill_9(daemon):
    token = daemon.token('ingest')
    acknowledged = []

    def send(worker):
        for i in range(200):
            try:
                name = f'alert-{worker}-{i}'
                reply = daemon.post('/webhook', alertmanager(alert(name, service=name)), headers={'Authorization': f'Bearer {token}'})
                if reply.status == 200:
                    acknowledged.append(name)
            except (OSError, AssertionError):
                return
    threads = [threading.Thread(target=send, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(acknowledged) > 80, 60, 'some alerts are acknowledged')
    daemon.kill()
    for thread in threads:
        thread.join()
    daemon.start()
    stored = {a['name'] for a in daemon.get('/api/v1/alerts?limit=1000').body['alerts']}
    assert set(acknowledged) <= stored
    assert len(incidents(daemon, limit=1000)) == len(stored)  # each its own resource: one incident each, none twice


def test_grafana_and_resolution(daemon):
    assert daemon.post('/webhook', grafana(alert('DiskFull', service='db', severity='high'))).status == 200
    assert daemon.get('/api/v1/alerts').body['alerts'][0]['source'] == 'grafana'
    assert incidents(daemon)[0]['severity'] == 'high'
    assert daemon.post('/webhook', grafana(alert('DiskFull', 'resolved', service='db', severity='high'))).status == 200
    assert [i['status'] for i in incidents(daemon)] == ['resolved']


def test_folding_and_the_same_alert_again(daemon):
    for _ in range(3):
        daemon.post('/webhook', alertmanager(alert('A', service='x'), alert('B', service='x'), alert('C', service='y')))
    found = incidents(daemon)
    assert sorted((i['resource'], i['alerts']) for i in found) == [('service:x', 2), ('service:y', 1)]


def test_a_person_takes_it_writes_and_ends_it(daemon):
    daemon.post('/webhook', alertmanager(alert('A', service='x')))
    path = f'/api/v1/incidents/{incidents(daemon)[0]["id"]}'
    assert daemon.post(f'{path}/acknowledge', {'comment': 'on it'}).body['status'] == 'acknowledged'
    assert daemon.post(f'{path}/note', {'text': '<script>alert(1)</script>'}).status == 200
    assert daemon.post(f'{path}/note', {}).status == 422
    assert daemon.post(f'{path}/assign', {'owner': 'kim'}).body['owner'] == 'kim'
    assert daemon.post(f'{path}/resolve', {'resolution': 'restarted'}).body['status'] == 'resolved'
    assert daemon.post(f'{path}/resolve', {}).status == 409
    assert daemon.post('/api/v1/incidents/424242/resolve', {}).status == 404
    assert daemon.post('/api/v1/incidents/none/resolve', {}).status == 404
    whole = wait_until(lambda: [w for w in [daemon.get(path).body] if w['rca']], 20, 'it is analysed')[0]
    kinds = [e['kind'] for e in whole['timeline']]
    for kind in ('alert.firing', 'incident.opened', 'rca.completed', 'incident.acknowledged', 'incident.note', 'incident.assigned', 'incident.resolved'):
        assert kind in kinds
    assert whole['rca']['cannot_tell'] is True  # nobody knows this service: that is an answer
    report = daemon.get(f'{path}/report')
    assert 'text/markdown' in report.headers['Content-Type'] and '\\<script\\>' in report.body
    assert daemon.get(f'{path}?lang=ko').body['timeline'][0]['text'].startswith('알림 발생')


def test_alerts_by_their_own_routes(daemon):
    daemon.post('/webhook', alertmanager(alert('A', service='x')))
    one = daemon.get('/api/v1/alerts').body['alerts'][0]
    path = f'/api/v1/alerts/{one["id"]}'
    assert daemon.post(f'{path}/acknowledge?comment=mine').body == {'alert_id': one['id'], 'status': 'acknowledged'}
    assert daemon.post(f'{path}/resolve', {'resolution': 'done'}).body == {'alert_id': one['id'], 'status': 'resolved'}
    assert daemon.get('/api/v1/alerts?status=firing').body['total'] == 0
    assert daemon.get('/api/v1/alerts?status=nonsense').body == {'total': 0, 'alerts': [], 'next_cursor': None}
    assert incidents(daemon)[0]['status'] == 'resolved'


def test_pages_by_cursor(daemon):
    daemon.post('/webhook', alertmanager(*(alert(f'A{i}', service=f's{i}') for i in range(7))))
    daemon.settle()
    first = daemon.get('/api/v1/incidents?limit=5').body
    rest = daemon.get(f'/api/v1/incidents?limit=5&cursor={first["next_cursor"]}').body
    assert (first['total'], len(first['incidents']), len(rest['incidents']), rest['next_cursor']) == (7, 5, 2, None)
    assert daemon.get('/api/v1/incidents?cursor=x').status == 400


@pytest.mark.parametrize('payload', [
    b'', b'{', b'[]', b'null', b'{"alerts": NaN}', b'{"alerts": 5}', b'{"alerts": [5]}', b'{"alerts": [{}]}', b'{}',
    b'{"alerts": [{"status": "firing", "labels": {}}]}',
    b'{"alerts": [{"status": "burning", "labels": {"alertname": "A"}}]}',
    b'{"alerts": [{"status": "firing", "labels": {"alertname": 5}}]}',
    b'{"alerts": [{"status": "firing", "labels": {"alertname": "A"}, "startsAt": "yesterday"}]}',
    b'{"alerts": [{"status": "firing", "labels": {"alertname": "\xff"}}]}',
    b'{"alerts":' + b'[' * 5000 + b']' * 5000 + b'}',
    json.dumps({'alerts': [alert('Good', service='x'), {'status': 'firing', 'labels': {}}]}).encode(),
])
def test_damaged_webhooks_are_400_and_change_nothing(daemon, payload):
    reply = daemon.post('/webhook', payload, headers={'Content-Type': 'application/json'})
    assert reply.status == 400 and reply.headers['Content-Type'] == 'application/problem+json'
    assert incidents(daemon) == []


def test_hostile_labels_are_kept_as_text(daemon):
    name = "x'; DROP TABLE alert; -- {{ 7*7 }} $(reboot) <img src=x onerror=alert(1)>"
    assert daemon.post('/webhook', alertmanager(alert(name, service='a\u0000b'))).status in (200, 400)
    assert daemon.post('/webhook', alertmanager(alert(name, service=name))).status == 200
    assert incidents(daemon)[0]['resource'] == f'service:{name}'


def test_live_pages_get_what_happens_and_resume(daemon):
    with daemon.websocket('/ws/alerts') as live:
        daemon.post('/webhook', alertmanager(alert('A', service='x')))
        seen = []
        while not seen or seen[-1]['kind'] != 'rca.completed':
            seen += [e for e in [live.receive_json()] if not e['kind'].startswith('auth.')]  # the token of this test
    assert [e['kind'] for e in seen] == ['alert.firing', 'incident.opened', 'rca.completed']
    assert seen[1]['incident_id'] == 1 and seen[1]['text'] == 'Incident opened: A fires'
    daemon.post('/webhook', alertmanager(alert('B', service='y')))
    with daemon.websocket(f'/ws/alerts?since={seen[-1]["event_id"]}&lang=ko') as live:
        again = live.receive_json()
        assert again['kind'] == 'alert.firing' and again['event_id'] > seen[-1]['event_id'] and again['text'].startswith('알림')
    with daemon.websocket('/ws/alerts?since=99999999') as live:
        assert live.receive_json() == {'kind': 'gap'}


def test_the_same_key_is_one_effect(daemon):
    daemon.post('/webhook', alertmanager(alert('A', service='x')))
    key = {'Idempotency-Key': 'k1'}
    path = '/api/v1/incidents/1/note'
    first = daemon.post(path, {'text': 'once'}, headers=key)
    again = daemon.post(path, {'text': 'once'}, headers=key)
    assert first.status == again.status == 200 and first.body == again.body
    assert daemon.post(path, {'text': 'other'}, headers=key).status == 409
    daemon.restart()
    assert daemon.post(path, {'text': 'once'}, headers=key).body == first.body
    notes = [e for e in daemon.get('/api/v1/events?kind=incident.note').body['events']]
    assert len(notes) == 1


def test_a_secret_is_never_kept_for_a_replay(daemon):
    key = {'Idempotency-Key': 'k2'}
    made = daemon.post('/api/v1/tokens', {'name': 'once', 'role': 'viewer'}, headers=key)
    assert made.status == 201
    assert made.body['token'] not in daemon.post('/api/v1/tokens', {'name': 'once', 'role': 'viewer'}, headers=key).raw.decode()

