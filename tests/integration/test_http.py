"""test_http.py - the server against peers that are slow, rude, or clever, on the real binary."""
import gzip
import json
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest

from harness import BINARY, Daemon, WebSocketRefused, request, wait_until

LIMITS = 'server: { header_timeout: 1s, body_timeout: 1s, idle_timeout: 2s, max_connections: 64 }\n'


@pytest.fixture(scope='module')
def server():
    with Daemon(config=LIMITS) as daemon:
        daemon.start()
        yield daemon
        daemon.stop()


def connect(daemon, timeout=20):
    host, port = daemon.url.split('//')[1].split(':')
    return socket.create_connection((host, int(port)), timeout)


def read_all(peer):
    """What comes until the server closes."""
    parts = []
    while True:
        try:
            part = peer.recv(65536)
        except ConnectionResetError:
            part = b''
        if not part:
            return b''.join(parts)
        parts.append(part)


def exchange(daemon, text):
    """One raw request; the status and all that came."""
    with connect(daemon) as peer:
        peer.sendall(text if isinstance(text, bytes) else text.encode())
        answer = read_all(peer)
    return int(answer.split(b' ')[1]) if answer else 0, answer


def head(daemon, line, *headers, role='admin'):
    lines = [f'{line} HTTP/1.1', 'Host: localhost', *headers]
    if role:
        lines.append(f'Authorization: Bearer {daemon.token(role)}')
    return '\r\n'.join(lines) + '\r\n\r\n'


def alive(daemon):
    return daemon.get('/api/v1/session').status == 200


# Slow peers

def test_who_sends_a_byte_a_second_is_cut_and_nobody_notices(server):
    peers = [connect(server) for _ in range(40)]
    began = time.monotonic()
    for peer in peers:
        peer.sendall(b'GET /api/v1/session HTTP/1.1\r\nHost: loc')
    assert alive(server)
    stop = threading.Event()

    def drip():
        while not stop.wait(0.2):
            for peer in peers:
                try:
                    peer.send(b'a')
                except OSError:
                    pass
    thread = threading.Thread(target=drip)
    thread.start()
    try:
        answers = [read_all(peer) for peer in peers]
    finally:
        stop.set()
        thread.join()
    assert time.monotonic() - began < 10
    assert all(answer.startswith(b'HTTP/1.1 408 ') for answer in answers), answers[:3]
    assert alive(server)


def test_a_body_that_never_comes_is_a_408(server):
    status, answer = exchange(server, head(server, 'POST /webhook', 'Content-Length: 100', 'Content-Type: application/json') + '{"half":')
    assert status == 408 and b'did not come in time' in answer


def test_idle_connections_are_closed_and_more_than_allowed_evict_the_oldest(server):
    peers = [connect(server) for _ in range(100)]  # 64 are allowed
    assert alive(server)
    for peer in peers:
        assert read_all(peer) == b''
    assert wait_until(lambda: server.metric('auspex_http_connections') <= 3, 10, 'the connections are gone')


def test_who_does_not_read_is_cut(server):
    before = server.metric('auspex_http_cut_total', reason='write_timeout') or 0
    with connect(server) as peer:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            peer.sendall(head(server, 'GET /api/openapi.json').encode() * 400)  # more than the kernel's buffers take
        except OSError:
            pass
        wait_until(lambda: (server.metric('auspex_http_cut_total', reason='write_timeout') or 0) > before, 20, 'it is cut')
    assert alive(server)


# Large ones

@pytest.mark.parametrize('framing', ['length', 'chunked'])
def test_100_mb_bodies_are_refused_early(server, framing):
    token = server.token()
    with connect(server) as peer:
        peer.sendall((f'POST /webhook HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n' +
                      ('Content-Length: 104857600\r\n\r\n' if framing == 'length' else 'Transfer-Encoding: chunked\r\n\r\n6400000\r\n')).encode())
        sent = 0
        try:
            while sent < 104857600:
                sent += peer.send(b' ' * 65536)
        except OSError:
            pass
        answer = read_all(peer)
    assert answer.startswith(b'HTTP/1.1 413 '), answer[:100]
    assert server.metric('auspex_process_resident_memory_bytes') < 300e6
    assert alive(server)


