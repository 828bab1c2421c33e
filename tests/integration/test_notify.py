"""test_notify.py - messages: sent once, through 429, 500, hangs and crashes; a receiver that is down costs nobody else anything."""
import pytest

from harness import wait_until
from test_incidents import alert, alertmanager


def config(**receivers):
    text = 'receivers:\n'
    for name, (kind, key, url) in receivers.items():
        text += f'  - name: {name}\n    {kind}_configs:\n      - {key}: {url}\n'
    return text


@pytest.fixture
def hook(recorder, make_daemon):
    """A daemon with one webhook receiver, and its recorder."""
    return make_daemon(config=config(ops=('webhook', 'url', recorder.url + '/hook'))), recorder


def sent(daemon, kind='notification.sent'):
    return [e for e in daemon.get(f'/api/v1/events?kind={kind}').body['events']]


def test_an_incident_is_told_once_when_it_is_explained_and_once_when_it_is_over(hook):
    daemon, recorder = hook
    daemon.post('/webhook', alertmanager(alert('A', service='x')))
    first = recorder.wait_for(1)[0]
    assert first['method'] == 'POST' and first['path'] == '/hook' and first['headers']['Idempotency-Key']
    assert first['json']['kind'] == 'opened' and first['json']['title'] == '[P1] A fires' and first['json']['resource'] == 'service:x'
    daemon.post('/webhook', alertmanager(alert('B', service='x')))  # joins: no news
    daemon.post('/webhook', alertmanager(alert('A', 'resolved', service='x'), alert('B', 'resolved', service='x')))
    last = recorder.wait_for(2)[1]
    assert last['json']['kind'] == 'resolved'
    wait_until(lambda: len(sent(daemon)) == 2, 10, 'both are in the journal')
    assert len(recorder.requests) == 2


def test_low_priorities_wake_nobody(hook):
    daemon, recorder = hook
    daemon.post('/webhook', alertmanager(alert('Quiet', service='q', severity='info')))
    daemon.post('/webhook', alertmanager(alert('Loud', service='l', severity='critical')))
    recorder.wait_for(1)
    wait_until(lambda: sent(daemon), 10, 'it is in the journal')
    assert [r['json']['resource'] for r in recorder.requests] == ['service:l']


def test_429_and_500_are_tried_again_with_the_same_key(hook):
    daemon, recorder = hook
    recorder.answers(500, (429, {'Retry-After': '1'}), 'reset', 200)
    daemon.post('/webhook', alertmanager(alert('A', service='x')))
    requests = recorder.wait_for(4, 60)
    assert len({r['headers']['Idempotency-Key'] for r in requests}) == 1
    assert requests[2]['time'] - requests[1]['time'] >= 0.95  # Retry-After
    wait_until(lambda: sent(daemon), 10, 'the fourth is delivered')


def test_4xx_is_hopeless_and_said_so(hook):
    daemon, recorder = hook
    recorder.answers(404)
    daemon.post('/webhook', alertmanager(alert('A', service='x')))
    wait_until(lambda: sent(daemon, 'notification.failed'), 20, 'the failure is in the journal')
    assert len(recorder.requests) == 1


def test_a_hanging_receiver_holds_nobody_else_up(recorder, make_daemon):
    from harness import Recorder
    with Recorder() as other:
        daemon = make_daemon(config=config(hangs=('webhook', 'url', recorder.url), works=('slack', 'api_url', other.url)))
        recorder.answers('hang', 'hang')
        daemon.post('/webhook', alertmanager(alert('A', service='x')))
        message = other.wait_for(1, 8)[0]['json']
        assert message['text'] == '[P1] A fires' and message['attachments'][0]['color'] == 'danger'


def test_a_message_that_was_owed_is_sent_after_kill_9(hook):
    daemon, recorder = hook
    recorder.answers('hang')
    daemon.post('/webhook', alertmanager(alert('A', service='x')))
    recorder.wait_for(1)
    daemon.restart()
    requests = recorder.wait_for(2, 30)
    assert requests[0]['headers']['Idempotency-Key'] == requests[1]['headers']['Idempotency-Key']
    wait_until(lambda: sent(daemon), 10, 'it is delivered once')
    assert len(recorder.requests) == 2


def test_slack_gets_text_never_markup(recorder, make_daemon):
    daemon = make_daemon(config=config(chat=('slack', 'api_url', recorder.url)))
    daemon.post('/webhook', alertmanager({**alert('A', service='x'), 'annotations': {'summary': '<!channel> & <http://evil|click>'}}))
    message = recorder.wait_for(1)[0]['json']
    assert message['text'] == '[P1] &lt;!channel&gt; &amp; &lt;http://evil|click&gt;'


def test_the_test_button(hook):
    daemon, recorder = hook
    assert daemon.get('/api/v1/receivers').body['receivers'] == [{'name': 'ops', 'kind': 'webhook', 'target': recorder.url + '/hook'}]
    assert daemon.post('/api/v1/receivers/ops/test').body == {'delivered': True, 'error': None}
    assert recorder.requests[0]['json']['kind'] == 'test'
    assert daemon.get('/api/v1/now').body['guide']['receiver'] is True
    recorder.answers(500)
    failed = daemon.post('/api/v1/receivers/ops/test').body
    assert failed['delivered'] is False and '500' in failed['error']
    assert daemon.post('/api/v1/receivers/nobody/test').status == 404


def test_a_receiver_that_was_removed_is_given_up(hook):
    daemon, recorder = hook
    recorder.answers(500)
    daemon.post('/webhook', alertmanager(alert('A', service='x')))
    recorder.wait_for(1)
    daemon.write_config('receivers: []\n')
    assert daemon.post('/-/reload').status == 200
    failed = wait_until(lambda: sent(daemon, 'notification.failed'), 30, 'it is given up')
    assert 'no webhook_configs[0]' in failed[0]['reason']
