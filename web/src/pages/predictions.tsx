// predictions.tsx - precursors of failure by risk; for each the history, the fitted trend, and when it meets its limit.
import { useState } from 'preact/hooks';
import { t, tn, words } from '../i18n/index.ts';
import { api, ApiError, may, query, session } from '../lib/api.ts';
import { useData, useTask } from '../lib/data.ts';
import { count, duration, percent, quantity, unitOf } from '../lib/format.ts';
import { Link, navigate, setQuery, usePlace } from '../lib/router.tsx';
import { trend } from '../lib/series.ts';
import { useStore } from '../lib/store.ts';
import { whereOf } from '../lib/text.ts';
import { PageHead } from '../shell/shell.tsx';
import { Await, Button, Card, CopyCurl, Dialog, Empty, Meter, ProblemNote, Skeleton, Tabs, Term, Time } from '../ui/basics.tsx';
import { Chart } from '../ui/chart.tsx';
import { useSeries } from '../ui/metrics.tsx';
import { Pill, riskTone, Shape } from '../ui/status.tsx';
import type { Model, PredictSummary, Prediction, Prevented, Signal } from '../types.ts';

const MINUTES_MOST = 14 * 24 * 60;
/* How much of the future is drawn, against the past. */
const FUTURE_SHARE = 1.2;

function SignalChart({ signal }: { signal: Signal }) {
  const e = signal.evidence;
  const minutes = Math.min(MINUTES_MOST, Math.max(15, Math.round((e?.window_seconds ?? 3600) / 60)));
  const from = useSeries({ metric: signal.metric!, labels: signal.labels ?? {}, ...(signal.resource ? { resource: signal.resource } : {}), minutes, points: 300 }, 30_000);
  const w = words();
  if (!from.data) return from.error ? <ProblemNote error={from.error} retry={from.reload} /> : <Skeleton rows={1} height={260} />;
  const history = from.data.series[0]?.points ?? [];
  const unit = from.data.unit || unitOf(signal.metric!);
  const last = history.at(-1)?.[0] ?? Date.now() / 1000;
  const first = history[0]?.[0] ?? last - minutes * 60;
  const future = Math.min(signal.eta_high ?? signal.eta_seconds ?? 0, (last - first) * FUTURE_SHARE);
  const until = last + Math.max(future * 1.08, (last - first) * 0.1);
  const slope = e?.slope_per_hour;
  return (
    <Chart title={signal.metric!} unit={unit} height={260} from={first} to={until}
      series={[
        { name: t('predict.history'), points: history, fill: true },
        ...(slope != null && history.length > 1 ? [{ name: t('predict.trend'), points: trend(history, slope, until, signal.limit), dashed: true, tone: 'series-2' }] : []),
      ]}
      limits={signal.limit != null ? [{ value: signal.limit, label: `${t('predict.limit')} ${quantity(signal.limit, unit, w)}`, tone: 'critical' }] : []}
      bands={signal.eta_low != null && signal.eta_high != null ? [{ from: last + signal.eta_low, to: last + signal.eta_high, tone: 'critical' }] : []}
      marks={signal.eta_seconds != null ? [{ time: last + signal.eta_seconds, text: 'ETA', tone: 'critical' }] : []} />
  );
}

