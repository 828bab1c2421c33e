#!/usr/bin/python3
"""growth_bench.py [--svg FILE] - how the cost of a sample, memory and reading grow with series and with time; a JSON line a
point. With --svg the curves are drawn too, for docs/benchmarks.md.

Series grow at 120 samples each, time at 10,000 series, both through the program append_bench."""
import argparse
import json
import math
import pathlib
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
SERIES = [1000, 10000, 100000, 1000000]
STEPS = [60, 240, 960, 3840]
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 340, 200, 56, 36, 28, 36


def run(program, *arguments):
    folder = tempfile.mkdtemp(prefix='auspex-growth-')
    try:
        done = subprocess.run([ROOT / 'build/release' / program, folder, *map(str, arguments)], check=True, capture_output=True, text=True)
        return json.loads(done.stdout.strip().splitlines()[-1])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure():
    points = []
    for axis, values in (('series', SERIES), ('samples a series', STEPS)):
        for value in values:
            series, steps = (value, 120) if axis == 'series' else (10000, value)
            it = run('append_bench', series, steps)
            points.append({'axis': axis, 'at': value, 'append_ns': it['append_ns'], 'bytes_a_series': it['mb'] * 1e6 / series,
                           'read_ns_a_sample': it['read_series_us'] * 1000 / (it['samples'] / series), 'open_all_us': it['open_all_us']})
            print(json.dumps(points[-1]), flush=True)
    return points


def figure(value):
    return f'{value:,.0f}' if value >= 100 else f'{value:.3g}'


def curve(points, axis, key, title, at):
    """One chart: the axis is logarithmic, the cost is not, so that flat looks flat."""
    mine = [(p['at'], p[key]) for p in points if p['axis'] == axis]
    low, high = math.log10(mine[0][0]), math.log10(mine[-1][0])
    top = max(v for _, v in mine) * 1.25
    x0, y0 = at[0] + LEFT, at[1] + HEIGHT - BOTTOM

    def place(x, y):
        return (x0 + (math.log10(x) - low) / (high - low) * (WIDTH - LEFT - RIGHT), y0 - y / top * (HEIGHT - BOTTOM - TOP))
    out = [f'<text x="{at[0] + LEFT}" y="{at[1] + 16}" class="t">{title}</text>']
    for part in (0, 0.5, 1):
        _, y = place(mine[0][0], top * part)
        out.append(f'<line x1="{x0}" x2="{at[0] + WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" class="g"/>'
                   f'<text x="{x0 - 6}" y="{y + 4:.1f}" class="n" text-anchor="end">{figure(top * part)}</text>')
    out.append('<polyline class="l" points="' + ' '.join('%.1f,%.1f' % place(*p) for p in mine) + '"/>')
    for value, cost in mine:
        x, y = place(value, cost)
        out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/><text x="{x:.1f}" y="{y - 8:.1f}" class="n" text-anchor="middle">{figure(cost)}</text>'
                   f'<text x="{x:.1f}" y="{y0 + 16}" class="n" text-anchor="middle">{value:,}</text>')
    out.append(f'<text x="{(x0 + at[0] + WIDTH - RIGHT) / 2:.1f}" y="{y0 + 30}" class="n" text-anchor="middle">{axis}</text>')
    return ''.join(out)


def draw(points, path):
    charts = [('append_ns', 'append: ns CPU a sample'), ('bytes_a_series', 'memory: bytes a series'), ('read_ns_a_sample', 'read: ns CPU a sample')]
    parts = [curve(points, axis, key, title, (column * WIDTH, row * HEIGHT))
             for row, axis in enumerate(('series', 'samples a series')) for column, (key, title) in enumerate(charts)]
    style = ('svg{background:#fff}text{font:11px sans-serif;fill:#333}.t{font-weight:600;font-size:12px}.n{font-size:10px;fill:#666}'
             '.g{stroke:#ddd}.l{fill:none;stroke:#4f46d8;stroke-width:2}circle{fill:#4f46d8}')
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {3 * WIDTH} {2 * HEIGHT}" width="{3 * WIDTH}" height="{2 * HEIGHT}">'
                    f'<style>{style}</style>{"".join(parts)}</svg>\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--svg', type=pathlib.Path)
    asked = parser.parse_args()
    subprocess.run([ROOT / 'tools/build.sh', 'release', 'append_bench'], check=True, stdout=subprocess.DEVNULL)
    points = measure()
    if asked.svg:
        draw(points, asked.svg)


if __name__ == '__main__':
    main()
