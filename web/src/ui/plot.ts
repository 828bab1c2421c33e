// plot.ts - draws a chart specification with uPlot. Loaded when the first chart is shown.
import uPlot from 'uplot';
import { toneOf } from './marks.ts';
import type { Point } from '../types.ts';

export interface PlotSeries {
  name: string;
  points: Point[];
  tone?: string;
  dashed?: boolean;
  fill?: boolean;
}

export interface PlotSpec {
  series: PlotSeries[];
  format: (value: number | null) => string;
  time: (seconds: number) => string;
  height: number;
  /* Horizontal limits, vertical marks (things that happened), shaded stretches of time. */
  limits?: { value: number; label: string; tone: string }[];
  marks?: { time: number; text: string; tone: string }[];
  bands?: { from: number; to: number; tone: string }[];
  /* Single observations beside the lines: exemplars. */
  dots?: { time: number; value: number; text: string }[];
  from?: number;
  to?: number;
  zero?: boolean;
  sync?: string;
  /* What dragging over a stretch does; without it the chart zooms by itself. */
  onZoom?: (from: number, to: number) => void;
  onCursor?: (index: number | null, values: (number | null | undefined)[], time: number | null) => void;
}

export interface Plot {
  update(spec: PlotSpec): void;
  destroy(): void;
}


/* light-dark() in a custom property stays unresolved; the colour of a probe element is resolved. */
function resolver(root: HTMLElement): (name: string) => string {
  const known = new Map<string, string>();
  return (name) => {
    let colour = known.get(name);
    if (!colour) {
      const probe = document.createElement('span');
      probe.style.color = `var(--${name})`;
      root.append(probe);
      colour = getComputedStyle(probe).color;
      probe.remove();
      known.set(name, colour);
    }
    return colour;
  };
}

const faded = (colour: string, alpha: number) => {
  const parts = colour.match(/[\d.]+/g);
  return parts ? `rgba(${parts[0]}, ${parts[1]}, ${parts[2]}, ${alpha})` : colour;
};

function aligned(series: PlotSeries[]): uPlot.AlignedData {
  if (series.length === 0) return [[]];
  return uPlot.join(series.map((s) => [s.points.map((p) => p[0]), s.points.map((p) => p[1])]), series.map(() => [2]));
}

/* 14:05, with seconds where ticks are that close, the date at midnight. */
function timeTick(seconds: number, step: number): string {
  const at = new Date(seconds * 1000);
  const two = (n: number) => String(n).padStart(2, '0');
  if (step >= 86400 || (at.getHours() === 0 && at.getMinutes() === 0 && at.getSeconds() === 0)) return `${at.getMonth() + 1}/${at.getDate()}`;
  return `${two(at.getHours())}:${two(at.getMinutes())}${step < 60 ? ':' + two(at.getSeconds()) : ''}`;
}

/* Power-of-two steps for bytes, so that an axis reads 1 GiB, 2 GiB instead of 953.7 MiB. */
const byteSteps = Array.from({ length: 60 }, (_, i) => 2 ** i);

