"""conftest.py - fixtures of the tests that start programs, and the guard that nothing outlives its test."""
import os
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / 'integration'))
import harness  # noqa: E402

TEST_SECONDS = 180


def pytest_configure():
    harness.adopt_orphans()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what its processes said."""
    outcome = yield
    report = outcome.get_result()
    setattr(item, f'report_{report.when}', report)
    if report.failed:
        for thing in harness.ALIVE:
            if isinstance(thing, harness.Process):
                report.sections.append((f'{thing.name} ({thing.log})', harness.tail(thing.log)))


@pytest.fixture(autouse=True)
def bounded():
    """No test hangs the run."""
    def too_long(*_):
        raise TimeoutError(f'the test took more than {TEST_SECONDS} s')
    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(TEST_SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def nothing_stays(bounded, request):
    """What a test leaves running is killed, and is a failure of its own. Fixtures of a wider scope live on.

    A daemon that still runs after a test that passed must stop cleanly (leaks are reported there), and no log may hold
    a sanitizer's report."""
    kept = list(harness.ALIVE)
    yield
    report = getattr(request.node, 'report_call', None)
    faults = []
    for thing in reversed([it for it in harness.ALIVE if it not in kept]):
        try:
            if report and report.passed and isinstance(thing, harness.Daemon) and thing.running():
                thing.stop()
        except AssertionError as e:
            faults.append(str(e))
        if isinstance(thing, harness.Process):
            faults += thing.sanitizer_reports()
        thing.close()
    mine = {it.pid for it in harness.ALIVE if isinstance(it, harness.Process) and it.child}

    def orphans():
        return {pid: line for pid, line in harness.children().items() if pid not in mine}
    left = {}
    try:  # those who notice their parent's death need a moment for it
        harness.wait_until(lambda: not orphans(), 5, 'no process stays')
    except AssertionError:
        left = orphans()
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    while True:  # reap what was adopted, but leave the children that someone still waits for
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            break
        if ended is None or ended.si_pid in mine:
            break
        os.waitpid(ended.si_pid, 0)
    assert not left, f'processes outlived their test: {left}'
    assert not faults, '\n'.join(faults)


@pytest.fixture
def daemon():
    """A daemon on an empty data folder, ready."""
    return harness.Daemon().start()


@pytest.fixture
def make_daemon():
    """make_daemon(config=..., ...) starts a daemon with the arguments of harness.Daemon."""
    return lambda *arguments, **more: harness.Daemon(*arguments, **more).start()


@pytest.fixture
def redis():
    """A real Redis with its defaults, nothing persisted."""
    return harness.RedisServer().start()


@pytest.fixture
def make_redis():
    return lambda **config: harness.RedisServer(**config).start()


@pytest.fixture
def recorder():
    """A peer that keeps what it gets; see harness.Recorder."""
    return harness.Recorder()
