"""test_actions.py - tries to get past each control of an action, on the real daemon with a real Redis."""
import json
import os
import pathlib
import signal
import socket
import time

import pytest

from harness import Daemon, RespConnection, RespError, wait_until

OVER = {'fixed', 'not_fixed', 'cannot_tell', 'rolled_back', 'failed', 'refused', 'expired', 'interrupted'}


def sources(redis):
    return f'sources:\n  - type: node\n    interval: 1s\n  - type: redis\n    name: main\n    interval: 1s\n    settings: {{ host: 127.0.0.1, port: {redis.port} }}\n' if redis else ''


def catalogue(folder, text):
    path = pathlib.Path(folder) / 'actions.yml'
    path.write_text('actions:\n' + text)
    path.chmod(0o644)
    return path


def command_action(name, argv, verify="command: { argv: ['true'] }", more='', rollback=None, kind=1):
    """An action of one command; argv is YAML."""
    back = f'    rollback: [ {{ command: {{ argv: {rollback} }} }} ]\n' if rollback else '    irreversible: true\n'
    return (f'  - id: {name}\n    doc: A test.\n    class: {kind}\n    targets: [this_host]\n    cooldown: 0s\n'
            f'    run: [ {{ command: {{ argv: {argv} }} }} ]\n    verify: {{ {verify}, within: 2s, every: 200ms }}\n{back}{more}')


@pytest.fixture
def acting(tmp_path_factory):
    """acting(actions, redis, settings): a daemon whose catalogue has these actions too."""
    def make(actions='', redis=None, settings='', **more):
        folder = pathlib.Path(tmp_path_factory.mktemp('catalogue'))
        for parent in [folder, *folder.parents][:3]:
            parent.chmod(parent.stat().st_mode | 0o055)
        files = f'  files: [{catalogue(folder, actions)}]\n' if actions else ''
        if 'propose' not in settings:  # what people ask for is not to meet what the doctor recommends
            settings += '  propose: false\n'
        text = f'actions:\n{files}{settings}'
        daemon = Daemon(config=text + sources(redis), **more).start()
        daemon.boss = {'Authorization': 'Bearer ' + daemon.token('approver', 'boss')}
        daemon.scratch = folder
        return daemon
    return make


def execute(daemon, action, dry_run=False, headers=None, **parameters):
    return daemon.post('/api/v1/remediation/execute', {'action': action, 'parameters': parameters, 'dry_run': dry_run}, headers=headers)


def ask(daemon, action, **parameters):
    """The execution's id, once it waits for approval."""
    status, body = execute(daemon, action, **parameters)
    assert status == 202, body
    return body['execution_id']


def show(daemon, number):
    status, body = daemon.get(f'/api/v1/executions/{number}')
    assert status == 200, body
    return body


def decide(daemon, number, decision='approve', plan_hash=None, headers=None, reason=''):
    plan_hash = plan_hash or show(daemon, number)['plan']['hash']
    return daemon.post(f'/api/v1/approvals/{number}', {'decision': decision, 'hash': plan_hash, 'reason': reason},
                       headers=headers or daemon.boss)


def finished(daemon, number, seconds=30):
    return wait_until(lambda: (e := show(daemon, number))['state'] in OVER and e, seconds, f'execution {number} is over')


def run(daemon, action, **parameters):
    number = ask(daemon, action, **parameters)
    status, body = decide(daemon, number)
    assert status == 200, body
    return finished(daemon, number)


def watched(daemon, redis):
    """Once the source has connected, its Redis is in the inventory."""
    instance = f'127.0.0.1:{redis.port}'
    wait_until(lambda: execute(daemon, 'redis_bgsave', True, instance=instance).status == 200, 20, 'the Redis is watched')
    return instance