def test_header_floods_are_431(server):
    assert exchange(server, 'GET / HTTP/1.1\r\nHost: localhost\r\n' + 'X-Flood: ' + 'a' * 2000000)[0] == 431
    assert exchange(server, 'GET / HTTP/1.1\r\nHost: localhost\r\n' + ''.join(f'X-{i}: 1\r\n' for i in range(1000)) + '\r\n')[0] == 431
    assert exchange(server, 'GET /' + 'a' * 100000 + ' HTTP/1.1\r\nHost: localhost\r\n\r\n')[0] == 431
    assert alive(server)


def test_a_gzip_bomb_is_413(server):
    bomb = gzip.compress(b' ' * 200_000_000, 9)
    assert len(bomb) < 300_000
    said = server.post('/webhook', bomb, headers={'Content-Type': 'application/json', 'Content-Encoding': 'gzip'})
    assert said.status == 413
    assert server.metric('auspex_process_resident_memory_bytes') < 300e6


# Keep-alive, pipelining, peers that close halfway

def test_pipelined_requests_are_answered_in_order(server):
    batch = ''.join(head(server, f'GET /api/v1/nothing-{i}') for i in range(200)) + head(server, 'GET /api/v1/session', 'Connection: close')
    status, answer = exchange(server, batch)
    assert re.findall(rb'"instance":"/api/v1/nothing-(\d+)"', answer) == [str(i).encode() for i in range(200)]
    assert answer.count(b'HTTP/1.1 200 ') == 1


def test_a_request_a_byte_at_a_time_is_whole_in_the_end(server):
    with connect(server) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in head(server, 'GET /api/v1/session', 'Connection: close').encode():
            peer.send(bytes([byte]))
        assert read_all(peer).startswith(b'HTTP/1.1 200 ')


def test_a_half_closed_peer_gets_its_answer(server):
    with connect(server) as peer:
        peer.sendall(head(server, 'GET /api/openapi.json').encode())
        peer.shutdown(socket.SHUT_WR)
        answer = read_all(peer)
    assert answer.startswith(b'HTTP/1.1 200 ') and answer.endswith(b'}')


def test_peers_that_vanish_leave_nothing_behind(server):
    for i in range(100):
        with connect(server) as peer:
            peer.sendall(head(server, 'GET /api/openapi.json').encode()[:30 + 7 * (i % 20)])
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')  # a reset, no farewell
    wait_until(lambda: server.metric('auspex_http_connections') <= 2, 10, 'the connections are gone')
    wait_until(lambda: server.metric('auspex_http_requests_in_flight') <= 1, 10, 'the requests are done')


def test_keep_alive_serves_many_on_one_connection(server):
    before = server.metric('auspex_http_accepted_total')
    with connect(server) as peer:
        stream = peer.makefile('rb')
        for _ in range(50):
            peer.sendall(head(server, 'GET /api/v1/session').encode())
            assert stream.readline().startswith(b'HTTP/1.1 200 ')
            length = 0
            while (line := stream.readline().strip()):
                if line.lower().startswith(b'content-length:'):
                    length = int(line.split(b':')[1])
            assert json.loads(stream.read(length))['auth'] == 'required'
    assert server.metric('auspex_http_accepted_total') - before <= 3


# What is asked

def problem(said, status):
    assert said.status == status, said
    assert said.headers['Content-Type'] == 'application/problem+json'
    assert said.body['status'] == status and said.body['title'] and said.body['detail']
    return said.body


def test_problems_are_documents_that_name_the_place(server):
    assert problem(server.get('/api/v1/nothing'), 404)['instance'] == '/api/v1/nothing'
    said = server.delete('/api/v1/session')
    problem(said, 405)
    assert said.headers['Allow'] == 'GET, HEAD'
    problem(server.get('/api/v1/session?surprise=1'), 400)
    problem(server.get('/api/v1/incidents?limit=0'), 422)
    problem(server.get('/api/v1/incidents?limit=x'), 422)
    assert problem(server.get('/api/v1/incidents?limt=1'), 400)['errors'][0]['field'] == 'limt'
    problem(server.get('/api/v1/nothing/%zz'), 400)
    problem(server.get('/api/v1/session?lang=%00'), 400)
    problem(server.post('/api/v1/login', 'token=x', headers={'Content-Type': 'text/plain'}), 415)
    problem(server.post('/api/v1/login', '{"token": NaN}', headers={'Content-Type': 'application/json'}), 400)
    problem(server.post('/api/v1/login', b'{"token": "\xff"}', headers={'Content-Type': 'application/json'}), 400)
    problem(server.post('/api/v1/login', '[' * 100000, headers={'Content-Type': 'application/json'}), 400)
    problem(server.post('/api/v1/login', {'token': 5}, role=None), 422)
    problem(server.post('/api/v1/login', {'token': 'x', 'tokn': 'x'}, role=None), 400)


