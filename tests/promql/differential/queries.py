"""queries.py - random queries that are well typed, over the names of dataset.py.

Two levels. Where arithmetic is the peer's own to the last bit (Prometheus 3.x) anything may stand within anything. Against
an older one, functions that jump (floor, ==, topk ...) take stored samples only: a last digit would decide there. Spreads,
remainders and sin() always do: they blow up the last digits, in which the order of additions and pow() show."""
import random

MATH = ['abs', 'acos', 'acosh', 'asin', 'asinh', 'atan', 'atanh', 'cosh', 'deg', 'exp', 'ln', 'log10', 'log2', 'rad', 'sinh', 'sqrt',
        'tanh']
PERIODS = ['cos', 'sin', 'tan']
JUMPS = ['ceil', 'floor', 'round', 'sgn', 'day_of_month', 'day_of_week', 'day_of_year', 'days_in_month', 'hour', 'minute', 'month',
         'year']
WINDOWS = ['avg_over_time', 'count_over_time', 'max_over_time', 'min_over_time', 'present_over_time', 'stddev_over_time',
           'stdvar_over_time', 'sum_over_time', 'last_over_time', 'changes', 'resets', 'delta', 'deriv', 'idelta']
NEW_WINDOWS = ['mad_over_time', 'first_over_time', 'ts_of_first_over_time', 'ts_of_last_over_time', 'ts_of_max_over_time',
               'ts_of_min_over_time']
COUNTERS = ['rate', 'increase', 'irate']
AGGREGATES = ['sum', 'avg', 'count', 'min', 'max', 'group']
SPREADS = ['stddev', 'stdvar']
GAUGES = ['temperature', 'memory_bytes', 'queue_length', 'rare', 'requests_total']
LABELS = ['job', 'instance', 'code', 'zone']
MATCHERS = ['job="api"', 'job!="api"', 'instance=~"a.*|c.*"', 'instance!~"b:80"', 'zone="north"', 'code="500"', 'code=""',
            'job=~".+"', 'nothing="at all"']