def test_a_plan_shows_everything_and_a_changed_one_is_not_approved(acting, redis):
    redis.command('CONFIG', 'SET', 'maxmemory', '50mb')
    daemon = acting(redis=redis)
    instance = watched(daemon, redis)
    status, body = execute(daemon, 'redis_raise_maxmemory', True, instance=f'redis:{instance}', ratio=1.2)
    assert (status, body['status']) == (200, 'dry_run')
    step = body['plan']['steps'][0]
    assert step['call'] == f'CONFIG SET maxmemory {int(50 * 1024 * 1024 * 1.2)}' and step['target'] == f'redis:{instance}'
    assert body['plan']['rollback'][0]['call'] == f'CONFIG SET maxmemory {50 * 1024 * 1024}'
    assert 'used_memory / maxmemory < 0.9' in body['plan']['verification'] and len(body['plan']['hash']) == 64
    assert daemon.get('/api/v1/executions')[1]['total'] == 0  # a dry run leaves nothing

    number = ask(daemon, 'redis_raise_maxmemory', instance=instance, ratio=1.2)
    assert show(daemon, number)['state'] == 'pending_approval'
    assert decide(daemon, number, plan_hash='0' * 64).status == 409
    assert redis.command('CONFIG', 'GET', 'maxmemory')[1] == str(50 * 1024 * 1024)
    # The world moves before the start: somebody else changes the option, which nobody who approves can see.
    redis.command('CONFIG', 'SET', 'maxmemory', '70mb')
    assert decide(daemon, number).status == 200
    assert 'plan changed' in finished(daemon, number)['reason']
    assert redis.command('CONFIG', 'GET', 'maxmemory')[1] == str(70 * 1024 * 1024)
    waiting = wait_until(lambda: daemon.get('/api/v1/approvals')[1]['approvals'], 10, 'the new plan waits')
    assert waiting[0]['plan']['steps'][0]['call'] == f'CONFIG SET maxmemory {int(70 * 1024 * 1024 * 1.2)}'


def test_what_the_command_line_shows_is_what_is_approved(acting, redis):
    redis.command('CONFIG', 'SET', 'maxmemory', '50mb')
    daemon = acting(redis=redis)
    number = ask(daemon, 'redis_raise_maxmemory', instance=watched(daemon, redis))
    daemon.env = daemon.env | {'AUSPEX_URL': daemon.url, 'AUSPEX_TOKEN': daemon.token('approver', 'boss')}
    said = daemon.cli('approvals')
    plan = show(daemon, number)['plan']
    assert f'{plan["steps"][0]["display"]}   on redis:127.0.0.1:{redis.port}' in said
    assert plan['verification'] in said and plan['rollback'][0]['display'] in said
    words = next(line for line in said.splitlines() if line.strip().startswith('auspex approve')).split()
    daemon.cli(*words[1:], '--reason', 'more room')
    assert finished(daemon, number)['state'] == 'fixed'


def test_the_loop_raises_maxmemory_and_verifies(acting, redis):
    redis.command('CONFIG', 'SET', 'maxmemory', '8mb')
    for i in range(7000):
        try:
            redis_fill(redis, i)
        except Exception:
            break
    daemon = acting(redis=redis)
    e = run(daemon, 'redis_raise_maxmemory', instance=watched(daemon, redis), ratio=1.5)
    assert (e['state'], e['verification']['outcome']) == ('fixed', 'fixed'), e
    assert len([c for c in e['verification']['checks'] if c['ok']]) >= 3
    assert redis.command('CONFIG', 'GET', 'maxmemory')[1] == str(12 * 1024 * 1024)
    kinds = [it['kind'] for it in daemon.get('/api/v1/events?limit=200')[1].get('events', [])]
    assert not kinds or 'execution.ended' in kinds


def test_a_proposal_ends_with_its_incident_and_comes_back_with_it(acting, redis):
    daemon = acting(redis=redis, settings='  propose: true\n')
    watched(daemon, redis)
    pending = lambda: daemon.get('/api/v1/approvals').body['approvals']

    def ill():
        redis.command('CONFIG', 'SET', 'maxmemory', int(int(redis.info()['used_memory']) * 0.95))
        with pytest.raises(RespError):
            redis_fill(redis, 1)
        return wait_until(pending, 30, 'it is proposed')[0]['execution_id']
    redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    first = ill()
    redis.command('CONFIG', 'SET', 'maxmemory', 0)  # somebody helped by hand
    wait_until(lambda: not pending(), 30, 'nobody is asked any more')
    assert show(daemon, first)['state'] == 'expired' and 'incident is over' in show(daemon, first)['reason']
    assert ill() != first  # the same alert again reopens the incident, and is worth a proposal again


