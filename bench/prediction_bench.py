#!/usr/bin/python3
"""prediction_bench.py - how good are the four failure models? Measured on generated machines, the same for every version.

    bench/prediction_bench.py                                    # prints JSON
    bench/prediction_bench.py --write content/prediction_scores.json   # what GET /api/predict-fail/models shows

A case is one machine: its series is replayed through `auspex predict`, row by row, and an alarm is a line with a risk of
0.7 or more. A failing machine counts as found when an alarm comes after the failure began and at least 10 % of its course
(15 minutes at least) before the end; of error spikes, within 10 minutes. A healthy machine counts as right when there is
no alarm at all in its whole life; an alarm on a failing machine before the failure began makes that case wrong too.
accuracy: right cases; recall: found ones of the failing. Seeds are fixed. Standard library only.
"""
import argparse
import concurrent.futures
import json
import math
import os
import pathlib
import random
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
START, DAY, ALARM = 1704067200, 86400, 0.7


def wander(r, n, sd, phi):
    x = 0.0
    for _ in range(n):
        x = phi * x + r.gauss(0, sd * math.sqrt(1 - phi * phi))
        yield x


def daily(t, amplitude, phase):
    return amplitude * (0.5 + 0.4 * math.sin(2 * math.pi * t / DAY + phase) + 0.1 * math.sin(4 * math.pi * t / DAY + 1))


def life(r, kind, n, step, disk):
    """A healthy series in per cent, below 95."""
    noise = list(wander(r, n, r.uniform(0.01, 0.08) if disk else r.uniform(0.1, 1.2), r.choice([0, 0.5, 0.95])))
    base, out = r.uniform(20, 55), []
    amplitude, phase, period = r.uniform(4, 20), r.uniform(0, 6), r.uniform(0.1, 4) * 3600
    if disk:
        period = DAY if kind == 'rotation' else 7 * DAY
        amplitude = r.uniform(1, 7) if kind == 'rotation' else r.uniform(5, 14)
    tau, every, at, hours = r.uniform(1, 8) * 3600, r.uniform(1, 3) * DAY, r.uniform(0.2, 0.7), r.uniform(1, 4)
    level = 0.0
    for i in range(n):
        t = i * step
        x = base + noise[i]
        if kind in ('daily', 'load'):
            x += daily(t, amplitude, phase)
        elif kind in ('collections', 'rotation', 'purge'):
            x += amplitude * ((t + phase * 3600) % period) / period
        elif kind == 'cache':
            x += 1.6 * amplitude * (1 - math.exp(-max(0, t - at * n * step) / tau))
        elif kind == 'restarts':
            x += amplitude * (1 - math.exp(-(t % every) / tau))
        elif kind in ('batch', 'backup'):
            x += amplitude if 2 * 3600 < t % DAY < (2 + hours) * 3600 else 0
        elif kind == 'steps':
            level += r.uniform(1, 6) if r.random() < 4 / n else 0
            x += level
        elif kind == 'high':
            x += 88 - base
        out.append(min(95, max(0, x)))
    return out


def growing_machine(r, model, kind, failing):
    """(rows, begin, end) in seconds from the start; begin is None for the healthy."""
    disk = model == 'disk_full'
    step, days = (300, 16) if disk else (60, 4)
    n = days * DAY // step
    if not failing:
        return life(r, kind, n, step, disk), step, None, None
    span = r.choice([6, 24, 72, 168] if disk else [6, 12, 24, 48]) * 3600
    path = life(r, {'collections': 'collections', 'rotation': 'rotation', 'load': 'daily'}.get(kind, 'steady'), n, step, disk)
    begin = r.uniform(1.2 * DAY, n * step - span - 3600)
    room = 100 - sorted(path)[int(0.95 * n)]
    grown, jump, total = 0.0, 0.0, 0.0
    end = None
    chunk = r.uniform(20, 60)
    for i in range(n):
        t = i * step
        if t > begin:
            share = (t - begin) / span
            if kind == 'accelerating':
                grown = room * (0.3 * share + 0.7 * share * share)
            elif kind == 'chunks':
                jump += room / chunk if r.random() < chunk * step / span else 0
                grown = jump
            elif kind == 'load':
                total += room * step / span * daily(t, 2, 0)
                grown = total
            else:
                grown = room * share
        path[i] = path[i] + grown
        if path[i] >= 100 and t > begin:
            end = t
            return path[:i], step, begin, end
    return None


def cpu_machine(r, kind, failing):
    step, n = 300, 7 * DAY // 300
    noise = list(wander(r, n, r.uniform(1, 5), r.choice([0, 0.6, 0.9])))
    base, amplitude, phase = r.uniform(10, 35), r.uniform(0, 20) if kind == 'daily' else 0, r.uniform(0, 6)
    begin, slope = 0.0, 0.0
    if failing:
        slope = (85 - base - amplitude / 2) / (r.uniform(5, 8) * DAY)
    out, end = [], None
    for i in range(n):
        t = i * step
        x = base + daily(t, amplitude, phase) + noise[i] + slope * t
        if kind == 'batch' and 3600 < t % DAY < 3 * 3600:
            x += 25
        out.append(min(100, max(0, x)))
        if failing and end is None and base + amplitude / 2 + slope * t >= 85:
            end = t
    return out, step, (begin if failing else None), (end or n * step)


