// metrics.tsx - charts of stored series, and the host's own vital signs.
import { t, words } from '../i18n/index.ts';
import { query } from '../lib/api.ts';
import { useData, type Loaded } from '../lib/data.ts';
import { unitOf } from '../lib/format.ts';
import { navigate } from '../lib/router.tsx';
import { merge, seriesName } from '../lib/series.ts';
import type { ChartAnswer, Labels, Point } from '../types.ts';
import { quantity } from '../lib/format.ts';
import { Chart, Spark } from './chart.tsx';
import { ProblemNote, Skeleton } from './basics.tsx';
import { useMarks } from './marks.ts';
import type { PlotSeries } from './plot.ts';

export interface SeriesQuery {
  metric: string;
  labels?: Labels;
  resource?: string;
  rate?: boolean;
  minutes: number;
  points?: number;
}

export function useSeries({ metric, labels, resource, rate, minutes, points = 240 }: SeriesQuery, every = 10_000): Loaded<ChartAnswer> {
  const wanted = labels && Object.entries(labels).map(([k, v]) => `${k}=${v}`).join(',');
  return useData<ChartAnswer>('/api/v1/charts' + query({ metric, resource, labels: wanted, minutes, points, rate: rate ? 'true' : null }), { every });
}

/* The legend has room for so many; the rest is counted. */
const SHOWN = 6;

export function MetricChart({ title, fill, limits, marks, height, ...wanted }: SeriesQuery & {
  title: string; fill?: boolean; height?: number;
  limits?: { value: number; label: string; tone: string }[]; marks?: { time: number; text: string; tone: string }[];
}) {
  const from = useSeries(wanted);
  if (!from.data) return from.error ? <ProblemNote error={from.error} retry={from.reload} /> : <Skeleton rows={1} height={height ?? 180} />;
  const all = from.data.series.map((s) => s.labels);
  const series = from.data.series.slice(0, SHOWN).map((s): PlotSeries => ({ name: seriesName(s.labels, all, title), points: s.points, fill: Boolean(fill) && all.length === 1 }));
  const more = from.data.series.length - series.length;
  const now = Date.now() / 1000;
  return (
    <div>
      <Chart title={title} unit={from.data.unit || unitOf(wanted.metric, wanted.rate)} series={series} zero sync="range"
        from={Math.round(now - wanted.minutes * 60)} to={Math.round(now)} {...(limits ? { limits } : {})} {...(marks ? { marks } : {})} {...(height ? { height } : {})} />
      {more > 0 && <p class="dim small">{t('chart.more', { n: more })}</p>}
    </div>
  );
}

const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
const mean = (values: number[]) => sum(values) / values.length;

export interface Vital { key: 'cpu' | 'memory' | 'disk' | 'network' | 'load'; points: Point[]; unit: string; limit?: number; note?: string }

const pointsOf = (from: Loaded<ChartAnswer>, keep: (labels: Labels) => boolean = () => true) =>
  (from.data?.series ?? []).filter((s) => keep(s.labels)).map((s) => s.points);

export function useVitals(minutes: number): { vitals: Vital[]; loading: boolean; error: Loaded<ChartAnswer>['error']; reload: () => void } {
  const points = 90;
  const idle = useSeries({ metric: 'node_cpu_seconds_total', labels: { mode: 'idle' }, rate: true, minutes, points });
  const available = useSeries({ metric: 'node_memory_MemAvailable_bytes', minutes, points });
  const total = useSeries({ metric: 'node_memory_MemTotal_bytes', minutes, points });
  const free = useSeries({ metric: 'node_filesystem_avail_bytes', labels: { mountpoint: '/' }, minutes, points });
  const size = useSeries({ metric: 'node_filesystem_size_bytes', labels: { mountpoint: '/' }, minutes, points });
  const receive = useSeries({ metric: 'node_network_receive_bytes_total', rate: true, minutes, points });
  const transmit = useSeries({ metric: 'node_network_transmit_bytes_total', rate: true, minutes, points });
  const load = useSeries({ metric: 'node_load1', minutes, points });
  const cores = idle.data?.series.length;
  const real = (labels: Labels) => labels.device !== 'lo';
  const whole = (of: Loaded<ChartAnswer>) => {
    const last = of.data?.series[0]?.points.at(-1)?.[1];
    return last ? { note: t('vital.of', { total: quantity(last, 'bytes', words()) }) } : {};
  };
  const used = (part: Loaded<ChartAnswer>, whole: Loaded<ChartAnswer>) => merge([...pointsOf(part).slice(0, 1), ...pointsOf(whole).slice(0, 1)],
    (v) => (v.length === 2 && v[1]! > 0 ? 1 - v[0]! / v[1]! : 0));
  return {
    vitals: [
      { key: 'cpu', unit: 'ratio', limit: 1, ...(cores ? { note: t('vital.cores', { n: cores }) } : {}), points: merge(pointsOf(idle), (v) => Math.max(0, 1 - mean(v))) },
      { key: 'memory', unit: 'ratio', limit: 1, ...whole(total), points: used(available, total) },
      { key: 'disk', unit: 'ratio', limit: 1, ...whole(size), points: used(free, size) },
      { key: 'network', unit: 'bytes/s', note: t('vital.both'), points: merge([...pointsOf(receive, real), ...pointsOf(transmit, real)], sum) },
      { key: 'load', unit: 'count', note: t('vital.load.note'), points: merge(pointsOf(load), sum) },
    ],
    loading: [idle, available, free, receive, load].some((s) => s.data === undefined && s.error === undefined),
    error: [idle, available, total, free, size, receive, transmit, load].find((s) => s.error && !s.data)?.error,
    reload: () => [idle, available, total, free, size, receive, transmit, load].forEach((s) => s.reload()),
  };
}

const SPARK_MINUTES = 30;

export function Vitals({ resource }: { resource: string | undefined }) {
  const { vitals, loading, error, reload } = useVitals(SPARK_MINUTES);
  if (error) return <ProblemNote error={error} retry={reload} />;
  const w = words();
  return (
    <div class="vitals">
      {vitals.map((vital) => {
        const last = vital.points.at(-1)?.[1];
        const hot = vital.limit && last !== null && last !== undefined && last > 0.9;
        return (
          <button type="button" key={vital.key} class="vital" disabled={!resource}
            onClick={() => resource && navigate('/' + query({ resource }))}>
            <span class="vital-name">{t(`vital.${vital.key}`)}</span>
            <span class={`vital-value ${hot ? 'hot' : ''}`}>{last === undefined && loading ? <span class="waiting" /> : quantity(last, vital.unit, w)}</span>
            <span class="vital-note">{vital.note}</span>
            <Spark points={vital.points} minutes={SPARK_MINUTES} {...(vital.limit ? { max: vital.limit } : {})} tone={hot ? 'critical' : 'series-1'} />
          </button>
        );
      })}
    </div>
  );
}

export function HostCharts({ minutes }: { minutes: number }) {
  const marks = useMarks(minutes);
  const { vitals, loading, error, reload } = useVitals(minutes);
  if (error) return <ProblemNote error={error} retry={reload} />;
  if (loading) return <Skeleton rows={4} height={120} />;
  const now = Math.round(Date.now() / 1000);
  return <>{vitals.map((v) => (
    <Chart key={v.key} title={t(`vital.${v.key}`)} unit={v.unit} sync="range" zero from={now - minutes * 60} to={now}
      series={[{ name: t(`vital.${v.key}`), points: v.points, fill: true }]} marks={marks} height={150} />
  ))}</>;
}