def test_headers_that_protect_are_on_every_reply(server):
    for path in ('/', '/docs', '/api/v1/session', '/api/v1/nothing'):
        headers = server.get(path).headers
        assert "default-src 'self'" in headers['Content-Security-Policy'] and 'unsafe' not in headers['Content-Security-Policy']
        assert headers['X-Content-Type-Options'] == 'nosniff'
        assert headers['X-Frame-Options'] == 'DENY'
        assert headers['Cache-Control'] in ('no-store', 'no-cache')


def test_head_has_the_headers_of_get_and_no_body(server):
    get, without = server.get('/docs'), server.request('HEAD', '/docs')
    assert without.status == 200 and without.raw == b''
    assert without.headers['Content-Length'] == get.headers['Content-Length'] and without.headers['ETag'] == get.headers['ETag']


# Who asks

def test_every_call_wants_a_credential(server):
    assert problem(server.get('/api/v1/session', role=None), 401)
    assert problem(server.get('/api/v1/session', headers={'Authorization': 'Bearer nonsense'}), 401)
    assert problem(server.get('/api/v1/incidents', role='ingest'), 403)


def login(daemon):
    said = daemon.post('/api/v1/login', {'token': daemon.token()}, role=None)
    assert said.status == 200, said
    return said.headers['Set-Cookie'].split(';')[0], said.body['csrf_token']


def test_writes_by_cookie_need_the_csrf_token(server):
    cookie, csrf = login(server)
    assert server.get('/api/v1/session', headers={'Cookie': cookie}, role=None).status == 200
    reload = lambda **headers: server.post('/-/reload', headers={'Cookie': cookie, **headers}, role=None).status  # noqa: E731
    assert reload() == 403
    assert reload(**{'X-CSRF-Token': csrf[:-1] + '!'}) == 403
    assert reload(**{'X-CSRF-Token': csrf, 'Origin': 'https://evil.example'}) == 403
    assert reload(**{'X-CSRF-Token': csrf, 'Origin': server.url}) == 200


@pytest.mark.parametrize('auth', ['required', 'none'])
def test_other_sites_and_other_names_may_not_write(auth):
    with Daemon(auth=auth) as daemon:
        daemon.start()
        assert daemon.post('/-/reload').status == 200
        assert daemon.post('/-/reload', headers={'Origin': 'http://evil.example'}).status == 403
        assert daemon.post('/-/reload', headers={'Origin': 'null'}).status == 403
        assert daemon.post('/-/reload', headers={'Host': 'rebound.example'}).status == 403
        read = daemon.get('/api/v1/session', headers={'Host': 'rebound.example'}).status
        assert read == (200 if auth == 'required' else 403)  # without credentials the name is all that protects
        with pytest.raises(WebSocketRefused) as refused:
            daemon.websocket('/ws/alerts', headers={'Origin': 'http://evil.example'})
        assert refused.value.status == 403
        daemon.stop()


def test_a_second_name_is_allowed_by_configuration():
    with Daemon(config='server: { allowed_hosts: [auspex.example] }\n') as daemon:
        daemon.start()
        assert daemon.post('/-/reload', headers={'Host': 'auspex.example', 'Origin': 'https://auspex.example'}).status == 200
        daemon.stop()


def test_behind_a_proxy_the_address_is_the_forwarded_one():
    with Daemon(config='server: { trust_proxy: true }\n') as daemon:
        daemon.start()
        assert daemon.get('/metrics', role=None).status == 200  # from this machine nobody need say who he is
        assert daemon.get('/metrics', role=None, headers={'X-Forwarded-For': '127.0.0.1, 203.0.113.9'}).status == 401
        assert 'Secure' in daemon.post('/api/v1/login', {'token': daemon.token()}, role=None,
                                       headers={'X-Forwarded-Proto': 'https'}).headers['Set-Cookie']
        daemon.stop()