def redis_fill(redis, i):
    if not hasattr(redis, 'filler'):
        redis.filler = redis.connection()
    redis.filler.command('SET', f'key:{i}', 'x' * 1024)


def test_the_requester_does_not_approve(acting):
    daemon = acting(command_action('touch_it', "['true']"))
    number = ask(daemon, 'touch_it')
    me = daemon.get('/api/v1/approvals')[1]['approvals'][0]
    assert me['self'] is True
    own = daemon.post(f'/api/v1/approvals/{number}', {'decision': 'approve', 'hash': me['hash']})
    assert own.status == 403 and 'requested' in own.body['detail']
    operator = {'Authorization': 'Bearer ' + daemon.token('operator', 'op')}
    assert decide(daemon, number, headers=operator).status == 403
    assert show(daemon, number)['state'] == 'pending_approval'
    assert decide(daemon, number, 'reject', reason='not now').status == 200
    e = show(daemon, number)
    assert e['state'] == 'refused' and 'not now' in e['reason'] and e['started_at'] is None
    assert decide(daemon, number).status == 409


def test_class_3_takes_two_persons(acting):
    mark = '/tmp/auspex-test-class3-%d' % os.getpid()
    daemon = acting(command_action('wipe', f"[touch, '{mark}']", kind=3))
    number = ask(daemon, 'wipe')
    assert decide(daemon, number).status == 200
    assert decide(daemon, number).status == 200  # the same person twice is one person
    assert show(daemon, number)['state'] == 'pending_approval' and not os.path.exists(mark)
    second = {'Authorization': 'Bearer ' + daemon.token('approver', 'second')}
    assert decide(daemon, number, headers=second).status == 200
    assert finished(daemon, number)['state'] == 'fixed'
    os.unlink(mark)


def test_destructive_redis_changes_are_refused(acting, redis):
    redis.command('CONFIG', 'SET', 'maxmemory', '100mb')
    for i in range(3000):
        redis_fill(redis, i)
    daemon = acting('''  - id: lower
    doc: A trap.
    class: 1
    parameters: { instance: { type: redis_instance } }
    targets: [instance]
    run: [ { redis: { set: maxmemory, to: '1000000' } } ]
    verify: { redis: { check: maxmemory > 0 } }
    rollback: [ { redis: { restore: maxmemory } } ]
''', redis=redis)
    answer = execute(daemon, 'lower', instance=watched(daemon, redis))
    assert answer.status == 403 and 'below' in answer.body['detail'], answer
    assert redis.command('DBSIZE') == 3000
    for wrong in ('127.0.0.1:1', 'nobody:6379', 'redis:10.0.0.9:6379'):
        assert execute(daemon, 'redis_bgsave', instance=wrong).status in (400, 404, 422), wrong


def test_idle_clients_are_killed_by_id_and_the_others_live(acting, make_redis):
    redis = make_redis(maxclients=40)
    idle = [redis.connection() for _ in range(34)]
    busy, subscriber = redis.connection(), redis.connection()
    subscriber.command('SUBSCRIBE', 'news')
    daemon = acting(redis=redis)
    instance = watched(daemon, redis)

    def plan():
        busy.command('PING')
        answer = execute(daemon, 'redis_kill_idle_clients', True, instance=instance, idle='2s')
        return answer.status == 200 and len(answer.body['parameters']['ids'].split(',')) >= 34 and answer
    wait_until(plan, 20, 'the clients are idle')
    number = ask(daemon, 'redis_kill_idle_clients', instance=instance, idle='2s')
    idle[0].command('PING')  # active again after the plan: it stays
    assert decide(daemon, number).status == 200
    e = finished(daemon, number)
    assert e['state'] == 'fixed', e
    assert idle[0].command('PING') == 'PONG' and busy.command('PING') == 'PONG'
    with pytest.raises((ConnectionError, OSError, ValueError, IndexError)):
        idle[5].command('PING')
    subscriber.socket.settimeout(0.2)
    redis.command('PUBLISH', 'news', 'x')
    assert subscriber.receive()[2] == 'x'
    answer = execute(daemon, 'redis_kill_idle_clients', instance=instance, idle='23h')
    assert answer.status == 409 and 'nothing to do' in answer.body['detail']


