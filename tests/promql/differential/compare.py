"""compare.py - whether two answers are the same: labels exactly, times exactly, numbers within 1e-9."""
import math

WITHIN = 1e-9


def same_number(a, b):
    a, b = float(a), float(b)
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and math.isnan(b)
    if math.isinf(a) or math.isinf(b):
        return a == b
    return abs(a - b) <= WITHIN * max(1, abs(a), abs(b))


def by_labels(result):
    """Points of each series: (time, number) and (time, histogram)."""
    def points(series):
        one = [series[key] for key in ('value', 'histogram') if key in series]
        return sorted(series.get('values', []) + series.get('histograms', []) + one, key=lambda point: float(point[0]))
    return {tuple(sorted(series['metric'].items())): points(series) for series in result}


def same_point(a, b):
    if isinstance(a, str) or isinstance(b, str):
        return type(a) is type(b) and same_number(a, b)
    left, right = a.get('buckets', []), b.get('buckets', [])
    return same_number(a['count'], b['count']) and same_number(a['sum'], b['sum']) and len(left) == len(right) and \
        all(mine[0] == other[0] and all(map(same_number, mine[1:], other[1:])) for mine, other in zip(left, right))


def difference(ours, theirs):
    """What differs, in words; None where nothing does. Two errors are the same whatever they say."""
    if ours['status'] != theirs['status']:
        return f'ours: {ours.get("error", "an answer")}; theirs: {theirs.get("error", "an answer")}'
    if ours['status'] == 'error':
        return None
    ours, theirs = ours['data'], theirs['data']
    if ours['resultType'] != theirs['resultType']:
        return f'{ours["resultType"]} for {theirs["resultType"]}'
    if ours['resultType'] in ('scalar', 'string'):
        return None if same_number(ours['result'][1], theirs['result'][1]) else f'{ours["result"]} for {theirs["result"]}'
    left, right = by_labels(ours['result']), by_labels(theirs['result'])
    if left.keys() != right.keys():
        return f'only ours: {sorted(left.keys() - right.keys())[:3]}; only theirs: {sorted(right.keys() - left.keys())[:3]}'
    for labels, points in left.items():
        if [float(p[0]) for p in points] != [float(p[0]) for p in right[labels]]:
            return f'{labels}: points at other times: {points[:3]} for {right[labels][:3]}'
        for mine, other in zip(points, right[labels]):
            if not same_point(mine[1], other[1]):
                return f'{labels}: {mine} for {other}'
    return None
