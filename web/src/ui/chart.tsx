// chart.tsx - a chart with its legend (last, min, max), its live cursor, and its export as CSV and PNG.
import { useEffect, useRef, useState } from 'preact/hooks';
import { t, words } from '../i18n/index.ts';
import { clock, quantity } from '../lib/format.ts';
import { Button, Skeleton } from './basics.tsx';
import { toneOf } from './marks.ts';
import { csvOf, extent } from '../lib/series.ts';
import type { Point } from '../types.ts';
import type { Plot, PlotSpec } from './plot.ts';

export type ChartProps = {
  title: string;
  unit: string;
  tools?: boolean;
  legend?: boolean;
  empty?: string;
} & Omit<PlotSpec, 'format' | 'time' | 'height' | 'onCursor'> & { height?: number };

function save(name: string, blob: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

export function Chart({ title, unit, tools = true, legend = true, height = 180, empty, ...spec }: ChartProps) {
  const root = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | null>(null);
  const [cursor, setCursor] = useState<{ values: (number | null | undefined)[]; time: number } | null>(null);
  const w = words();
  const show = (value: number | null | undefined) => quantity(value, unit, w);
  const full: PlotSpec = {
    ...spec, height, format: show, time: (s) => clock(s * 1000, w.lang),
    onCursor: (index, values, time) => setCursor(index === null || time === null ? null : { values, time }),
  };
  const latest = useRef(full);
  latest.current = full;
  const hasData = spec.series.some((s) => s.points.length > 0);

  useEffect(() => {
    if (!hasData) return undefined;
    let gone = false;
    void import('./plot.ts').then(({ draw }) => {
      if (gone || !root.current) return;
      root.current.replaceChildren();
      plot.current = draw(root.current, latest.current, unit.startsWith('bytes'));
    });
    return () => {
      gone = true;
      plot.current?.destroy();
      plot.current = null;
    };
  }, [hasData, unit]);

  const last = spec.series.map((s) => `${s.name}:${s.points.length}:${s.points.at(-1)?.join()}`).join('|');
  useEffect(() => {
    plot.current?.update(latest.current);
  }, [last, spec.from, spec.to, w.lang, spec.limits?.map((l) => l.value).join(), spec.marks?.length, spec.dots?.length]);

  /* The mark under the cursor says what happened there. */
  const times = spec.series[0]?.points ?? [];
  const reach = ((spec.to ?? times.at(-1)?.[0] ?? 0) - (spec.from ?? times[0]?.[0] ?? 0)) / 80;
  const near = cursor && [...(spec.marks ?? []), ...(spec.dots ?? [])].find((m) => Math.abs(m.time - cursor.time) <= reach);

  const said = spec.series.map((s) => {
    const e = extent(s);
    return `${s.name}: ${t('chart.last')} ${show(e.last)}, ${t('chart.min')} ${show(e.min)}, ${t('chart.max')} ${show(e.max)}`;
  }).join('; ');
  const file = title.replaceAll(/[^\p{L}\p{N}]+/gu, '-').toLowerCase();

  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{title}</span>
        {cursor && <span class="chart-at">{clock(cursor.time * 1000, w.lang)}{near && ` · ${near.text}`}</span>}
        {tools && hasData && (
          <span class="chart-tools">
            <Button kind="quiet" small onClick={() => save(`${file}.csv`, new Blob([csvOf(spec.series)], { type: 'text/csv' }))}
              aria-label={`${title}: ${t('chart.csv')}`}>CSV</Button>
            <Button kind="quiet" small aria-label={`${title}: ${t('chart.png')}`}
              onClick={() => root.current?.querySelector('canvas')?.toBlob((b) => b && save(`${file}.png`, b))}>PNG</Button>
          </span>
        )}
      </figcaption>
      {hasData
        ? <div class="plot" ref={root} role="img" aria-label={`${title}. ${said}`} style={{ minHeight: `${height}px` }}><Skeleton rows={1} height={height - 30} /></div>
        : <div class="plot none" style={{ height: `${height}px` }}>{empty ?? t('chart.empty')}</div>}
      {legend && hasData && (
        <table class="legend">
          <thead><tr><th><span class="off-screen">{t('chart.series')}</span></th><th>{t('chart.last')}</th><th>{t('chart.min')}</th><th>{t('chart.max')}</th></tr></thead>
          <tbody>
            {spec.series.map((s, i) => {
              const e = extent(s);
              return (
                <tr key={s.name}>
                  <th scope="row" title={s.name}><span class={`swatch ${s.dashed ? 'dashed' : ''}`} style={{ color: `var(--${s.tone ?? toneOf(i)})` }} /><span>{s.name}</span></th>
                  <td><b>{show(cursor ? cursor.values[i] : e.last)}</b></td>
                  <td>{show(e.min)}</td>
                  <td>{show(e.max)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      )}
    </figure>
  );
}

/* Spark - the last `minutes` as a line without axes, for a tile; the number stands beside it. */
export function Spark({ points, minutes, tone = 'series-1', max }: { points: Point[]; minutes: number; tone?: string; max?: number }) {
  const known = points.filter((p): p is [number, number] => p[1] !== null && Number.isFinite(p[1]));
  const values = known.map((p) => p[1]);
  if (known.length < 2) return <svg class="spark" viewBox="0 0 120 32" aria-hidden="true" />;
  const top = max ?? (Math.max(...values) * 1.15 || 1);
  const bottom = max !== undefined ? 0 : Math.min(0, ...values);
  const last = known.at(-1)![0];
  /* A server that has just started shows what it has, not an empty half hour. */
  const span = Math.min(minutes * 60, Math.max(120, last - known[0]![0]));
  const x = (time: number) => Math.max(0, 120 * (1 - (last - time) / span));
  const line = known.map(([time, value]) => `${x(time).toFixed(1)},${(31 - ((Math.min(value, top) - bottom) / (top - bottom || 1)) * 29).toFixed(1)}`).join(' L');
  return (
    <svg class="spark" viewBox="0 0 120 32" preserveAspectRatio="none" aria-hidden="true" style={{ color: `var(--${tone})` }}>
      <path class="spark-area" d={`M${x(known[0]![0]).toFixed(1)},32 L${line} L120,32 Z`} />
      <path class="spark-line" d={`M${line}`} />
    </svg>
  );
}
