"""peers.py - two engines that answer the same questions: ours and a real Prometheus, filled by remote_write."""
import http.client
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


class Native:
    """A native histogram of floats, with a zero bucket and neighbouring positive ones from index `offset` on."""

    def __init__(self, schema, offset, counts, zero, total):
        self.schema, self.offset, self.counts, self.zero, self.sum = schema, offset, counts, zero, total
        self.count = zero + sum(counts)

    def encode(self, time_ms):
        signed = lambda number: number * 2 if number >= 0 else -number * 2 - 1  # noqa: E731
        span = field(1, signed(self.offset)) + field(2, len(self.counts))
        return (field(2, self.count) + field(3, self.sum) + field(4, signed(self.schema)) + field(5, 0.001) + field(7, self.zero) +
                field(11, span) + field(13, struct.pack(f'<{len(self.counts)}d', *self.counts)) + field(15, time_ms))


def encode_series(labels, samples):
    """One TimeSeries of remote_write 1.0; samples are (ms, value or Native)."""
    if not isinstance(samples[0][1], Native):
        return senders.series(sorted(labels.items()), samples)
    out = b''.join(field(1, field(1, name) + field(2, value)) for name, value in sorted(labels.items()))
    return field(1, out + b''.join(field(4, value.encode(time_ms)) for time_ms, value in samples))


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