def test_a_busy_script_is_killed(acting, make_redis):
    redis = make_redis(busy_reply_threshold=100)
    daemon = acting(redis=redis)
    instance = watched(daemon, redis)
    stuck = redis.connection()
    stuck.send('EVAL', 'while true do end', 0)
    wait_until(lambda: is_busy(redis), 10, 'Redis is busy')
    e = run(daemon, 'redis_script_kill', instance=instance)
    assert e['state'] == 'fixed', e
    assert redis.command('PING') == 'PONG'


def is_busy(redis):
    try:
        redis.command('GET', 'x')
    except Exception as e:
        return 'BUSY' in str(e)


def test_verification_has_three_outcomes_and_not_fixed_rolls_back(acting):
    mark = '/tmp/auspex-test-mark-%d' % os.getpid()
    daemon = acting(
        command_action('helps', "['true']") +
        command_action('helps_not', "['true']", verify="command: { argv: ['false'] }") +
        command_action('undone', f"[touch, '{mark}']", verify="command: { argv: ['false'] }", rollback=f"[rm, '{mark}']") +
        command_action('no_data', "['true']", verify="expr: 'no_such_metric_anywhere > 1'", rollback=f"[touch, '{mark}']") +
        command_action('fails', "['false']"))
    assert run(daemon, 'helps')['state'] == 'fixed'
    assert run(daemon, 'helps_not')['state'] == 'not_fixed'
    e = run(daemon, 'undone')
    assert e['state'] == 'rolled_back' and not os.path.exists(mark), e
    e = run(daemon, 'no_data')
    assert e['state'] == 'cannot_tell' and e['verification']['outcome'] == 'cannot_tell' and not os.path.exists(mark), e
    assert all(c['ok'] is None for c in e['verification']['checks'])
    e = run(daemon, 'fails')
    assert e['state'] == 'failed' and 'exit status 1' in e['reason']


def test_prechecks_that_do_not_hold_or_have_no_answer_refuse(acting):
    more = "    precheck: [ {{ {} }} ]\n"
    daemon = acting(command_action('wrong_time', "['true']", more=more.format("command: { argv: ['false'] }")) +
                    command_action('blind', "['true']", more=more.format("expr: 'no_such_metric > 0'")))
    e = run(daemon, 'wrong_time')
    assert e['state'] == 'refused' and 'does not hold' in e['reason'] and e['started_at'] is None
    e = run(daemon, 'blind')
    assert e['state'] == 'refused' and 'no answer' in e['reason']


def test_stop_persists_and_keeps_what_was_approved(acting):
    daemon = acting(command_action('wait_for_it', "['true']"))
    assert daemon.post('/api/v1/stop', {'engaged': True, 'reason': ''}).status == 422
    assert daemon.post('/api/v1/stop', {'engaged': True, 'reason': 'something is wrong'}).status == 200
    daemon.kill()
    daemon.start()
    assert daemon.get('/api/v1/stop')[1]['engaged'] is True
    number = ask(daemon, 'wait_for_it')
    assert decide(daemon, number).status == 200
    wait_until(lambda: 'STOP' in (show(daemon, number)['reason'] or ''), 10, 'it waits for STOP')
    assert show(daemon, number)['state'] == 'approved' and show(daemon, number)['started_at'] is None
    operator = {'Authorization': 'Bearer ' + daemon.token('operator', 'op')}
    assert daemon.post('/api/v1/stop', {'engaged': False}, headers=operator).status == 403
    assert daemon.post('/api/v1/stop', {'engaged': False}, headers=daemon.boss).status == 200
    assert finished(daemon, number)['state'] == 'fixed'


