// series.ts - arithmetic on series of points: merged, fitted, summed up, written as CSV.
import type { Labels, Point } from '../types.ts';

export interface NamedSeries {
  name: string;
  points: Point[];
}

/* What tells these series apart: the labels whose values differ. */
export function seriesName(labels: Labels, all: Labels[], otherwise: string): string {
  const differing = Object.keys(labels).filter((k) => all.some((other) => other[k] !== labels[k]));
  return differing.map((k) => labels[k]).join(' ') || otherwise;
}

/* merge - one series from several, value by value where all of them have one. */
export function merge(series: Point[][], join: (values: number[]) => number): Point[] {
  if (series.length === 0) return [];
  const columns = new Map<number, number[]>();
  for (const points of series) {
    for (const [time, value] of points) {
      if (value === null) continue;
      const column = columns.get(time);
      if (column) column.push(value);
      else columns.set(time, [value]);
    }
  }
  return [...columns].filter(([, values]) => values.length === series.length).sort(([a], [b]) => a - b).map(([time, values]) => [time, join(values)]);
}

/* trend - the fitted line over the window, and on until it meets the limit. */
export function trend(points: Point[], slopePerHour: number, until: number, limit?: number | null): Point[] {
  const known = points.filter((p): p is [number, number] => p[1] !== null);
  if (known.length === 0) return [];
  const meanTime = known.reduce((a, p) => a + p[0], 0) / known.length;
  const meanValue = known.reduce((a, p) => a + p[1], 0) / known.length;
  const at = (time: number): Point => [time, meanValue + (slopePerHour / 3600) * (time - meanTime)];
  const last = known.at(-1)![0];
  const crossing = limit == null || slopePerHour === 0 ? until : meanTime + ((limit - meanValue) / slopePerHour) * 3600;
  return [at(known[0]![0]), at(last), at(crossing > last ? Math.min(until, crossing) : until)];
}

/* extent - last, smallest and largest known value. */
export function extent(series: NamedSeries): { last: number | null; min: number | null; max: number | null } {
  let last: number | null = null, min: number | null = null, max: number | null = null;
  for (const [, value] of series.points) {
    if (value === null || !Number.isFinite(value)) continue;
    last = value;
    min = min === null ? value : Math.min(min, value);
    max = max === null ? value : Math.max(max, value);
  }
  return { last, min, max };
}

const cell = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/* csvOf - one row a time; a series without a value there has an empty cell. */
export function csvOf(series: NamedSeries[]): string {
  const rows = new Map<number, (number | null)[]>();
  series.forEach((s, column) => {
    for (const [time, value] of s.points) {
      let row = rows.get(time);
      if (!row) rows.set(time, row = series.map(() => null));
      row[column] = value;
    }
  });
  const lines = [...rows].sort(([a], [b]) => a - b)
    .map(([time, row]) => [new Date(time * 1000).toISOString(), ...row.map((v) => (v === null ? '' : String(v)))].join(','));
  return [['timestamp', ...series.map((s) => cell(s.name))].join(','), ...lines].join('\n') + '\n';
}
