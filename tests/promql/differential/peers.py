"""peers.py - two engines that answer the same questions: ours and a real Prometheus, filled by remote_write."""
import http.client
import itertools
import json
import os
import struct
import urllib.parse

import senders
from harness import Daemon, request
from senders import field, varint

FEATURES = ('promql-experimental-functions,promql-duration-expr,promql-delayed-name-removal,promql-extended-range-selectors,'
            'promql-binop-fill-modifiers')
STALE = struct.unpack('<d', struct.pack('<Q', 0x7ff0000000000002))[0]


def packed(numbers):
    return struct.pack(f'<{len(numbers)}d', *numbers)


class Native:
    """A native histogram of floats, with a zero bucket and neighbouring positive ones from index `offset` on; negative ones
    from as far below; or with custom bounds. The hint is the protocol's: 3 is a gauge."""

    def __init__(self, schema, offset, counts, zero, total, negative=(), threshold=0.001, bounds=(), hint=0):
        self.schema, self.offset, self.counts, self.zero, self.sum = schema, offset, counts, zero, total
        self.negative, self.threshold, self.bounds, self.hint = negative, threshold, bounds, hint
        self.count = zero + sum(counts) + sum(negative)

    def encode(self, time_ms):
        signed = lambda number: number * 2 if number >= 0 else -number * 2 - 1  # noqa: E731
        span = lambda counts: field(1, signed(self.offset)) + field(2, len(counts))  # noqa: E731
        out = field(2, self.count) + field(3, self.sum) + field(4, signed(self.schema)) + field(5, self.threshold) + field(7, self.zero)
        for number, counts in ((8, self.negative), (11, self.counts)):
            out += field(number, span(counts)) + field(number + 2, packed(counts)) if counts else b''
        return out + field(14, self.hint) + field(15, time_ms) + (field(16, packed(self.bounds)) if self.bounds else b'')


def encode_series(labels, samples):
    """A TimeSeries of remote_write 1.0 for each run of floats or histograms, so that all come in the order of time; samples are
    (ms, value or Native)."""
    head = b''.join(field(1, field(1, name) + field(2, value)) for name, value in sorted(labels.items()))
    out = b''
    for native, run in itertools.groupby(samples, lambda sample: isinstance(sample[1], Native)):
        if native:
            out += field(1, head + b''.join(field(4, value.encode(time_ms)) for time_ms, value in run))
        else:
            out += senders.series(sorted(labels.items()), list(run))
    return out


class Api:
    """Prometheus' API over one connection that stays."""

    url = None
    prefix = ''
    connection = None

    def write(self, series):
        body = senders.snappy(b''.join(encode_series(labels, samples) for labels, samples in series))
        reply = request(self.url, 'POST', '/api/v1/write', body, senders.HEADERS_1)
        assert reply.status in (200, 204), reply

    def ask(self, path, **parameters):
        """The decoded answer, errors included."""
        headers = {'Content-Type': 'application/x-www-form-urlencoded'}
        for attempt in (1, 2):
            if not self.connection:
                where = urllib.parse.urlsplit(self.url)
                self.connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
            try:
                self.connection.request('POST', self.prefix + path, urllib.parse.urlencode(parameters), headers)
                return json.loads(self.connection.getresponse().read())
            except (http.client.HTTPException, ConnectionError):
                self.connection.close()
                self.connection = None
                if attempt == 2:
                    raise
        return None


class Ours(Api, Daemon):
    prefix = '/prometheus'

    def __init__(self):
        super().__init__(auth='none')


class Prometheus(Api, senders.Prometheus):
    """Debian's, or the one that the variable PROMETHEUS names: then a 3.x with what it keeps behind flags."""

    def __init__(self):
        self.binary = os.environ.get('PROMETHEUS')
        features = [f'--enable-feature={FEATURES}'] if self.binary else []
        super().__init__('global: {}\n', '--web.enable-remote-write-receiver', '--log.level=warn',
                         '--storage.tsdb.retention.time=100y', *features)

    def spawn(self, argv, env=None):
        return super().spawn([self.binary or argv[0], *argv[1:]], env)

    def is_newest(self):
        """A 3.x; builds of one's own say no version."""
        version = request(self.url, 'GET', '/api/v1/status/buildinfo').body['data']['version']
        return not version or int(version.split('.')[0]) >= 3
