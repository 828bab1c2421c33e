// explore.tsx - ask the metrics anything: PromQL as chart and as table, what it cost, and an address to share.
import { useEffect, useState } from 'preact/hooks';
import { t, tn, words } from '../i18n/index.ts';
import { ApiError } from '../lib/api.ts';
import { count, duration, quantity, unitOf } from '../lib/format.ts';
import { isRate, keepsUnit, metricOf } from '../lib/promql.ts';
import { answer, ask, childrenOf, instantPath, points, PROMETHEUS, rangePath, selectorText, seriesText, stepOf, usesMetric, type Answer, type Node, type Range, type Series } from '../lib/prometheus.ts';
import { setQuery, usePlace } from '../lib/router.tsx';
import { seriesName } from '../lib/series.ts';
import { PageHead } from '../shell/shell.tsx';
import { Button, Card, CopyButton, CopyCurl, Empty, ProblemNote, Skeleton, Tabs, Term, Time } from '../ui/basics.tsx';
import { Chart } from '../ui/chart.tsx';
import { Icon } from '../ui/icons.tsx';
import { forgetNames, PromqlEditor } from '../ui/promql.tsx';
import { RangePicker, windowOf, zoomTo } from '../ui/range.tsx';
import type { Labels } from '../types.ts';

const LIVE_MS = 15_000;
const DRAWN = 30;
const ROWS = 200;
const EXAMPLES = ['1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))', 'node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes',
  'topk(5, rate(node_network_receive_bytes_total[5m]))'];

interface Exemplar { labels: Labels; value: string; timestamp: number }
interface ExemplarSeries { seriesLabels: Labels; exemplars: Exemplar[] }

interface Loaded<T> { data?: T; error?: ApiError; loading: boolean }

/* useAnswer - what `get` brings, anew whenever `key` changes; the last answer stays while the next is on its way. */
function useAnswer<T>(key: string | null, get: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<Loaded<T>>({ loading: key !== null });
  useEffect(() => {
    if (key === null) {
      setState({ loading: false });
      return undefined;
    }
    const stop = new AbortController();
    setState(({ data }) => ({ ...(data === undefined ? {} : { data }), loading: true }));
    get(stop.signal).then(
      (data) => setState({ data, loading: false }),
      (error: unknown) => {
        if (error instanceof ApiError) setState({ error, loading: false });
      },
    );
    return () => stop.abort();
  }, [key]);
  return state;
}

function Notes({ notes }: { notes: string[] }) {
  if (!notes.length) return null;
  return <ul class="notes">{notes.map((note) => <li key={note}><Icon name="note" size={16} /><span>{note}</span></li>)}</ul>;
}

function Cost({ of, seen }: { of: Answer; seen: number }) {
  const w = words();
  const time = of.stats?.timings?.['execTotalTime'] ?? of.stats?.timings?.['evalTotalTime'];
  const samples = of.stats?.samples;
  return (
    <p class="cost">
      <span>{t('explore.series', { n: count(seen, w.lang) })}</span>
      {samples?.seriesRead !== undefined && <span>{t('explore.read.series', { n: count(samples.seriesRead, w.lang) })}</span>}
      {samples?.totalQueryableSamples !== undefined && <span>{t('explore.read.samples', { n: count(samples.totalQueryableSamples, w.lang) })}</span>}
      {time !== undefined && <span>{t('explore.took', { time: duration(time, w) })}</span>}
    </p>
  );
}

const seriesOf = (of: Answer): Series[] => (of.resultType === 'matrix' || of.resultType === 'vector' ? (of.result as Series[])
  : [{ metric: {}, value: of.result as [number, string] }]);