def test_cooldown_budget_and_breaker_outlive_a_restart(acting):
    daemon = acting(command_action('cools', "['true']").replace('cooldown: 0s', 'cooldown: 1h') +
                    command_action('breaks', "['true']", verify="command: { argv: ['false'] }") +
                    command_action('spends', "['true']"),
                    settings='  budget_total: 6\n  budget_per_target: 100\n')
    assert run(daemon, 'cools')['state'] == 'fixed'
    assert run(daemon, 'breaks')['state'] == 'not_fixed'
    assert run(daemon, 'breaks')['state'] == 'not_fixed'
    daemon.kill()
    daemon.start()
    e = run(daemon, 'cools')
    assert e['state'] == 'refused' and 'cools down' in e['reason']
    e = run(daemon, 'breaks')
    assert e['state'] == 'refused' and 'breaker' in e['reason']
    for _ in range(3):
        assert run(daemon, 'spends')['state'] == 'fixed'
    e = run(daemon, 'spends')
    assert e['state'] == 'refused' and 'budget' in e['reason']


def test_one_action_per_target_at_a_time(acting):
    log = '/tmp/auspex-test-order-%d' % os.getpid()
    pathlib.Path(log).write_text('')
    os.chmod(log, 0o666)
    script = f"[/bin/bash, -c, 'echo begin >> {log}; sleep 1; echo end >> {log}']"
    daemon = acting(command_action('first', script) + command_action('second', script))
    numbers = [ask(daemon, 'first'), ask(daemon, 'second')]
    for number in numbers:
        assert decide(daemon, number).status == 200
    for number in numbers:
        assert finished(daemon, number, 60)['state'] == 'fixed'
    assert pathlib.Path(log).read_text().split() == ['begin', 'end', 'begin', 'end']
    os.unlink(log)


def test_freezes_expiry_and_new_privileges(acting):
    now = time.time()
    at = lambda s: time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(now + s))
    daemon = acting(command_action('frozen', "['true']"),
                    settings=f'  freezes: [ {{ from: "{at(-60)}", to: "{at(3600)}", reason: release }} ]\n  approval_expiry: 2s\n')
    e = run(daemon, 'frozen')
    assert e['state'] == 'refused' and 'frozen' in e['reason']
    number = ask(daemon, 'frozen')
    e = finished(daemon, number)
    assert e['state'] == 'expired'
    assert decide(daemon, number).status == 409


def test_a_privileged_action_says_so_and_is_refused(acting):
    daemon = acting(command_action('sudoer', "['true']", more='    new_privileges: true\n'))
    entry = next(a for a in daemon.get('/api/v1/actions')[1]['actions'] if a['id'] == 'sudoer')
    assert entry['available'] is False and 'allow_new_privileges' in entry['unavailable_reason']
    e = run(daemon, 'sudoer')
    assert e['state'] == 'failed' and 'privileges' in e['reason']


def test_a_run_dies_with_the_daemon_and_is_never_repeated(acting):
    log = '/tmp/auspex-test-once-%d' % os.getpid()
    pathlib.Path(log).write_text('')
    os.chmod(log, 0o666)
    name = f'60.{os.getpid()}'
    daemon = acting(command_action('long', f"[/bin/bash, -c, 'echo ran >> {log}; sleep {name}']"))
    number = ask(daemon, 'long')
    assert decide(daemon, number).status == 200
    wait_until(lambda: pathlib.Path(log).read_text() == 'ran\n', 10, 'it runs')
    daemon.kill()
    wait_until(lambda: not running(name), 10, 'nothing of it lives')
    daemon.start()
    e = wait_until(lambda: (e := show(daemon, number))['state'] == 'interrupted' and e, 10, 'it is reconciled')
    assert 'needs a person' in e['reason']
    assert pathlib.Path(log).read_text() == 'ran\n'
    os.unlink(log)


def running(word):
    for path in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
        try:
            if word.encode() in path.read_bytes().split(b'\0'):
                return True
        except OSError:
            pass
    return False


def test_a_verification_goes_on_after_a_crash(acting):
    mark = '/tmp/auspex-test-late-%d' % os.getpid()
    daemon = acting(command_action('late', "['true']", verify=f"command: {{ argv: [test, -e, '{mark}'] }}")
                    .replace('within: 2s', 'within: 60s'))
    number = ask(daemon, 'late')
    assert decide(daemon, number).status == 200
    wait_until(lambda: show(daemon, number)['state'] == 'verifying', 10, 'it verifies')
    daemon.kill()
    pathlib.Path(mark).write_text('')
    daemon.start()
    assert finished(daemon, number, 10)['state'] == 'fixed'
    os.unlink(mark)


