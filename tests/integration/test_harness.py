"""The harness itself: what it promises holds, so that the other tests may rely on it."""
import os
import signal
import subprocess
import time

import pytest

import harness


def test_wait_until_returns_what_the_condition_said():
    answers = iter([None, 0, 'there'])
    assert harness.wait_until(lambda: next(answers), 5, 'it is there') == 'there'


def test_wait_until_says_what_never_came():
    with pytest.raises(AssertionError, match=r'not within 0.05 s: rain \(last answer: 0\)'):
        harness.wait_until(lambda: 0, 0.05, 'rain')


def test_redis_answers_and_comes_back_empty_after_kill(redis):
    assert redis.command('SET', 'k', 'v w') == 'OK'
    assert redis.command('GET', 'k') == 'v w'
    port = redis.port
    redis.restart()
    assert (redis.port, redis.command('GET', 'k')) == (port, None)
    with pytest.raises(harness.RespError, match='unknown command'):
        redis.command('NONSENSE')


def test_redis_takes_a_configuration(make_redis):
    redis = make_redis(maxmemory='12345678', maxmemory_policy='allkeys-lru')
    assert redis.info()['maxmemory'] == '12345678'
    assert redis.command('CONFIG', 'GET', 'maxmemory-policy') == ['maxmemory-policy', 'allkeys-lru']


def test_recorder_follows_its_script_and_keeps_what_it_got(recorder):
    recorder.answers(500, (429, {'Retry-After': '7'}), (200, {'Content-Type': 'application/json'}, b'{"ok": 1}'), 'reset')
    assert harness.request(recorder.url, 'POST', '/a', {'x': 1}).status == 500
    limited = harness.request(recorder.url, 'POST', '/b')
    assert (limited.status, limited.headers['Retry-After']) == (429, '7')
    assert harness.request(recorder.url, 'GET', '/c').body == {'ok': 1}
    with pytest.raises(OSError):
        harness.request(recorder.url, 'GET', '/d')
    assert harness.request(recorder.url, 'GET', '/e').status == 200
    assert [it['path'] for it in recorder.wait_for(5)] == ['/a', '/b', '/c', '/d', '/e']
    assert recorder.requests[0]['json'] == {'x': 1}


def test_recorder_hangs_when_told(recorder):
    recorder.answers('hang')
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        harness.request(recorder.url, 'GET', '/', timeout=0.2)
    assert time.monotonic() - began >= 0.2


def test_grandchildren_whose_parent_died_are_seen():
    parent = subprocess.Popen(['sh', '-c', 'sleep 1000 & echo $!'], stdout=subprocess.PIPE, start_new_session=True)
    orphan = int(parent.stdout.readline())
    parent.wait()
    parent.stdout.close()
    assert orphan in harness.children()
    os.kill(orphan, signal.SIGKILL)
    os.waitpid(orphan, 0)
    assert orphan not in harness.children()


def test_what_a_test_leaves_behind_is_a_failure(tmp_path):
    (tmp_path / 'conftest.py').write_text((harness.ROOT / 'tests/conftest.py').read_text())
    (tmp_path / 'test_bad.py').write_text('''
import harness, pathlib, subprocess

def test_leaves_a_process():
    pathlib.Path('left').write_text(str(subprocess.Popen(['sleep', '1000'], start_new_session=True).pid))

def test_fails_with_a_redis(redis):
    pathlib.Path('redis').write_text(str(redis.pid))
    assert False

def test_has_a_sanitizer_report():
    harness.Process('sick').spawn(['sh', '-c', 'echo ERROR: AddressSanitizer: heap-use-after-free; sleep 1000'])
    harness.wait_until(lambda: 'heap' in harness.ALIVE[-1].log.read_text(), 5, 'it speaks')
''')
    done = subprocess.run(['/usr/bin/python3', '-m', 'pytest', '-p', 'no:cacheprovider', '-q', tmp_path], cwd=tmp_path, text=True,
                          capture_output=True, stdin=subprocess.DEVNULL, timeout=60,
                          env=os.environ | {'PYTHONPATH': str(harness.ROOT / 'tests/integration')})
    assert done.returncode == 1
    assert 'processes outlived their test' in done.stdout and '1 failed, 2 passed, 2 errors' in done.stdout
    assert 'sick: ERROR: AddressSanitizer: heap-use-after-free' in done.stdout
    assert 'Ready to accept connections' in done.stdout  # the log of what ran is shown
    for name in 'left', 'redis':
        assert not os.path.exists(f'/proc/{(tmp_path / name).read_text()}')