function GraphTab({ expr, range, unit }: { expr: string; range: Range; unit: string }) {
  const [all, setAll] = useState(false);
  const path = rangePath(expr, range);
  const from = useAnswer(path, (signal) => answer(path, signal));
  const exemplarPath = usesMetric(expr) ? '/query_exemplars?' + new URLSearchParams({ query: expr, start: String(range.from), end: String(range.to) }) : null;
  const exemplars = useAnswer(exemplarPath, (signal) => ask<ExemplarSeries[]>(exemplarPath!, signal));
  if (from.error) return <ProblemNote error={from.error} />;
  if (!from.data) return <Skeleton rows={1} height={320} />;
  const series = seriesOf(from.data);
  const labels = series.map((s) => s.metric);
  const shown = all ? series : series.slice(0, DRAWN);
  const names = shown.map((s) => seriesName(s.metric, labels, seriesText(s.metric) || expr));
  const floats = shown.some((s) => s.values);
  const found = (exemplars.data?.data ?? []).flatMap((s) => s.exemplars.map((e) => ({ ...e, series: s.seriesLabels })));
  return (
    <>
      <Notes notes={from.data.notes} />
      {series.length > 0 && !floats && <p class="dim">{t('explore.histograms')}</p>}
      <Chart title={metricOf(expr) || expr} unit={unit} height={320} from={range.from} to={range.to} onZoom={zoomTo}
        series={shown.map((s, i) => ({ name: names.indexOf(names[i]!) === i ? names[i]! : seriesText(s.metric), points: points(s, range) }))}
        dots={found.map((e) => ({ time: e.timestamp, value: Number(e.value), text: seriesText(e.labels) }))} />
      {series.length > shown.length && (
        <p class="chart-more"><span class="dim">{t('shown', { n: shown.length, total: series.length })}</span> <Button small onClick={() => setAll(true)}>{t('explore.all')}</Button></p>
      )}
      <Cost of={from.data} seen={series.length} />
      {found.length > 0 && (
        <Card title={t('explore.exemplars')} count={found.length} class="flush inner">
          <div class="scroll-x"><table class="table"><tbody>
            {found.slice(-20).reverse().map((e, i) => (
              <tr key={i}><td><Time at={e.timestamp * 1000} /></td><td class="num">{quantity(Number(e.value), unit, words())}</td><td><code>{seriesText(e.labels)}</code></td><td class="dim">{seriesText(e.series)}</td></tr>
            ))}
          </tbody></table></div>
        </Card>
      )}
    </>
  );
}

/* A number as it is, with the reading beside it. */
function Value({ text, unit }: { text: string; unit: string }) {
  const number = Number(text);
  const said = Number.isFinite(number) ? quantity(number, unit, words()) : text;
  return <span title={text}>{said}</span>;
}