def error_machine(r, kind, failing):
    step, n = 60, DAY // 60
    usual, amplitude = r.uniform(0.05, 1.5), r.uniform(0, 1)
    begin = r.uniform(0.4, 0.95) * DAY if failing else None
    size = r.uniform(12, 70)
    out = []
    for i in range(n):
        t = i * step
        x = usual + daily(t, amplitude, 0) + abs(r.gauss(0, 0.3 * usual))
        if kind == 'blips' and r.random() < 0.01:
            x += r.uniform(1, 4)
        if begin and t > begin:
            x += size * (min(1, (t - begin) / 240) if kind == 'ramp' else 1) * r.uniform(0.8, 1.2)
        out.append(min(100, x))
    return out, step, begin, (begin + 3600 if begin else None)


KINDS = {
    'cpu_spike': (['steady', 'daily', 'batch'], ['steady', 'daily']),
    'mem_leak': (['steady', 'daily', 'collections', 'cache', 'restarts', 'batch', 'high'],
                 ['linear', 'collections', 'load', 'chunks', 'accelerating']),
    'disk_full': (['steady', 'rotation', 'backup', 'purge', 'steps', 'high'],
                  ['linear', 'rotation', 'chunks', 'accelerating']),
    'error_rate': (['steady', 'blips', 'daily'], ['sudden', 'ramp']),
}


def machine(model, kind, failing, number):
    for attempt in range(50):
        r = random.Random(f'{model}/{kind}/{failing}/{number}/{attempt}')
        made = (cpu_machine(r, kind, failing) if model == 'cpu_spike' else
                error_machine(r, kind, failing) if model == 'error_rate' else growing_machine(r, model, kind, failing))
        if made:
            return made
    raise RuntimeError(f'{model}/{kind}: no failure within the series')


def judge(binary, folder, model, kind, failing, number):
    rows, step, begin, end = machine(model, kind, failing, number)
    path = os.path.join(folder, f'{model}-{kind}-{failing}-{number}.csv')
    with open(path, 'w', encoding='ascii') as f:
        f.write('timestamp,value\n')
        f.writelines(f'{START + i * step},{x:.3f}\n' for i, x in enumerate(rows))
    done = subprocess.run([binary, 'predict', '--model', model, path], capture_output=True, text=True, check=True)
    os.unlink(path)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    alarms = [line for line in lines if line['risk'] >= ALARM]
    case = {'model': model, 'kind': kind, 'failing': failing, 'days': len(rows) * step / DAY, 'lead': None, 'eta': None}
    if not failing:
        return case | {'right': not alarms, 'found': False}
    due = begin + 600 if model == 'error_rate' else end - max(900, 0.1 * (end - begin))
    early = any(a['timestamp'] - START <= begin for a in alarms) and begin > 0
    good = [a for a in alarms if begin < a['timestamp'] - START <= due]
    if good:
        case['lead'] = (end - (good[0]['timestamp'] - START)) / (end - begin)
        last = good[-1]
        left = end - (last['timestamp'] - START)
        if last['eta_seconds'] is not None and left > 0:
            case['eta'] = abs(last['eta_seconds'] - left) / left
    return case | {'right': bool(good) and not early, 'found': bool(good)}


def median(values):
    values = sorted(v for v in values if v is not None)
    return round(values[len(values) // 2], 3) if values else None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--binary', default=os.environ.get('AUSPEX_BINARY', ROOT / 'build/release/auspex'))
    parser.add_argument('--per-kind', type=int, default=10, help='machines of each kind (default %(default)s)')
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--write', help='the file of scores to replace')
    o = parser.parse_args()
    todo = [(model, kind, failing, number) for model, kinds in KINDS.items() for failing in (False, True)
            for kind in kinds[failing] for number in range(o.per_kind)]
    with tempfile.TemporaryDirectory(prefix='prediction-bench-') as folder, \
            concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        cases = list(pool.map(lambda job: judge(str(o.binary), folder, *job), todo))
    models = {}
    for model in KINDS:
        mine = [c for c in cases if c['model'] == model]
        failing, healthy = [c for c in mine if c['failing']], [c for c in mine if not c['failing']]
        models[model] = {
            'cases': len(mine), 'failing': len(failing),
            'accuracy': round(100 * sum(c['right'] for c in mine) / len(mine), 1),
            'recall': round(100 * sum(c['found'] for c in failing) / len(failing), 1),
            'healthy_with_alarm': sum(not c['right'] for c in healthy),
            'healthy_days': round(sum(c['days'] for c in healthy), 1),
            'lead_median': median([c['lead'] for c in failing]), 'eta_error_median': median([c['eta'] for c in failing]),
        }
        wrong = {}
        for c in mine:
            if not c['right']:
                key = ('failing ' if c['failing'] else 'healthy ') + c['kind']
                wrong[key] = wrong.get(key, 0) + 1
        models[model]['wrong_by_kind'] = wrong
    text = json.dumps({'v': 1, 'script': 'bench/prediction_bench.py', 'per_kind': o.per_kind, 'models': models}, indent=2)
    print(text)
    if o.write:
        pathlib.Path(o.write).write_text(text + '\n')


if __name__ == '__main__':
    main()