def test_without_a_proxy_nobody_believes_a_forwarded_address(server):
    assert server.get('/metrics', role=None, headers={'X-Forwarded-For': '203.0.113.9'}).status == 200


def test_one_key_one_effect_one_reply(server):
    body, headers = {'name': 'twice', 'password': 'a long enough one', 'role': 'viewer'}, {'Idempotency-Key': 'test-user'}
    first, second = (server.post('/api/v1/users', body, headers=headers) for _ in range(2))
    assert first.status in (200, 201) and (second.status, second.raw) == (first.status, first.raw)
    assert second.headers['Idempotent-Replayed'] == 'true'
    problem(server.post('/api/v1/users', body | {'name': 'thrice'}, headers=headers), 409)


def test_a_new_token_is_not_kept_for_a_replay(server):
    body, headers = {'name': 'shown-once', 'role': 'viewer'}, {'Idempotency-Key': 'test-token'}
    first, second = (server.post('/api/v1/tokens', body, headers=headers) for _ in range(2))
    assert first.status in (200, 201) and second.headers['Idempotent-Replayed'] is None
    assert first.raw not in b''.join(path.read_bytes() for path in server.data.glob('*') if path.is_file())


# Where it listens

def refused_start(folder, listen):
    """What `auspex serve` says when it does not start."""
    done = subprocess.run([BINARY, 'serve', '--storage.path', folder / 'data', '--web.listen-address', listen], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    return done.stdout + done.stderr


@pytest.mark.parametrize('listen, why', [('0.0.0.0:0', 'nothing encrypts it'), ('127.0.0.1:x', 'ADDRESS:PORT')])
def test_it_does_not_listen_in_the_open(tmp_path, listen, why):
    assert why in refused_start(tmp_path, listen)


def test_the_port_of_another_is_named(server, tmp_path):
    said = refused_start(tmp_path, server.url.split('//')[1])
    assert 'in use' in said and 'web.listen-address' in said


def test_tls():
    daemon = Daemon()
    cert, key = daemon.folder / 'cert.pem', daemon.folder / 'key.pem'  # where the daemon's user may read
    with daemon:
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
                        '-keyout', key, '-out', cert], check=True, capture_output=True)
        key.chmod(0o644)
        daemon.write_config(f'server: {{ tls_cert: {cert}, tls_key: {key} }}\n')
        daemon.start(ready=False)
        said = wait_until(lambda: (daemon.data / 'endpoint').exists() and (daemon.data / 'endpoint').read_text(), 20, 'the endpoint is written')
        url = 'https://' + json.loads(said)['url'].split('//')[1]
        token = daemon.token()
        reply = wait_until(lambda: request(url, 'GET', '/api/openapi.json', headers={'Authorization': f'Bearer {token}'}), 10, 'an answer')
        assert reply.status == 200 and reply.body['openapi'] == '3.1.0'
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.check_hostname, old.verify_mode, old.maximum_version = False, ssl.CERT_NONE, ssl.TLSVersion.TLSv1_2
        host, port = url.split('//')[1].split(':')
        with pytest.raises(ssl.SSLError), socket.create_connection((host, int(port)), 10) as plain:
            old.wrap_socket(plain, server_hostname='localhost')
        daemon.stop()


# What it says of itself

def test_the_document_names_every_call_with_its_role(server):
    document = server.get('/api/openapi.json').body
    assert document['openapi'] == '3.1.0'
    roles = {}
    for path, methods in document['paths'].items():
        for method, operation in methods.items():
            roles[method.upper(), path] = operation['x-role']
            in_path = {p['name'] for p in operation['parameters'] if p.get('in') == 'path'}
            assert in_path == set(re.findall(r'\{(\w+)\}', path)), path
    assert roles['GET', '/api/v1/session'] == 'viewer' and roles['POST', '/api/v1/login'] == 'nobody'
    for (method, path), role in roles.items():  # nobody gets in where a role is asked for
        if role == 'nobody' or path.startswith('/ws/') or path == '/metrics':
            continue
        said = server.request(method, re.sub(r'\{\w+\}', '1', path), role=None)
        assert said.status == 401, (method, path, said)