function TableTab({ expr, at, unit }: { expr: string; at: number; unit: string }) {
  const [all, setAll] = useState(false);
  const path = instantPath(expr, at);
  const from = useAnswer(path, (signal) => answer(path, signal));
  if (from.error) return <ProblemNote error={from.error} />;
  if (!from.data) return <Skeleton rows={8} />;
  const series = seriesOf(from.data);
  const shown = all ? series : series.slice(0, ROWS);
  const columns = [...new Set(series.flatMap((s) => Object.keys(s.metric)))].sort((a, b) => Number(b === '__name__') - Number(a === '__name__') || (a < b ? -1 : 1));
  return (
    <>
      <Notes notes={from.data.notes} />
      {series.length === 0
        ? <Empty icon="search" title={t('explore.nothing')}>{t('explore.nothing.text')}</Empty>
        : <div class="scroll-x" tabIndex={0} role="region" aria-label={t('explore.table')}>
          <table class="table values">
            <thead><tr>{columns.map((c) => <th key={c}>{c === '__name__' ? t('explore.metric') : c}</th>)}<th class="right">{t('value')}</th></tr></thead>
            <tbody>
              {shown.map((s) => (
                <tr key={seriesText(s.metric)}>
                  {columns.map((c) => <td key={c}>{s.metric[c] && <code>{s.metric[c]}</code>}</td>)}
                  <td class="right num">{s.value ? <Value text={s.value[1]} unit={unit} />
                    : s.histogram ? t('explore.histogram', { n: s.histogram[1].count, sum: s.histogram[1].sum }) : t('explore.samples', { n: s.values?.length ?? 0 })}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>}
      {series.length > shown.length && (
        <p class="chart-more"><span class="dim">{t('shown', { n: shown.length, total: series.length })}</span> <Button small onClick={() => setAll(true)}>{t('explore.all')}</Button></p>
      )}
      <Cost of={from.data} seen={series.length} />
    </>
  );
}

const NODE_TITLES: Record<string, (n: Node) => string> = {
  aggregation: (n) => `${n.op}${n.grouping?.length || n.without ? ` ${n.without ? 'without' : 'by'} (${(n.grouping ?? []).join(', ')})` : ''}`,
  binaryExpr: (n) => n.op ?? '',
  unaryExpr: (n) => n.op ?? '',
  call: (n) => `${n.func?.name ?? ''}()`,
  numberLiteral: (n) => String(n.val ?? ''),
  stringLiteral: (n) => JSON.stringify(n.val ?? ''),
  parenExpr: () => '( )',
  subquery: (n) => `[${duration((n.range ?? 0) / 1000, words())}:${n.step ? duration(n.step / 1000, words()) : ''}]`,
  vectorSelector: selectorText,
  matrixSelector: (n) => `${selectorText(n)} [${duration((n.range ?? 0) / 1000, words())}]`,
};

/* How many series a selector has now. */
function Matches({ selector, at }: { selector: string; at: number }) {
  const path = instantPath(`count(${selector})`, at);
  const from = useAnswer(path, (signal) => answer(path, signal));
  if (!from.data) return <span class="dim">{from.error ? t('none') : '…'}</span>;
  return <span class="dim">{t('explore.series', { n: count(Number(seriesOf(from.data)[0]?.value?.[1] ?? 0), words().lang) })}</span>;
}

function Tree({ node, at }: { node: Node; at: number }) {
  const children = childrenOf(node);
  const selector = node.type === 'vectorSelector' || node.type === 'matrixSelector';
  return (
    <li>
      <div class="tree-node"><span class={`pill tone-${selector ? 'low' : 'info'}`}><span>{tn('explore.node', node.type)}</span></span>
        <code>{(NODE_TITLES[node.type] ?? (() => ''))(node)}</code>{selector && <Matches selector={selectorText(node)} at={at} />}</div>
      {children.length > 0 && <ul>{children.map((child, i) => <Tree key={i} node={child} at={at} />)}</ul>}
    </li>
  );
}

function ExplainTab({ expr, range }: { expr: string; range: Range }) {
  const path = '/parse_query?' + new URLSearchParams({ query: expr });
  const tree = useAnswer(path, (signal) => ask<Node>(path, signal));
  const asked = rangePath(expr, range);
  const run = useAnswer(asked, (signal) => answer(asked, signal));
  const w = words();
  if (tree.error) return <ProblemNote error={tree.error} />;
  if (!tree.data) return <Skeleton rows={5} />;
  const stats = run.data?.stats;
  return (
    <>
      <dl class="terms">
        <Term name={t('explore.explain.time')}>{stats?.timings ? duration(stats.timings['evalTotalTime'] ?? 0, w) : t('none')}</Term>
        <Term name={t('explore.explain.series')}>{stats?.samples?.seriesRead !== undefined ? count(stats.samples.seriesRead, w.lang) : t('none')}</Term>
        <Term name={t('explore.explain.samples')}>{stats?.samples?.totalQueryableSamples !== undefined ? count(stats.samples.totalQueryableSamples, w.lang) : t('none')}</Term>
        <Term name={t('explore.explain.step')}>{duration(range.step, w)}</Term>
      </dl>
      {run.error && <ProblemNote error={run.error} />}
      <ul class="tree"><Tree node={tree.data.data} at={range.to} /></ul>
    </>
  );
}

export function Explore() {
  const { query } = usePlace();
  const [now, setNow] = useState(Date.now());
  const exprs = query.getAll('expr');
  const [draft, setDraft] = useState(exprs[0] ?? '');
  const expr = exprs[0] ?? '';
  const tab = query.get('tab') ?? 'graph';
  const shown = windowOf(query, now);
  const step = stepOf(shown.from, shown.to);
  /* Steps lie on multiples of themselves, so that a live chart does not shiver. */
  const range: Range = { from: Math.ceil(shown.from / step) * step, to: Math.floor(shown.to / step) * step, step };
  const unit = keepsUnit(expr) ? unitOf(metricOf(expr), isRate(expr)) : 'count';

  useEffect(() => setDraft(expr), [expr]);
  useEffect(() => {
    if (!shown.live || !expr) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) setNow(Date.now());
    }, LIVE_MS);
    return () => clearInterval(timer);
  }, [shown.live, expr]);
  useEffect(() => forgetNames, []);

  const run = (text: string) => {
    setNow(Date.now());
    setQuery({ expr: text });
  };
  const path = PROMETHEUS + (tab === 'table' ? instantPath(expr, range.to) : rangePath(expr, range));
  return (
    <div class="page">
      <PageHead title={t('explore.title')} lead={t('explore.lead')}>
        <RangePicker window={shown} query={query} />
      </PageHead>
      <Card class="explore-ask">
        <PromqlEditor value={expr} label={t('explore.expression')} onRun={run} onType={setDraft} focus={!expr} />
        <div class="explore-tools">
          <Tabs label={t('explore.view')} now={tab} onPick={(id) => setQuery({ tab: id === 'graph' ? null : id })}
            tabs={[{ id: 'graph', label: t('explore.graph') }, { id: 'table', label: t('explore.table') }, { id: 'explain', label: t('explore.explain') }]} />
          <div class="tools">
            {expr && <><CopyButton text={location.href} label={t('explore.share')} icon="link" /><CopyCurl path={path} /></>}
            <Button kind="primary" icon="right" onClick={() => run(draft.trim())}>{t('explore.run')}</Button>
          </div>
        </div>
      </Card>
      {expr
        ? <Card class="explore-answer">{tab === 'table' ? <TableTab key={expr} expr={expr} at={range.to} unit={unit} />
          : tab === 'explain' ? <ExplainTab key={expr} expr={expr} range={range} /> : <GraphTab key={expr} expr={expr} range={range} unit={unit} />}</Card>
        : <Card><Empty icon="search" title={t('explore.empty')} action={
          <ul class="examples">{EXAMPLES.map((e) => <li key={e}><button type="button" class="example" onClick={() => run(e)}><code>{e}</code></button></li>)}</ul>
        }>{t('explore.empty.text')}</Empty></Card>}
    </div>
  );
}
