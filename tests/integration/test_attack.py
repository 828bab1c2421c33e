"""test_attack.py - what an attacker tries, on the real binary: hostile credentials, texts, files, and peers."""
import base64
import json
import os
import re
import signal
import sqlite3
import subprocess

import pytest

from harness import BINARY, Daemon, wait_until


# Credentials

@pytest.mark.parametrize('secret', ['====', '=' * 8, 'AAA=====', 'A===', 'AA=A', '', '=', 'Og==', 'A' * 1024, 'A' * 2000,
                                    base64.b64encode(b'\xff\x00:\xff\x00').decode()])
def test_damaged_basic_credentials_are_401(daemon, secret):
    assert daemon.get('/api/v1/session', headers={'Authorization': 'Basic ' + secret}).status == 401
    assert daemon.get('/-/healthy', headers={'Authorization': 'Basic ' + secret}).status == 200
    assert daemon.get('/api/v1/session').status == 200


def log_in(daemon):
    token = re.search(r'#token=(\S+)', daemon.log_text()).group(1)
    reply = daemon.post('/api/v1/login', {'token': token}, role=None)
    assert reply.status == 200
    return reply.headers['Set-Cookie'].split(';')[0], reply.body['csrf_token']


def test_another_servers_cookie_of_the_same_name_locks_nobody_out(daemon):
    mine, csrf = log_in(daemon)
    for cookies in ('session=other; ' + mine, '__Host-session=other; ' + mine, 'session=; ' + mine, mine + '; session=other'):
        assert daemon.get('/api/v1/session', headers={'Cookie': cookies}, role=None).body['role'] == 'admin', cookies
    assert daemon.get('/api/v1/session', headers={'Cookie': 'session=x; ' * 50}, role=None).status == 401
    cookies = {'Cookie': 'session=other; ' + mine, 'X-CSRF-Token': csrf}
    assert daemon.post('/api/v1/logout', headers=cookies, role=None).status == 204
    assert daemon.get('/api/v1/session', headers={'Cookie': mine}, role=None).status == 401, 'logged out means out'


# Texts

def test_the_terminal_obeys_no_telemetry(daemon):
    name = 'evil\x1b]0;own\x07 \x9b31m \u202etxt.exe\u2066 \x85 x'
    alert = {'status': 'firing', 'labels': {'alertname': name, 'severity': 'critical'}, 'annotations': {'summary': name},
             'startsAt': '2026-11-22T12:00:00Z'}
    assert daemon.post('/webhook', {'version': '4', 'status': 'firing', 'alerts': [alert]}).status == 200
    wait_until(lambda: daemon.get('/api/v1/incidents').body['total'], 10, 'the incident is there')
    daemon.env = {'AUSPEX_URL': daemon.url, 'AUSPEX_TOKEN': daemon.token()}
    for command in ('incidents', 'alerts'):
        text = daemon.cli(command)
        assert 'evil' in text
        assert not re.search('[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]', text), repr(text)