function PreventDialog({ signal, prediction, onClose }: { signal: Signal; prediction: Prediction | undefined; onClose: () => void }) {
  const task = useTask();
  const path = `/api/predict-fail/prevent/${signal.id}`;
  const send = () => task.run(async () => {
    const answer = await api<{ execution_id: string | number | null }>(path, { method: 'POST' });
    onClose();
    if (answer.execution_id != null) navigate(`/actions/executions/${answer.execution_id}`);
  });
  return (
    <Dialog title={t('prevent.title')} onClose={onClose} foot={<>
      <CopyCurl path={path} method="POST" />
      <Button onClick={onClose}>{t('cancel')}</Button>
      <Button kind="primary" icon="shield" busy={task.busy} onClick={() => void send()}>{t('prevent.request')}</Button>
    </>}>
      <div class="stack">
        <dl class="terms">
          <Term name={t('prevent.what')}>{prediction?.recommend_action || tn('prevention', signal.signal_type)}</Term>
          <Term name={t('plan.targets')}><span class="target">{signal.server_name}</span></Term>
          <Term name={t('prevent.against')}>{signal.predicted_failure || tn('signal', signal.signal_type)}</Term>
        </dl>
        <p>{t('prevent.text')}</p>
        {task.error && <ProblemNote error={task.error} />}
      </div>
    </Dialog>
  );
}

function SignalDetail({ signal, prediction }: { signal: Signal; prediction: Prediction | undefined }) {
  const who = useStore(session);
  const [asking, ask] = useState(false);
  const w = words();
  const e = signal.evidence;
  const none = <span class="dim">{t('none')}</span>;
  const unit = signal.metric ? unitOf(signal.metric) : 'percent';
  return (
    <Card title={signal.predicted_failure || tn('signal', signal.signal_type)} tools={may.operate(who) && !signal.cleared_at && <Button kind="primary" small icon="shield" onClick={() => ask(true)}>{t('prevent.open')}</Button>}>
      <div class="stack">
        <p class="eta-line">
          <Shape tone={signal.cleared_at ? 'ok' : riskTone(signal.risk_score)} size={18} />
          {signal.cleared_at ? <span>{signal.server_name}: {t('predict.cleared')} <span class="dim"><Time at={signal.cleared_at} /></span></span> : signal.eta_seconds != null
            ? <span>{t('predict.sentence', { server: signal.server_name, time: duration(signal.eta_seconds, w) })}
              {signal.eta_low != null && signal.eta_high != null && <span class="dim"> {t('predict.between', { low: duration(signal.eta_low, w), high: duration(signal.eta_high, w) })}</span>}</span>
            : <span>{t('predict.noeta', { server: signal.server_name })}</span>}
        </p>
        {signal.metric ? <SignalChart key={signal.id} signal={signal} /> : <p class="dim">{t('predict.posted')}</p>}
        <dl class="terms">
          <Term name={t('risk')}><span class="risk"><Meter value={signal.risk_score} tone={riskTone(signal.risk_score)} label={percent(signal.risk_score, w.lang)} />{percent(signal.risk_score, w.lang)}</span></Term>
          {signal.model_risk != null && <Term name={t('predict.modelrisk')}>{percent(signal.model_risk, w.lang)}</Term>}
          <Term name={t('value.threshold')}>{quantity(signal.value, 'percent', w)} / {quantity(signal.threshold, 'percent', w)}</Term>
          <Term name={t('predict.slope')}>{e?.slope_per_hour != null ? `${quantity(e.slope_per_hour, unit, w)} / ${w.hour}` : none}</Term>
          <Term name="R²">{e?.r2 != null ? e.r2.toFixed(3) : none}</Term>
          <Term name={t('predict.p')}>{e?.p_value != null ? (e.p_value < 0.001 ? '< 0.001' : e.p_value.toFixed(3)) : none}</Term>
          <Term name={t('predict.baseline')}>{e?.baseline != null ? quantity(e.baseline, unit, w) : none}</Term>
          <Term name={t('predict.samples')}>{e?.samples != null ? count(e.samples, w.lang) : none}</Term>
          <Term name={t('predict.window')}>{e?.window_seconds != null ? duration(e.window_seconds, w) : none}</Term>
          <Term name={t('predict.raised')}><Time at={signal.created_at} /></Term>
        </dl>
      </div>
      {asking && <PreventDialog signal={signal} prediction={prediction} onClose={() => ask(false)} />}
    </Card>
  );
}

