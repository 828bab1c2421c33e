"""`auspex predict` over CSV files: the same models, row by row, never looking ahead."""
import json
import subprocess

import pytest

from harness import BINARY, temporary_folder


def run(path, model='mem_leak', *more, status=0):
    done = subprocess.run([BINARY, 'predict', '--model', model, *more, path], capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()] if status == 0 else done.stderr


def write(rows, name='in.csv'):
    path = temporary_folder('predict') / name
    path.write_text('\n'.join(['timestamp,value,other'] + [','.join(map(str, row)) for row in rows]) + '\n')
    return path


def leak(n, start=1704067200):
    """20 hours at 40 %, then 2 % an hour."""
    return [(start + 60 * i, round(40 + max(0, i - 1200) / 30 + 0.1 * ((i * 7919) % 13 - 6) / 6, 2), 'x') for i in range(n)]


def test_a_leak_is_announced_with_its_time():
    lines = run(write(leak(2600)))
    assert {'timestamp', 'risk', 'eta_seconds', 'eta_low', 'eta_high', 'evidence'} == set(lines[0])
    assert all(0 <= line['risk'] <= 1 for line in lines)
    alarms = [line for line in lines if line['risk'] >= 0.7]
    assert alarms and alarms[0]['timestamp'] > 1704067200 + 1200 * 60
    last = lines[-1]
    left = 1704067200 + (1200 + 1800) * 60 - last['timestamp']
    assert abs(last['eta_seconds'] - left) < 0.2 * left and last['eta_low'] <= left
    assert abs(last['evidence']['slope_per_hour'] - 2) < 0.2


def test_a_line_depends_on_earlier_rows_only():
    whole, part = run(write(leak(2600))), run(write(leak(1900)))
    assert whole[:len(part)] == part


def test_the_limit_is_in_the_units_of_the_file():
    rows = [(t, v * 1e7, x) for t, v, x in leak(2600)]
    small, large = run(write(leak(2600))), run(write(rows), 'mem_leak', '--limit', '1e9')
    assert [line['risk'] for line in small] == pytest.approx([line['risk'] for line in large], abs=0.02)


@pytest.mark.parametrize('stamp', ['2024-01-01T00:{:02}:00Z', '2024-01-01 00:{:02}:00', '2024-01-01T09:{:02}:00+09:00'])
def test_times_come_out_as_they_were_spelled(stamp):
    rows = [(stamp.format(i), 50, '') for i in range(20)]
    assert run(write(rows))[0]['timestamp'] == stamp.format(0)


def test_missing_values_are_missing_and_not_wrong():
    rows = [(1704067200 + 60 * i, ('', 'NaN', 'Inf', 50)[i % 4], '') for i in range(40)]
    assert run(write(rows))[-1]['risk'] == 0
    assert run(write([])) == []


def test_faults_name_file_and_line():
    path = write([(1704067200, 1, ''), ('yesterday', 2, '')])
    assert f'{path}:3:' in run(path, status=1)
    path = write([(1704067200, 'many', '')])
    assert f'{path}:2:' in run(path, status=1)
    assert '/no/such' in run('/no/such', status=1)
    done = subprocess.run([BINARY, 'predict', '--model', 'nonsense', path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and 'mem_leak' in done.stderr
