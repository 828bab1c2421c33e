// prometheus.ts - the query API that Grafana uses too, asked by the page.
import { api } from './api.ts';
import { tokens } from './promql.ts';
import type { Labels, Point } from '../types.ts';

export const PROMETHEUS = '/prometheus/api/v1';

/* A range asks for at most this many points a series: more than a wide screen has pixels says nothing. */
const POINTS = 500;

interface Envelope<T> {
  data: T;
  warnings?: string[];
  infos?: string[];
}

export interface Histogram {
  count: string;
  sum: string;
  buckets?: [number, string, string, string][];
}

export interface Series {
  metric: Labels;
  values?: [number, string][];
  histograms?: [number, Histogram][];
  value?: [number, string];
  histogram?: [number, Histogram];
}

export interface Stats {
  timings?: Record<string, number>;
  samples?: { totalQueryableSamples?: number; peakSamples?: number; seriesRead?: number };
}

export interface Answer {
  resultType: 'matrix' | 'vector' | 'scalar' | 'string';
  result: Series[] | [number, string];
  stats?: Stats;
  notes: string[];
}

/* ask - an answer in Prometheus' envelope. */
export async function ask<T>(path: string, signal?: AbortSignal): Promise<{ data: T; notes: string[] }> {
  const envelope = await api<Envelope<T>>(PROMETHEUS + path, signal ? { signal } : {});
  return { data: envelope.data, notes: [...(envelope.warnings ?? []), ...(envelope.infos ?? [])] };
}

export interface Range { from: number; to: number; step: number }

/* stepOf - seconds between points: a round number, fine enough for the screen. */
export function stepOf(from: number, to: number): number {
  const least = (to - from) / POINTS;
  return [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400].find((s) => s >= least) ?? Math.ceil(least / 86400) * 86400;
}

export const rangePath = (expr: string, { from, to, step }: Range) =>
  '/query_range?' + new URLSearchParams({ query: expr, start: String(from), end: String(to), step: String(step), stats: 'all' });
export const instantPath = (expr: string, at: number) => '/query?' + new URLSearchParams({ query: expr, time: String(at), stats: 'all' });

export async function answer(path: string, signal?: AbortSignal): Promise<Answer> {
  const { data, notes } = await ask<Omit<Answer, 'notes'>>(path, signal);
  return { ...data, notes };
}

/* points - the values of a series at every step; null where there is none, so that a gap is a gap. */
export function points(series: Series, { from, to, step }: Range): Point[] {
  const known = new Map((series.values ?? []).map(([time, value]) => [Math.round(time * 1000), Number(value)]));
  const list: Point[] = [];
  for (let at = from * 1000; at <= to * 1000 + 0.5; at += step * 1000) {
    const value = known.get(Math.round(at));
    list.push([at / 1000, value === undefined || !Number.isFinite(value) ? null : value]);
  }
  return list;
}

const plainName = /^[A-Za-z_:][\w:]*$/;
const plainLabel = /^[A-Za-z_]\w*$/;

/* seriesText - a series as PromQL writes it: up{job="node"}. */
export function seriesText(metric: Labels): string {
  const name = metric['__name__'] ?? '';
  const labels = Object.keys(metric).filter((k) => k !== '__name__').sort()
    .map((k) => `${plainLabel.test(k) ? k : JSON.stringify(k)}=${JSON.stringify(metric[k])}`);
  if (name && !plainName.test(name)) labels.unshift(JSON.stringify(name));
  const head = plainName.test(name) ? name : '';
  return labels.length || !head ? `${head}{${labels.join(', ')}}` : head;
}

/* A node of /parse_query. */
export interface Node {
  type: string;
  name?: string;
  op?: string;
  func?: { name: string };
  matchers?: { name: string; value: string; type: string }[];
  range?: number;
  offset?: number;
  step?: number;
  val?: string;
  grouping?: string[];
  without?: boolean;
  [key: string]: unknown;
}

export function childrenOf(node: Node): Node[] {
  const parts = ['lhs', 'rhs', 'expr', 'param'].map((key) => node[key]).concat(Array.isArray(node['args']) ? (node['args'] as unknown[]) : []);
  return parts.filter((p): p is Node => typeof p === 'object' && p !== null && 'type' in p);
}

/* selectorText - the selector of a node, without its range and offset. */
export function selectorText(node: Node): string {
  const matchers = (node.matchers ?? []).filter((m) => !(m.name === '__name__' && m.type === '=' && m.value === node.name));
  const inside = matchers.map((m) => `${plainLabel.test(m.name) ? m.name : JSON.stringify(m.name)}${m.type}${JSON.stringify(m.value)}`).join(', ');
  return `${node.name ?? ''}${inside || !node.name ? `{${inside}}` : ''}`;
}

/* usesMetric - for exemplars: whether an expression has a selector at all. */
export const usesMetric = (expr: string) => tokens(expr).some((t) => t.kind === 'name' || t.text === '{');