function SignalList({ signals, chosen }: { signals: Signal[]; chosen: Signal | undefined }) {
  const w = words();
  return (
    <ul class="rows pick">
      {signals.map((s) => (
        <li key={s.id} class={`row-item ${s.id === chosen?.id ? 'chosen' : ''}`}>
          <Shape tone={s.cleared_at ? 'ok' : riskTone(s.risk_score)} size={16} />
          <button type="button" class="row-main" aria-pressed={s.id === chosen?.id} onClick={() => setQuery({ signal: String(s.id) })}>
            <b>{s.predicted_failure || tn('signal', s.signal_type)}</b>
            <span>{whereOf(s)} · {s.cleared_at ? t('predict.cleared') : tn('signal', s.signal_type)}</span>
          </button>
          <span class="eta"><b>{s.eta_seconds != null ? duration(s.eta_seconds, w) : percent(s.risk_score, w.lang)}</b><span>{s.eta_seconds != null ? `${t('risk')} ${percent(s.risk_score, w.lang)}` : t('risk')}</span></span>
        </li>
      ))}
    </ul>
  );
}

/* Here - what became of the predictions made on this server; nothing is said of what never was. */
function Here({ model }: { model: Model }) {
  const said = ([['predict.hit', model.hit], ['predict.missed', model.missed], ['predict.false', model.false], ['predict.averted', model.prevented], ['predict.pending', model.pending]] as const)
    .filter(([, n]) => n).map(([key, n]) => t(key, { n: n! }));
  return said.length ? <>{said.join(' · ')}</> : <span class="dim">{t('none')}</span>;
}

function TrackRecord() {
  const models = useData<Model[] | { models: Model[] }>('/api/predict-fail/models');
  const prevented = useData<Prevented[] | { prevented: Prevented[] }>('/api/predict-fail/prevented?days=90', { on: ['execution'] });
  const w = words();
  const figure = (n: number | null, samples: number | null) => (n === null || n === undefined || samples === 0 ? <span class="dim">{t('unmeasured')}</span> : quantity(n, 'percent', w));
  return (
    <div class="record">
      <Card title={t('predict.record')} class="flush">
        <Await from={models}>
          {(answer) => (
            <table class="table stackable">
              <thead><tr><th>{t('predict.model')}</th><th>{t('predict.algorithm')}</th><th class="right">{t('predict.accuracy')}</th><th class="right">{t('predict.recall')}</th><th>{t('predict.measured')}</th><th>{t('predict.here')}</th></tr></thead>
              <tbody>{(Array.isArray(answer) ? answer : answer.models).map((m) => (
                <tr key={m.id}>
                  <td class="main"><b>{m.name}</b><span class="sub">{m.description}</span></td>
                  <td class="cap">{tn('algorithm', m.algorithm)}</td>
                  <td class="right num" data-label={t('predict.accuracy')}>{figure(m.accuracy, m.samples)}</td>
                  <td class="right num" data-label={t('predict.recall')}>{figure(m.recall, m.samples)}</td>
                  <td class="cap">{tn('measured', m.measured_on)}{m.samples ? <span class="sub">{t('predict.cases', { n: m.samples })}</span> : null}</td>
                  <td class="small" data-label={t('predict.here')}><Here model={m} /></td>
                </tr>
              ))}</tbody>
            </table>
          )}
        </Await>
      </Card>
      <Card title={t('predict.prevented')}>
        <Await from={prevented}>
          {(answer) => {
            const list = Array.isArray(answer) ? answer : answer.prevented;
            return list.length === 0 ? <Empty icon="shield" title={t('predict.prevented.none')}>{t('predict.prevented.none.text')}</Empty> : (
              <ul class="rows">{list.map((p) => (
                <li class="row-item" key={p.id}><Shape tone="ok" size={16} /><div class="row-main"><b>{tn('prevention.type', p.action_type)}</b><span class="mono">{p.action_cmd}</span></div><span class="row-age"><Time at={p.created_at} /></span></li>
              ))}</ul>
            );
          }}
        </Await>
      </Card>
    </div>
  );
}

