"""test_access.py - who may call what: every route by every role and by nobody; logins, sessions, tokens, and attacks on them."""
import re
import subprocess

import pytest

from harness import BINARY, Daemon, WebSocketClosed, request

ROLES = ['ingest', 'viewer', 'operator', 'approver', 'admin']
RANK = {'viewer': 1, 'operator': 2, 'approver': 3, 'admin': 4}


def allowed(has, needs):
    """safety.md: deny by default; ingest tokens may post telemetry, alerts and webhooks, nothing else."""
    if needs == 'nobody':
        return True
    if needs == 'ingest':
        return has == 'ingest' or RANK.get(has, 0) >= RANK['operator']
    return RANK.get(has, 0) >= RANK[needs]


def routes(daemon):
    document = daemon.get('/api/openapi.json').body
    for path, methods in document['paths'].items():
        for method, operation in methods.items():
            if method in ('get', 'post', 'put', 'patch', 'delete') and not path.startswith('/ws/'):  # sockets: below
                yield method.upper(), path, operation['x-role']


def test_every_route_by_every_role_and_by_nobody(daemon):
    wrong, seen = [], 0
    for method, path, needs in routes(daemon):
        # Ids that nobody has, and no body: what is allowed ends in any status but 401 and 403, and changes nothing.
        target = re.sub(r'\{[^}]*\}', '987654321', path)
        for role in [None] + ROLES:
            status = daemon.request(method, target, {} if method != 'GET' and method != 'DELETE' else None, role=role).status
            if allowed(role, needs):
                ok = status not in (401, 403)
            else:
                ok = status == (403 if role else 401)
            seen += 1
            if not ok:
                wrong.append(f'{method} {path} needs {needs}: {role or "nobody"} got {status}')
    assert not wrong, '\n'.join(wrong)
    assert seen > 250


def test_sockets_by_every_role_and_by_nobody(daemon):
    for role in [None] + ROLES:
        if role in (None, 'ingest'):
            with pytest.raises(Exception):
                daemon.websocket('/ws/alerts', role=role)
        else:
            daemon.websocket('/ws/alerts', role=role).close()


def test_who_lost_access_is_no_longer_told(daemon):
    made = daemon.post('/api/v1/tokens', {'name': 'leaver', 'role': 'viewer'}).body
    leaver = {'Authorization': 'Bearer ' + made['token']}
    with daemon.websocket('/ws/alerts', headers=leaver) as gone, daemon.websocket('/ws/alerts') as stays:
        assert daemon.delete(f'/api/v1/tokens/{made["id"]}').status == 204
        told = []
        with pytest.raises((WebSocketClosed, ConnectionError)):
            while True:
                told.append(gone.receive_json())
        assert told[-1] == {'kind': 'gap'} and 'auth.token_revoked' not in [e['kind'] for e in told]
        while stays.receive_json()['kind'] != 'auth.token_revoked':
            pass
    with pytest.raises(Exception):
        daemon.websocket('/ws/alerts', headers=leaver)


def login_token(daemon):
    return re.search(r'#token=(\w+)', daemon.log_text()).group(1)


def login(daemon, body):
    return request(daemon.url, 'POST', '/api/v1/login', body)


def test_the_printed_token_logs_in_once(daemon):
    token = login_token(daemon)
    first = login(daemon, {'token': token})
    assert first.status == 200 and first.body['role'] == 'admin' and first.body['must_set_password'] is True
    cookie = first.headers['Set-Cookie']
    assert cookie.startswith('session=') and 'HttpOnly' in cookie and 'SameSite=Strict' in cookie
    assert login(daemon, {'token': token}).status == 401


def test_a_session_needs_its_csrf_token_to_write(daemon):
    reply = login(daemon, {'token': login_token(daemon)})
    cookie = {'Cookie': reply.headers['Set-Cookie'].split(';')[0]}
    csrf = {'X-CSRF-Token': reply.body['csrf_token']}
    assert request(daemon.url, 'GET', '/api/v1/session', headers=cookie).body['user'] == 'user:admin'
    body = {'password': 'correct horse battery'}
    assert request(daemon.url, 'POST', '/api/v1/password', body, cookie).status == 403
    assert request(daemon.url, 'POST', '/api/v1/password', body, cookie | {'X-CSRF-Token': 'guess'}).status == 403
    assert request(daemon.url, 'POST', '/api/v1/password', body, cookie | csrf | {'Origin': 'http://evil.example'}).status == 403
    assert request(daemon.url, 'POST', '/api/v1/password', body, cookie | csrf).status == 204
    assert request(daemon.url, 'POST', '/api/v1/logout', None, cookie | csrf).status == 204
    assert request(daemon.url, 'GET', '/api/v1/session', headers=cookie).status == 401
    again = login(daemon, {'user': 'admin', 'password': 'correct horse battery'})
    assert again.status == 200 and again.body['must_set_password'] is False


