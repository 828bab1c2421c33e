"""peers.py - two engines that answer the same questions: ours and a real Prometheus, filled by remote_write."""
import http.client
import json
import os
import shutil
import struct
import urllib.parse

from harness import Daemon, Process, free_port, request, tail, wait_until

FEATURES = ('promql-experimental-functions,promql-duration-expr,promql-delayed-name-removal,promql-extended-range-selectors,'
            'promql-binop-fill-modifiers')
STALE = struct.unpack('<d', struct.pack('<Q', 0x7ff0000000000002))[0]


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def field(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body


class Native:
    """A native histogram of floats, with a zero bucket and neighbouring positive ones from index `offset` on."""

    def __init__(self, schema, offset, counts, zero, total):
        self.schema, self.offset, self.counts, self.zero, self.sum = schema, offset, counts, zero, total
        self.count = zero + sum(counts)

    def encode(self, time_ms):
        signed = lambda number: varint(number * 2 if number >= 0 else -number * 2 - 1)  # noqa: E731
        double = lambda tag, number: bytes([tag << 3 | 1]) + struct.pack('<d', number)  # noqa: E731
        out = double(2, self.count) + double(3, self.sum) + b'\x20' + signed(self.schema) + double(5, 0.001) + double(7, self.zero)
        out += field(11, b'\x08' + signed(self.offset) + b'\x10' + varint(len(self.counts)))
        return out + field(13, struct.pack(f'<{len(self.counts)}d', *self.counts)) + b'\x78' + varint(time_ms)


def encode_series(labels, samples):
    """One TimeSeries of remote_write 1.0; samples are (ms, value or Native)."""
    out = b''
    for name, value in sorted(labels.items()):
        out += field(1, field(1, name.encode()) + field(2, value.encode()))
    for time_ms, value in samples:
        if isinstance(value, Native):
            out += field(4, value.encode(time_ms))
            continue
        out += field(2, b'\x09' + struct.pack('<d', value) + b'\x10' + varint(time_ms))
    return field(1, out)


def snappy(data):
    """Snappy's block format, literals only."""
    out = bytearray(varint(len(data)))
    for at in range(0, len(data), 65536):
        piece = data[at:at + 65536]
        out += bytes([61 << 2]) + struct.pack('<H', len(piece) - 1) + piece
    return bytes(out)


class Api:
    """Queries over one connection that stays."""

    url = None
    connection = None

    def write(self, series):
        body = snappy(b''.join(encode_series(labels, samples) for labels, samples in series))
        reply = request(self.url, 'POST', '/api/v1/write', body, {
            'Content-Type': 'application/x-protobuf', 'Content-Encoding': 'snappy', 'X-Prometheus-Remote-Write-Version': '0.1.0'})
        assert reply.status in (200, 204), reply

    def ask(self, path, **parameters):
        """The decoded answer, errors included."""
        body = urllib.parse.urlencode(parameters)
        for attempt in (1, 2):
            if not self.connection:
                where = urllib.parse.urlsplit(self.url)
                self.connection = http.client.HTTPConnection(where.hostname, where.port, timeout=60)
            try:
                self.connection.request('POST', path, body, {'Content-Type': 'application/x-www-form-urlencoded'})
                return json.loads(self.connection.getresponse().read())
            except (http.client.HTTPException, ConnectionError):
                self.connection.close()
                self.connection = None
                if attempt == 2:
                    raise
        return None


class Ours(Daemon, Api):
    def __init__(self):
        super().__init__(auth='none')


class Prometheus(Process, Api):
    """Debian's, or the one that the variable PROMETHEUS names."""

    def __init__(self):
        super().__init__('prometheus')
        self.binary = os.environ.get('PROMETHEUS') or shutil.which('prometheus')

    def start(self):
        port = free_port()
        config = self.folder / 'prometheus.yml'
        config.write_text('global: {}\n')
        argv = [self.binary, f'--config.file={config}', f'--storage.tsdb.path={self.folder}/data',
                f'--web.listen-address=127.0.0.1:{port}', '--web.enable-remote-write-receiver', '--log.level=warn',
                '--storage.tsdb.retention.time=100y']
        if os.environ.get('PROMETHEUS'):
            argv.append(f'--enable-feature={FEATURES}')
        self.spawn(argv)
        self.url = f'http://127.0.0.1:{port}'

        def ready():
            assert self.running(), tail(self.log)
            try:
                return request(self.url, 'GET', '/-/ready').status == 200
            except OSError:
                return False
        wait_until(ready, 30, 'prometheus is ready')
        return self

    def version(self):
        return tuple(int(part) for part in request(self.url, 'GET', '/api/v1/status/buildinfo').body['data']['version'].split('.')[:2])