def test_sigterm_lets_a_run_finish_and_then_marks_it(acting):
    log = '/tmp/auspex-test-drain-%d' % os.getpid()
    pathlib.Path(log).write_text('')
    os.chmod(log, 0o666)
    daemon = acting(command_action('short', f"[/bin/bash, -c, 'echo a >> {log}; sleep 1; echo b >> {log}']") +
                    command_action('endless', f"[/bin/bash, -c, 'echo c >> {log}; sleep 61.{os.getpid()}']"),
                    settings='  drain: 3s\n')
    number = ask(daemon, 'short')
    assert decide(daemon, number).status == 200
    wait_until(lambda: pathlib.Path(log).read_text() == 'a\n', 10, 'it runs')
    daemon.signal(signal.SIGTERM)
    daemon.wait(20)
    assert pathlib.Path(log).read_text() == 'a\nb\n'
    daemon.start()
    assert finished(daemon, number)['state'] == 'fixed'
    number = ask(daemon, 'endless')
    assert decide(daemon, number).status == 200
    wait_until(lambda: pathlib.Path(log).read_text().endswith('c\n'), 10, 'it runs')
    daemon.signal(signal.SIGTERM)
    daemon.wait(20)
    assert not running(f'61.{os.getpid()}')
    daemon.start()
    assert finished(daemon, number)['state'] == 'interrupted'
    os.unlink(log)


def test_parameters_are_checked_and_bad_requests_named(acting):
    daemon = acting()
    for body, status in [({'action': 'nothing'}, 400), ({}, 422), ({'action': 'restart_service'}, 422), ({'action': 7}, 422),
                         ({'action': 'restart_service', 'parameters': {'unit': '--now'}}, 422),
                         ({'action': 'restart_service', 'parameters': {'unit': 'x;id'}}, 422),
                         ({'action': 'restart_service', 'parameters': {'unit': 'a', 'shell': 'b'}}, 400),
                         ({'action': 'restart_service', 'parameters': [1]}, 422),
                         ({'action': 'redis_raise_maxmemory', 'parameters': {'instance': '127.0.0.1:1', 'ratio': 99}}, 422)]:
        answer = daemon.post('/api/v1/remediation/execute', body)
        assert answer.status == status, (body, answer)
    assert daemon.get('/api/v1/executions/99').status == 404
    assert daemon.get('/api/v1/executions/x').status == 404
    assert daemon.get('/api/v1/executions?state=nonsense')[1] == {'total': 0, 'executions': [], 'next_cursor': None}
    assert daemon.post('/api/v1/approvals/99', {'decision': 'approve', 'hash': 'x'}, headers=daemon.boss).status == 404
    assert daemon.post('/api/v1/approvals/99', {'decision': 'maybe', 'hash': 'x'}, headers=daemon.boss).status == 422


def test_an_auto_action_starts_by_itself_and_loses_trust_when_it_fails(acting):
    daemon = acting(command_action('trusted', "['true']", verify="command: { argv: ['false'] }"), settings='  trust: { trusted: auto }\n')
    number = ask(daemon, 'trusted')
    e = finished(daemon, number)
    assert (e['state'], e['approved_by']) == ('not_fixed', 'policy:auto')
    entry = next(a for a in daemon.get('/api/v1/actions')[1]['actions'] if a['id'] == 'trusted')
    assert entry['trust'] == 'suggest' and 'did not help' in entry['trust_reason']
    assert show(daemon, ask(daemon, 'trusted'))['state'] == 'pending_approval'


@pytest.mark.parametrize('point,state', [('action.started', 'interrupted'), ('action.ran', 'interrupted'), ('action.rollback', 'interrupted')])
def test_a_crash_never_runs_a_command_twice(acting, point, state):
    log = f'/tmp/auspex-test-crash-{os.getpid()}-{point}'
    pathlib.Path(log).write_text('')
    os.chmod(log, 0o666)
    daemon = acting(command_action('once', f"[/bin/bash, -c, 'echo ran >> {log}']", verify="command: { argv: ['false'] }",
                                   rollback=f"[/bin/bash, -c, 'echo back >> {log}']"), failpoints=f'{point}=crash@1')
    number = ask(daemon, 'once')
    assert decide(daemon, number).status == 200
    daemon.wait(20)
    daemon.failpoints = None
    daemon.start()
    e = wait_until(lambda: (e := show(daemon, number))['state'] in OVER and e, 10, 'it is reconciled within 10 s')
    assert e['state'] == state and 'needs a person' in e['reason'], e
    said = pathlib.Path(log).read_text().split()
    assert said.count('ran') <= 1 and 'back' not in said, said
    assert run(daemon, 'once')['state'] in ('rolled_back', 'refused')  # its lock is free again
    os.unlink(log)