export function Predictions() {
  const { query: place } = usePlace();
  const type = place.get('type') ?? '';
  const risk = place.get('risk') ?? '0.3';
  const path = '/api/predict-fail/signals' + query({ signal_type: type, min_risk: risk, limit: 200 });
  const signals = useData<Signal[]>(path, { on: ['signal'], every: 30_000 });
  const predictions = useData<{ total: number; predictions: Prediction[] }>('/api/predict-fail/predictions?hours=720&limit=100');
  const summary = useData<PredictSummary>('/api/predict-fail/summary', { on: ['signal', 'execution'], every: 60_000 });
  const w = words();
  const wanted = place.get('signal');
  return (
    <div class="page">
      <PageHead title={t('nav.predictions')} lead={t('predict.lead')}><CopyCurl path={path} /></PageHead>
      {summary.error && !(signals.error instanceof ApiError) && <ProblemNote error={summary.error} retry={summary.reload} />}
      <dl class="figures">
        <div><dt>{t('status')}</dt><dd>{summary.data ? <Pill tone={summary.data.status === 'NORMAL' ? 'ok' : summary.data.status === 'WARNING' ? 'medium' : 'critical'}>{tn('predict.status', summary.data.status)}</Pill> : <span class="waiting" />}</dd></div>
        <div><dt>{t('predict.high')}</dt><dd>{summary.data ? count(summary.data.high_risk_signals, w.lang) : <span class="waiting" />}</dd></div>
        <div><dt>{t('predict.day')}</dt><dd>{summary.data ? count(summary.data.signals_24h, w.lang) : <span class="waiting" />}</dd></div>
        <div><dt>{t('predict.prevented.week')}</dt><dd>{summary.data ? count(summary.data.preventions_7d, w.lang) : <span class="waiting" />}</dd></div>
        {summary.data?.watched_series !== undefined && <div><dt>{t('predict.watched')}</dt><dd>{count(summary.data.watched_series, w.lang)}</dd></div>}
        <div><dt>{t('predict.average')}</dt><dd>{summary.data ? percent(summary.data.avg_risk_score, w.lang) : <span class="waiting" />}</dd></div>
      </dl>
      <div class="filters">
        <Tabs label={t('predict.risk.min')} now={risk} onPick={(id) => setQuery({ risk: id === '0.3' ? null : id })}
          tabs={[{ id: '0.7', label: t('predict.risk.high') }, { id: '0.3', label: t('predict.risk.some') }, { id: '0', label: t('all') }]} />
        <select aria-label={t('predict.type')} value={type} onChange={(e) => setQuery({ type: e.currentTarget.value })}>
          <option value="">{t('predict.type.any')}</option>
          {['disk_full', 'mem_leak', 'cpu_spike', 'error_rate'].map((s) => <option key={s} value={s}>{tn('signal', s)}</option>)}
        </select>
      </div>
      <Await from={signals} rows={6}>
        {(list) => {
          const chosen = list.find((s) => String(s.id) === wanted) ?? list[0];
          return list.length === 0
            ? <Card><Empty icon="predictions" title={t('predict.none')} action={risk !== '0' ? <Button onClick={() => setQuery({ risk: '0' })}>{t('predict.showall')}</Button> : <Link class="button plain" to="/settings/sources">{t('settings.sources')}</Link>}>{t('predict.none.text')}</Empty></Card>
            : <div class="master">
              <Card class="flush" title={t('predict.signals')} count={list.length}><SignalList signals={list} chosen={chosen} /></Card>
              {chosen && <SignalDetail signal={chosen} prediction={predictions.data?.predictions.find((p) => p.signal_id === chosen.id)} />}
            </div>;
        }}
      </Await>
      <TrackRecord />
    </div>
  );
}
