"""The same random queries to us and to a real Prometheus give the same answers.

Debian's Prometheus is older than the language that we speak: what differs between the two on purpose is kept out by the times
and the names that are drawn (see docs/promql.md). PROMETHEUS=/path/to/prometheus compares with a 3.x over everything.
SEED=... draws others."""
import os
import time

import pytest

import dataset
from compare import difference
from peers import Ours, Prometheus
from queries import Queries

SEED = int(os.environ.get('SEED', '1'))
ROUNDS, QUERIES = (50, 2000) if os.environ.get('CHECK_FULL') else (1, 300)


@pytest.fixture(scope='module')
def engines():
    base_ms = (int(time.time()) // 3600 - 3) * 3600 * 1000
    with Prometheus() as theirs, Ours() as ours:
        theirs.start()
        ours.start()
        series = dataset.make(SEED, base_ms, theirs.is_newest())
        theirs.write(series)
        ours.write(series)
        yield ours, theirs, base_ms // 1000


@pytest.mark.parametrize('turn', range(ROUNDS))
def test_answers_are_the_same(engines, turn):
    ours, theirs, base_s = engines
    queries = Queries(SEED * 1000 + turn, base_s, theirs.is_newest())
    answered, faults = 0, []
    for _ in range(QUERIES):
        path, parameters = queries.query()
        mine, other = ours.ask(path, **parameters), theirs.ask(path, **parameters)
        answered += other['status'] == 'success' and bool(other['data']['result'])
        said = difference(mine, other)
        if said:
            faults.append(f'{path} {parameters}\n    {said}')
    assert not faults, f'{len(faults)} of {QUERIES} differ:\n' + '\n'.join(faults[:20])
    assert answered > QUERIES / 2, f'only {answered} of {QUERIES} had an answer: the draw is poor'