def test_guessing_is_braked(daemon):
    statuses = [login(daemon, {'user': 'admin', 'password': f'wrong password {i}'}).status for i in range(7)]
    assert statuses[:5] == [401] * 5 and statuses[-1] == 429


@pytest.mark.parametrize('header', ['Bearer wrong', 'Basic ' + 'A' * 3, 'Basic !!!!', 'Digest x', 'Bearer ' + 'x' * 8000])
def test_wrong_credentials_are_401_and_nothing_else(daemon, header):
    assert daemon.get('/api/v1/incidents', headers={'Authorization': header}).status == 401


def test_a_token_works_as_basic_password_too(daemon):
    import base64
    basic = base64.b64encode(b'anybody:' + daemon.token('viewer').encode()).decode()
    assert daemon.get('/api/v1/incidents', headers={'Authorization': 'Basic ' + basic}).status == 200


def test_tokens_are_shown_once_and_die_when_revoked(daemon):
    made = daemon.post('/api/v1/tokens', {'name': 'ci', 'role': 'viewer'})
    assert made.status == 201
    bearer = {'Authorization': 'Bearer ' + made.body['token']}
    assert daemon.get('/api/v1/incidents', headers=bearer).status == 200
    listed = daemon.get('/api/v1/tokens')
    assert made.body['token'] not in listed.raw.decode() and 'ci' in [t['name'] for t in listed.body['tokens']]
    assert daemon.post('/api/v1/tokens', {'name': 'ci', 'role': 'viewer'}).status == 409
    assert daemon.delete(f'/api/v1/tokens/{made.body["id"]}').status == 204
    assert daemon.get('/api/v1/incidents', headers=bearer).status == 401
    for path in daemon.data.glob('auspex.db*'):
        assert made.body['token'].encode() not in path.read_bytes()


def test_users_come_and_go(daemon):
    assert daemon.post('/api/v1/users', {'name': 'kim', 'role': 'operator', 'password': 'short'}).status == 422
    assert daemon.post('/api/v1/users', {'name': 'kim', 'role': 'operator', 'password': 'long enough for kim'}).status == 201
    assert daemon.post('/api/v1/users', {'name': 'kim', 'role': 'operator', 'password': 'long enough for kim'}).status == 409
    reply = login(daemon, {'user': 'kim', 'password': 'long enough for kim'})
    cookie = {'Cookie': reply.headers['Set-Cookie'].split(';')[0]}
    assert request(daemon.url, 'GET', '/api/v1/users', headers=cookie).status == 403
    assert daemon.delete('/api/v1/users/admin').status == 409  # the last admin stays
    assert daemon.delete('/api/v1/users/kim').status == 204
    assert request(daemon.url, 'GET', '/api/v1/session', headers=cookie).status == 401


def test_without_authentication_everybody_here_is_admin_and_strangers_pages_are_not(make_daemon):
    daemon = make_daemon(auth='none')
    assert daemon.get('/api/v1/session').body['role'] == 'admin'
    assert daemon.get('/api/v1/incidents', headers={'Host': 'evil.example'}).status in (400, 403, 421)
    assert daemon.post('/api/v1/stop', {'engaged': True, 'reason': 'x'}, headers={'Origin': 'http://evil.example'}).status == 403
    assert '--web.auth=none' in daemon.log_text()


def test_another_address_than_loopback_is_refused_without_tls():
    with Daemon() as daemon:
        done = subprocess.run([BINARY, 'serve', '--web.listen-address', '0.0.0.0:0', '--storage.path', daemon.data],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and 'TLS' in done.stderr


def test_secrets_never_reach_the_log_or_the_configuration_page(make_daemon):
    daemon = make_daemon(config='receivers:\n  - name: ops\n    slack_configs:\n      - api_url: http://127.0.0.1:1/SECRETHOOK\n')
    daemon.post('/api/v1/receivers/ops/test')
    assert 'SECRETHOOK' not in daemon.log_text()
    assert 'SECRETHOOK' not in daemon.get('/api/v1/receivers').raw.decode()