class Queries:
    def __init__(self, seed, base_s, newest):
        """base_s: of the data; newest: the peer is a Prometheus 3.x."""
        self.draw = random.Random(seed)
        self.base_s = base_s
        self.newest = newest

    def one_of(self, *makers):
        return self.draw.choice(makers)()

    def number(self):
        return self.draw.choice(['0', '1', '-1', '2', '0.5', '3.7', '1e3', '-0.25', '100', 'Inf', 'NaN'])

    def duration(self):
        return self.draw.choice(['30s', '45s', '1m', '5m', '10m', '15m', '1h'])

    def modifiers(self):
        """Whole multiples of 15 s, so that no window begins at a step of a subquery."""
        out = ''
        if self.draw.random() < 0.1:
            out += f' offset {self.draw.choice(["30s", "1m", "5m", "-1m"])}'
        if self.draw.random() < 0.05:
            out += f' @ {self.draw.choice(["start()", "end()", str(self.base_s + 15 * self.draw.randrange(240) + 7)])}'
        return out

    def selector(self, names=None):
        names = names or (GAUGES + ['odd'] if self.newest else GAUGES)
        chosen = self.draw.sample(MATCHERS, self.draw.choice([0, 0, 0, 1, 1, 2]))
        if len(chosen) == 2 and chosen[0].split('"')[0].strip('=!~') == chosen[1].split('"')[0].strip('=!~'):
            chosen.pop()  # absent() of such a pair depends on the order in which the storage looks at them
        return self.draw.choice(names) + ('{' + ','.join(chosen) + '}' if chosen else '')

    def stored(self):
        return self.selector() + self.modifiers()

    def window(self, depth, names=None):
        if depth > 0 and self.draw.random() < 0.15:
            return f'({self.vector(depth - 1)})[{self.duration()}:{self.draw.choice(["15s", "30s", "1m"])}]' + self.modifiers()
        return f'{self.selector(names)}[{self.duration()}]' + self.modifiers()

    def scalar(self, depth):
        makers = [self.number, self.number, lambda: 'time()', lambda: 'pi()']
        if depth > 0:
            makers += [lambda: f'scalar({self.vector(depth - 1)})', lambda: f'({self.scalar(depth - 1)} {self.operator()} {self.scalar(depth - 1)})']
            if self.newest:
                makers += [lambda: f'{self.draw.choice(["max_of", "min_of"])}({self.scalar(depth - 1)}, {self.scalar(depth - 1)})',
                           lambda: self.draw.choice(['start()', 'end()', 'range()', 'step()'])]
        return self.one_of(*makers)

    def operator(self):
        return self.draw.choice(['+', '-', '*', '/', '^'] + (['atan2'] if self.newest else []))

    def jumpy(self, depth):
        """What functions that jump may stand on."""
        return self.vector(depth) if self.newest else self.stored()

    def grouping(self):
        labels = LABELS + ['__name__'] if self.newest else LABELS
        chosen = ', '.join(self.draw.sample(labels, self.draw.randrange(3)))
        return self.draw.choice(['', f' by ({chosen}) ', f' without ({chosen}) '])

    def call(self, depth):
        quantile = self.draw.choice(['0', '0.1', '0.5', '0.99', '1', '-1', '2'])
        makers = [
            lambda: f'{self.draw.choice(MATH)}({self.vector(depth)})',
            lambda: f'{self.draw.choice(PERIODS)}({self.stored()})',
            lambda: f'{self.draw.choice(JUMPS)}({self.jumpy(depth)})',
            lambda: f'round({self.jumpy(depth)}, {self.draw.choice(["0.1", "5", "0"])})',
            lambda: f'clamp({self.vector(depth)}, {self.scalar(0)}, {self.scalar(0)})',
            lambda: f'{self.draw.choice(["clamp_min", "clamp_max"])}({self.vector(depth)}, {self.scalar(depth)})',
            lambda: f'{self.draw.choice(WINDOWS)}({self.window(depth)})',
            lambda: f'{self.draw.choice(COUNTERS)}({self.window(0, ["requests_total"])})',
            lambda: f'quantile_over_time({quantile}, {self.window(depth)})',
            lambda: f'predict_linear({self.selector(["temperature", "memory_bytes"])}[{self.duration()}], {self.draw.choice(["60", "3600", "-60"])})',
            lambda: f'absent({self.vector(depth)})',
            lambda: f'absent_over_time({self.window(0)})',
            lambda: f'timestamp({self.selector()})',
            lambda: f'vector({self.scalar(depth)})',
            lambda: f'label_replace({self.vector(depth)}, "{self.draw.choice(["new", "instance"])}", "$1-x", "instance", "(.*):80")',
            lambda: f'label_join({self.vector(depth)}, "joined", "/", "job", "instance", "none")',
            lambda: f'histogram_quantile({quantile}, {self.draw.choice(["", "sum by (le, job) "])}(rate(latency_seconds_bucket[{self.duration()}])))',
        ]
        if self.newest:
            makers += [
                lambda: f'{self.draw.choice(NEW_WINDOWS)}({self.window(depth)})',
                lambda: f'label_replace({self.vector(depth)}, "{self.draw.choice(["__name__", "copy"])}", "$1_x", "{self.draw.choice(["__name__", "job"])}", "(.*)")',
                lambda: f'sort_by_label({self.vector(depth)}, "job", "instance")',
                lambda: f'sum_over_time({self.selector()}[{self.draw.choice(["step() * 4", "1m + 30s", "max_of(step(), 2m)"])}])',
                lambda: f'double_exponential_smoothing({self.window(0)}, 0.3, {self.draw.choice(["0.1", "0.9"])})',
                lambda: f'histogram_fraction({self.draw.choice(["0", "-Inf", "0.2"])}, {self.draw.choice(["0.3", "+Inf", "2"])}, '
                        f'rate(latency_seconds_bucket[{self.duration()}]))',
                lambda: f'histogram_quantiles(rate(latency_seconds_bucket[{self.duration()}]), "q", {quantile}, 0.25)',
                lambda: f'info({self.selector(["temperature", "queue_length", "requests_total"])})',
                lambda: f'info({self.selector(["temperature", "rare"])}, {{version=~".+"}})',
                lambda: f'{self.draw.choice(COUNTERS[:2] + ["delta"])}({self.selector(["requests_total"])}[{self.duration()}] '
                        f'{self.draw.choice(["anchored", "smoothed"])})',
            ]
        return self.one_of(*makers)

    def native(self, depth):
        """Something that has native histograms as values."""
        selector = self.draw.choice(['native_seconds', 'native_degrees', 'native_custom', 'native_gauge']) + \
            self.draw.choice(['', '{job="api"}'])
        makers = [
            lambda: selector + self.modifiers(),
            lambda: f'{self.draw.choice(["rate", "increase", "irate", "delta", "idelta"])}({selector}[{self.duration()}])',
            lambda: f'{self.draw.choice(["sum_over_time", "avg_over_time", "last_over_time", "first_over_time"])}({selector}[{self.duration()}])',
        ]
        if depth > 0:
            makers += [
                lambda: f'{self.draw.choice(["sum", "avg"])}{self.draw.choice(["", " by (job) ", " without (job) "])}({self.native(depth - 1)})',
                lambda: f'({self.native(depth - 1)} {self.draw.choice(["+", "-"])} on (job, instance) {self.native(depth - 1)})',
                lambda: f'({self.native(depth - 1)} {self.draw.choice(["*", "/"])} {self.draw.choice(["2", "-1", "0.1"])})',
                lambda: f'({self.native(depth - 1)} {self.draw.choice(["</", ">/"])} {self.draw.choice(["0", "0.7", "4"])})',
                lambda: f'-{self.native(depth - 1)}',
            ]
        return self.one_of(*makers)

    def of_native(self, depth):
        """Floats that native histograms give."""
        makers = [
            lambda: f'{self.draw.choice(["histogram_count", "histogram_sum", "histogram_avg", "histogram_stddev", "histogram_stdvar"])}'
                    f'({self.native(depth)})',
            lambda: f'histogram_quantile({self.draw.choice(["0", "0.3", "0.5", "0.9", "1"])}, {self.native(depth)})',
            lambda: f'histogram_fraction({self.draw.choice(["0", "-Inf", "0.2"])}, {self.draw.choice(["0.3", "+Inf", "2"])}, {self.native(depth)})',
            lambda: f'{self.draw.choice(["count_over_time", "changes", "resets", "present_over_time"])}({self.draw.choice(["native_seconds", "native_degrees", "native_custom", "native_gauge"])}[{self.duration()}])',
            lambda: f'count_values("value", {self.draw.choice(["changes", "resets"])}(native_seconds[{self.duration()}]))',
            lambda: f'count({self.native(depth)})',
        ]
        return self.one_of(*makers)

    def aggregate(self, depth):
        makers = [
            lambda: f'{self.draw.choice(AGGREGATES)}{self.grouping()}({self.vector(depth)})',
            lambda: f'{self.draw.choice(SPREADS)}{self.grouping()}({self.selector(["temperature", "queue_length"])})',
            lambda: f'quantile{self.grouping()}({self.draw.choice(["0", "0.3", "0.9", "1", "3"])}, {self.vector(depth)})',
            lambda: f'count_values{self.grouping()}("value", {self.jumpy(0) if self.newest else self.selector(["queue_length"])})',
            lambda: f'{self.draw.choice(["topk", "bottomk", "limitk"] if self.newest else ["topk", "bottomk"])}{self.grouping()}({self.draw.choice(["1", "3"])}, {self.selector(["temperature", "memory_bytes"])})',
        ]
        return self.one_of(*makers)

    def binary(self, depth):
        side = lambda: f'sum by (job, instance) ({self.vector(depth)})'  # noqa: E731
        compare = self.draw.choice(['==', '!=', '<', '<=', '>', '>='])
        bool_ = self.draw.choice(['', ' bool'])
        makers = [
            lambda: f'({self.vector(depth)} {self.operator()} {self.scalar(depth)})',
            lambda: f'({self.scalar(depth)} {self.operator()} {self.vector(depth)})',
            lambda: f'({self.jumpy(depth)} {compare}{bool_} {self.draw.choice(["0", "1", "5", "20"])})',
            lambda: f'({self.selector(["queue_length", "temperature"])} % {self.draw.choice(["2", "-3", "0.7"])})',
            lambda: f'({side()} {self.operator()} on (job, instance) {side()})',
            lambda: f'({side()} {self.operator()} {side()})',
            lambda: f'({self.vector(depth)} {self.operator()} ignoring (code, zone) group_left () {side()})',
            lambda: f'({self.vector(depth)} {self.draw.choice(["and", "unless"])} {self.vector(depth)})',
            lambda: f'({self.vector(depth)} {self.draw.choice(["and", "unless"])} on (job) {self.vector(depth)})',
            lambda: f'({side()} or {side()})',
        ]
        if self.newest:
            makers.append(lambda: f'(-{self.vector(depth)})')
            makers.append(lambda: f'({self.vector(depth)} or{self.draw.choice(["", " on (job)"])} {self.vector(depth)})')
            makers.append(lambda: f'({side()} {self.operator()} on (job, instance) {self.draw.choice(["fill", "fill_left", "fill_right"])}(0) {side()})')
            makers.append(lambda: f'({side()} {compare}{bool_} on (job, instance) {side()})')
        return self.one_of(*makers)

    def vector(self, depth):
        if depth <= 0 or self.draw.random() < 0.2:
            return self.stored()
        kind = self.draw.random()
        return self.call(depth - 1) if kind < 0.55 else self.aggregate(depth - 1) if kind < 0.75 else self.binary(depth - 1)

    def query(self):
        """(path, parameters). Times are 7 s past a multiple of 15 s."""
        depth = self.draw.choice([1, 2, 2, 3])
        scalar = self.draw.random() < 0.05
        text = self.scalar(depth) if scalar else self.vector(depth)
        if self.newest and not scalar and self.draw.random() < 0.2:
            text = self.one_of(lambda: self.of_native(depth), lambda: self.native(depth))
        start = self.base_s + 15 * self.draw.randrange(-8, 250) + 7
        if self.draw.random() < 0.5:
            if not scalar and self.draw.random() < 0.05:
                text = f'{self.draw.choice(["sort", "sort_desc"])}({text})'
            return '/api/v1/query', {'query': text, 'time': start}
        step = self.draw.choice([15, 30, 60, 300])
        return '/api/v1/query_range', {'query': text, 'start': start, 'end': start + step * self.draw.randrange(30), 'step': step}
