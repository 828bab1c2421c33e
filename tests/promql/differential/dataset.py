"""dataset.py - an hour of series whose samples never lie on a whole second, so that no window has one at its edge."""
import math
import random

from peers import STALE, Native

STEP_MS = 15000
SPAN_MS = 3600 * 1000
BOUNDS = ['0.01', '0.1', '0.5', '1', '5', '+Inf']
JOBS = ['api', 'web']
INSTANCES = ['a:80', 'b:80', 'c:80']


def times(draw, base_ms, gaps=0.02):
    """When a series was scraped: each 15 s, a little early or late, sometimes not at all."""
    return [at + draw.randrange(1, 999) for at in range(base_ms, base_ms + SPAN_MS, STEP_MS) if draw.random() > gaps]


def counter(draw, base_ms):
    """Far from zero even after a reset: how far a rate is extrapolated towards zero is not the same in all versions."""
    value, out = float(draw.randrange(10**6, 10**7)), []
    for at in times(draw, base_ms):
        value = value / 2 if draw.random() < 0.02 else value + draw.choice([0, 0, 1, 7, 0.25, 300])
        out.append((at, value))
    return out


def gauge(draw, base_ms):
    value, out = draw.uniform(-50, 50), []
    for at in times(draw, base_ms):
        value += draw.gauss(0, 3)
        out.append((at, value))
    return out


def levels(draw, base_ms):
    """Whole numbers that stay a while."""
    value, out = draw.randrange(10), []
    for at in times(draw, base_ms):
        value = draw.randrange(10) if draw.random() < 0.1 else value
        out.append((at, float(value)))
    return out


def odd(draw, base_ms):
    return [(at, draw.choice([1.0, 0.0, -0.0, -2.5, math.nan, math.inf, -math.inf, 1e300])) for at in times(draw, base_ms)]


def rare(draw, base_ms):
    """A few samples, ends and returns."""
    out = []
    for at in times(draw, base_ms, gaps=0.7):
        out.append((at, STALE if draw.random() < 0.2 else draw.uniform(0, 100)))
    return out


def buckets(draw, labels, base_ms):
    """A classic histogram: cumulative, all buckets scraped at once."""
    counts, total, rows = [float(draw.randrange(10**4, 10**5)) for _ in BOUNDS], 0.0, {le: [] for le in BOUNDS}
    sums, tallies = [], []
    for at in times(draw, base_ms):
        for i in range(len(BOUNDS)):
            counts[i] += draw.choice([0, 0, 1, 5])
        total += draw.uniform(0, 10)
        running = 0.0
        for le, count in zip(BOUNDS, counts):
            running += count
            rows[le].append((at, running))
        sums.append((at, total))
        tallies.append((at, running))
    out = [(labels | {'__name__': 'latency_seconds_bucket', 'le': le}, rows[le]) for le in BOUNDS]
    return out + [(labels | {'__name__': 'latency_seconds_sum'}, sums), (labels | {'__name__': 'latency_seconds_count'}, tallies)]


def native(draw, base_ms):
    """A native histogram that counts, starts anew at times, and changes its layout when it does."""
    out, schema, offset, counts, zero, total = [], 1, -2, [0.0] * 6, 0.0, 0.0
    for at in times(draw, base_ms):
        if draw.random() < 0.02:
            schema, offset, counts, zero, total = draw.choice([0, 1, 3]), draw.randrange(-4, 4), [0.0] * draw.randrange(2, 9), 0.0, 0.0
        counts = [count + draw.choice([0, 0, 1, 4]) for count in counts]
        zero, total = zero + draw.choice([0, 0, 1]), total + draw.uniform(0, 10)
        out.append((at, Native(schema, offset, counts, zero, total)))
    return out


def native_layout(draw):
    """What a histogram has when its counter starts anew: sides, zero bucket, resolution."""
    counts, below = [0.0] * draw.randrange(2, 9), [0.0] * draw.choice([0, 3, 6])
    return {'schema': draw.choice([-1, 0, 1, 2, 4]), 'offset': draw.randrange(-3, 4), 'counts': counts, 'negative': below,
            'threshold': draw.choice([0.0, 0.001, 0.1])}


def native_two_sided(draw, base_ms):
    """One with negative values and another zero bucket after each new start; it ends at times."""
    out, layout, zero, total = [], native_layout(draw), 0.0, 0.0
    for at in times(draw, base_ms):
        if draw.random() < 0.02:
            out.append((at, STALE))
            continue
        if draw.random() < 0.04:
            layout, zero, total = native_layout(draw), 0.0, 0.0
        for side in ('counts', 'negative'):
            layout[side] = [count + draw.choice([0, 0, 1, 2.5]) for count in layout[side]]
        zero, total = zero + draw.choice([0, 1]), total + draw.uniform(-10, 10)
        out.append((at, Native(zero=zero, total=total, **layout)))
    return out


def native_custom(draw, base_ms):
    """Custom bounds, which change with a new start."""
    out, bounds, counts, total = [], [], [], 0.0
    for at in times(draw, base_ms):
        if not bounds or draw.random() < 0.03:
            bounds = draw.choice([[0.1, 0.5, 1, 5], [0.1, 1, 5, 10], [0.5, 1], [-1, 0, 1, 5]])
            counts, total = [0.0] * (len(bounds) + 1), 0.0
        counts = [count + draw.choice([0, 0, 1, 4]) for count in counts]
        total += draw.uniform(0, 10)
        out.append((at, Native(-53, 0, counts, 0.0, total, threshold=0.0, bounds=bounds)))
    return out


def native_gauge(draw, base_ms):
    """A gauge of histograms, and floats in between."""
    out = []
    for at in times(draw, base_ms):
        counts = [float(draw.choice([0, 1, 7])) for _ in range(5)]
        one = Native(1, -2, counts, float(draw.choice([0, 2])), draw.uniform(0, 50), hint=3)
        out.append((at, one if draw.random() < 0.97 else draw.uniform(0, 5)))
    return out


NATIVES = {'native_seconds': native, 'native_degrees': native_two_sided, 'native_custom': native_custom,
           'native_gauge': native_gauge}


def make(seed, base_ms, natives=False):
    """All series, as (labels, samples); natives: native histograms, too."""
    draw, out = random.Random(seed), []
    for job in JOBS:
        for instance in INSTANCES:
            labels = {'job': job, 'instance': instance}
            for code in ('200', '500'):
                out.append((labels | {'__name__': 'requests_total', 'code': code}, counter(draw, base_ms)))
            out.append((labels | {'__name__': 'temperature', 'zone': draw.choice(['north', 'south'])}, gauge(draw, base_ms)))
            out.append((labels | {'__name__': 'memory_bytes'}, [(at, v * 2**20) for at, v in gauge(draw, base_ms)]))
            out.append((labels | {'__name__': 'queue_length'}, levels(draw, base_ms)))
            out.append((labels | {'__name__': 'rare'}, rare(draw, base_ms)))
            out.append((labels | {'__name__': 'target_info', 'version': draw.choice(['1.0', '1.1']), 'region': 'eu'},
                        [(at, 1.0) for at in times(draw, base_ms)]))
        if natives:
            for name, kind in NATIVES.items():
                out += [({'job': job, 'instance': it, '__name__': name}, kind(draw, base_ms)) for it in INSTANCES[:2]]
        out.append(({'job': job, '__name__': 'odd'}, odd(draw, base_ms)))
        out += buckets(draw, {'job': job, 'instance': INSTANCES[0]}, base_ms)
    return out