@pytest.mark.skipif(os.geteuid() != 0, reason='the helper keeps root only where root started it')
def test_commands_run_without_rights_unless_the_action_says_root(acting):
    whoami = "[/bin/bash, -c, 'id -u; grep -E \"NoNewPrivs|Seccomp:\" /proc/self/status']"
    daemon = acting(command_action('plain', whoami) + command_action('rooted', whoami, more='    root: true\n'))
    owner = os.stat(f'/proc/{daemon.pid}').st_uid
    assert owner != 0  # the daemon itself dropped its rights
    head = run(daemon, 'plain')['output']['head'].split()
    assert head[head.index('NoNewPrivs:') + 1] == '1' and head[head.index('Seccomp:') + 1] == '2'
    assert str(owner) in head and '0' not in head[:8]
    head = run(daemon, 'rooted')['output']['head'].split('\n')
    assert '0' in head


@pytest.mark.skipif(os.geteuid() != 0, reason='another user\'s process')
def test_the_process_that_was_planned_is_reniced_and_no_other(acting):
    import subprocess
    daemon = acting()
    sleeper = subprocess.Popen(['sleep', '60'])
    try:
        e = run(daemon, 'renice_process', process=sleeper.pid, nice=7)
        assert e['state'] == 'fixed', e
        assert os.getpriority(os.PRIO_PROCESS, sleeper.pid) == 7
        assert e['plan']['rollback'][0]['argv'] == ['renice', '-n', '0', '-p', str(sleeper.pid)]
    finally:
        sleeper.kill()
        sleeper.wait()
    answer = execute(daemon, 'renice_process', process=sleeper.pid)
    assert answer.status in (404, 409), answer
    for wrong in (1, daemon.pid, -5, '$(id)', '1; id'):
        assert execute(daemon, 'renice_process', process=wrong).status in (403, 404, 422), wrong


def proposed(daemon, action, seconds=40):
    return wait_until(lambda: [a for a in daemon.get('/api/v1/approvals')[1]['approvals'] if a['action'] == action], seconds,
                      f'{action} is proposed')[0]


def test_an_incident_of_redis_is_healed_and_resolved(acting, redis):
    redis.command('CONFIG', 'SET', 'maxmemory', '8mb')
    daemon = acting(redis=redis, settings='  propose: true\n')
    with pytest.raises(Exception, match='OOM'):
        for i in range(20000):
            redis_fill(redis, i)
    approval = proposed(daemon, 'redis_raise_maxmemory')
    assert approval['requested_by'] == 'auspex' and approval['incident_id'] and not approval['self']
    assert decide(daemon, approval['id']).status == 200
    assert finished(daemon, approval['id'])['state'] == 'fixed'
    wait_until(lambda: daemon.get(f"/api/v1/incidents/{approval['incident_id']}")[1]['status'] == 'resolved', 40, 'it is resolved')


def test_a_redis_that_takes_no_more_connections_is_healed_all_the_same(acting, make_redis):
    redis = make_redis(maxclients=30)
    daemon = acting(redis=redis, settings='  propose: true\n')
    watched(daemon, redis)
    idle = []
    with pytest.raises(Exception):
        for _ in range(60):
            idle.append(redis.connection())
            idle[-1].command('PING')
    for _ in range(20):
        try:
            redis.command('PING')
        except Exception:
            pass
    approval = proposed(daemon, 'redis_kill_idle_clients')
    assert decide(daemon, approval['id']).status == 200
    e = finished(daemon, approval['id'])
    assert e['state'] == 'fixed', e
    assert redis.command('PING') == 'PONG'