export function draw(root: HTMLElement, first: PlotSpec, bytes: boolean): Plot {
  let spec = first;
  let plot: uPlot | null = null;

  const whole = (u: uPlot) => {
    const times = u.data[0];
    u.setScale('x', { min: spec.from ?? times[0] ?? 0, max: spec.to ?? times.at(-1) ?? 1 });
  };

  function options(): uPlot.Options {
    const colour = resolver(root);
    const text = colour('text-3');
    const line = colour('line');
    const font = `11px ${getComputedStyle(root).fontFamily}`;
    const axis = { stroke: text, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    return {
      width: Math.max(120, root.clientWidth),
      height: spec.height,
      padding: [10, 12, 0, 0],
      legend: { show: false },
      cursor: {
        ...(spec.sync ? { sync: { key: spec.sync, setSeries: false } } : {}),
        drag: { x: true, y: false, uni: 12, setScale: !spec.onZoom },
        bind: { dblclick: (u) => () => { whole(u); return null; } },
        points: { size: 7 },
      },
      scales: {
        x: { time: true, ...(spec.from !== undefined && spec.to !== undefined ? { min: spec.from, max: spec.to } : {}) },
        y: {
          range: (_u, low, high) => {
            const limits = (spec.limits ?? []).map((l) => l.value);
            const top = Math.max(high ?? 0, ...limits);
            const bottom = Math.min(low ?? 0, ...limits);
            const room = (top - (spec.zero ? 0 : bottom)) * 0.08 || Math.abs(top) * 0.1 || 1;
            return [spec.zero ? Math.min(0, bottom) : bottom >= 0 ? Math.max(0, bottom - room) : bottom - room, top + room];
          },
        },
      },
      axes: [
        { ...axis, space: 70, size: 28, values: (_u, splits, _axis, _space, step) => splits.map((s) => timeTick(s, step)) },
        { ...axis, space: 34, gap: 6, size: (_u, values) => 16 + Math.max(24, ...(values ?? []).map((v) => String(v).length * 6.2)),
          ...(bytes ? { incrs: byteSteps } : {}), values: (_u, ticks) => ticks.map((v) => spec.format(v)) },
      ],
      series: [
        {},
        ...spec.series.map((s, i): uPlot.Series => {
          const stroke = colour(s.tone ?? toneOf(i));
          return {
            label: s.name, stroke, width: s.dashed ? 1.500 : 1.750,
            ...(s.dashed ? { dash: [5, 4] } : {}),
            ...(s.fill ? { fill: faded(stroke, 0.1) } : {}),
            points: { show: s.points.length === 1 },
            spanGaps: false,
          };
        }),
      ],
      hooks: {
        drawClear: [(u) => {
          const { ctx, bbox } = u;
          ctx.save();
          ctx.beginPath();
          ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
          ctx.clip();
          for (const band of spec.bands ?? []) {
            const left = u.valToPos(band.from, 'x', true);
            const right = u.valToPos(band.to, 'x', true);
            ctx.fillStyle = faded(colour(band.tone), 0.13);
            ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
          }
          ctx.restore();
        }],
        draw: [(u) => {
          const { ctx, bbox } = u;
          const ratio = devicePixelRatio;
          ctx.save();
          ctx.beginPath();
          ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
          ctx.clip();
          ctx.font = `${11 * ratio}px ${getComputedStyle(root).fontFamily}`;
          ctx.lineWidth = ratio;
          for (const limit of spec.limits ?? []) {
            const y = Math.round(u.valToPos(limit.value, 'y', true));
            ctx.strokeStyle = ctx.fillStyle = colour(limit.tone);
            ctx.setLineDash([2 * ratio, 3 * ratio]);
            ctx.beginPath();
            ctx.moveTo(bbox.left, y);
            ctx.lineTo(bbox.left + bbox.width, y);
            ctx.stroke();
            ctx.textAlign = 'left';
            ctx.textBaseline = 'bottom';
            ctx.fillText(limit.label, bbox.left + 6 * ratio, y - 3 * ratio);
          }
          for (const mark of spec.marks ?? []) {
            const x = Math.round(u.valToPos(mark.time, 'x', true));
            ctx.strokeStyle = ctx.fillStyle = colour(mark.tone);
            ctx.setLineDash([]);
            ctx.globalAlpha = 0.7;
            ctx.beginPath();
            ctx.moveTo(x, bbox.top);
            ctx.lineTo(x, bbox.top + bbox.height);
            ctx.stroke();
            ctx.globalAlpha = 1;
            ctx.beginPath();
            ctx.moveTo(x - 4 * ratio, bbox.top);
            ctx.lineTo(x + 4 * ratio, bbox.top);
            ctx.lineTo(x, bbox.top + 6 * ratio);
            ctx.fill();
          }
          ctx.fillStyle = colour('text-2');
          for (const dot of spec.dots ?? []) {
            const x = u.valToPos(dot.time, 'x', true);
            const y = u.valToPos(dot.value, 'y', true);
            ctx.beginPath();
            ctx.moveTo(x, y - 4 * ratio);
            ctx.lineTo(x + 4 * ratio, y);
            ctx.lineTo(x, y + 4 * ratio);
            ctx.lineTo(x - 4 * ratio, y);
            ctx.fill();
          }
          ctx.restore();
        }],
        setSelect: [(u) => {
          if (!spec.onZoom || u.select.width < 4) return;
          const [from, to] = [u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x')];
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          spec.onZoom(from, to);
        }],
        setCursor: [(u) => {
          const index = u.cursor.idx ?? null;
          spec.onCursor?.(index, spec.series.map((_, i) => (index === null ? null : u.data[i + 1]?.[index])),
            index === null ? null : (u.data[0][index] ?? null));
        }],
      },
    };
  }

  const build = () => {
    plot?.destroy();
    plot = new uPlot(options(), aligned(spec.series), root);
  };
  build();

  const size = new ResizeObserver(() => plot?.setSize({ width: Math.max(120, root.clientWidth), height: spec.height }));
  size.observe(root);
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', build);
  addEventListener('auspex-theme', build);

  return {
    update(next) {
      const same = next.series.length === spec.series.length && next.height === spec.height
        && next.series.every((s, i) => s.name === spec.series[i]!.name) && next.to! - next.from! === spec.to! - spec.from!;
      const { min, max } = plot?.scales.x ?? {};
      /* Who has zoomed in keeps that view; who has not follows the time. */
      const zoomed = spec.from !== undefined && (Math.abs((min ?? 0) - spec.from) > 1 || Math.abs((max ?? 0) - spec.to!) > 1);
      spec = next;
      if (!same || !plot) {
        build();
        return;
      }
      plot.setData(aligned(spec.series), false);
      if (zoomed && min != null && max != null) plot.setScale('x', { min, max });
      else whole(plot);
    },
    destroy() {
      size.disconnect();
      dark.removeEventListener('change', build);
      removeEventListener('auspex-theme', build);
      plot?.destroy();
    },
  };
}
