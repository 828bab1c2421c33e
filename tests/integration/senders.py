"""senders.py - a real Prometheus, and requests as its kin write them: snappy and protobuf in a few lines."""
import json
import struct
import urllib.parse

import harness


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    """One field of a message: bytes and str as they are, int as a varint, float as a double."""
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack('<d', value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def snappy(plain):
    """A snappy block of literals only: as good as any to a receiver."""
    out = bytearray(varint(len(plain)))
    for at in range(0, len(plain), 65536):
        part = plain[at:at + 65536]
        out += b'\xf4' + struct.pack('<H', len(part) - 1) + part
    return bytes(out)


def series(labels, samples):
    """A TimeSeries of remote_write 1.0. labels: pairs; samples: pairs of milliseconds and value."""
    fields = [field(1, field(1, name) + field(2, value)) for name, value in labels]
    fields += [field(2, field(1, float(value)) + field(2, time)) for time, value in samples]
    return field(1, b''.join(fields))


HEADERS_1 = {'Content-Type': 'application/x-protobuf', 'Content-Encoding': 'snappy',
             'X-Prometheus-Remote-Write-Version': '0.1.0'}
HEADERS_2 = {'Content-Type': 'application/x-protobuf;proto=io.prometheus.write.v2.Request', 'Content-Encoding': 'snappy',
             'X-Prometheus-Remote-Write-Version': '2.0.0'}


def write(daemon, message, headers=None, role='ingest', path='/api/v1/write'):
    return daemon.post(path, snappy(message), headers=headers or HEADERS_1, role=role)


def last_values(daemon, selector):
    """{series as text: value} of what /prometheus/federate shows."""
    said = daemon.get('/prometheus/federate?' + urllib.parse.urlencode({'match[]': selector}))
    assert said.status == 200, said.body
    lines = [line.rsplit(' ', 2) for line in said.body.splitlines() if not line.startswith('#')]
    return {name: float(value) for name, value, _ in lines}


class Prometheus(harness.Process):
    """The real server, with a prometheus.yml given."""

    def __init__(self, config, *arguments):
        super().__init__('prometheus')
        self.config = config
        self.arguments = arguments
        self.url = None

    def start(self):
        path = self.folder / 'prometheus.yml'
        port = harness.free_port()
        self.url = f'http://127.0.0.1:{port}'
        path.write_text(self.config.replace('{port}', str(port)))
        self.spawn(['prometheus', f'--config.file={path}', f'--storage.tsdb.path={self.folder / "data"}',
                    f'--web.listen-address=127.0.0.1:{port}', *self.arguments])
        harness.wait_until(self._answers, 30, 'Prometheus is ready')
        return self

    def _answers(self):
        assert self.running(), harness.tail(self.log)
        try:
            return harness.request(self.url, 'GET', '/-/ready').status == 200
        except OSError:
            return False

    def query(self, expression, time):
        """{series as text: [[time, value]] of a range selector, [time, value] of another}."""
        parameters = urllib.parse.urlencode({'query': expression, 'time': time})
        said = harness.request(self.url, 'GET', f'/api/v1/query?{parameters}')
        assert said.status == 200, said.body
        return {json.dumps(one['metric'], sort_keys=True): one.get('values') or one['value'] for one in said.body['data']['result']}
