// redis.tsx - the Redis instances: live figures, what is wrong with evidence, a diagnosis on demand.
import { useState } from 'preact/hooks';
import { t, tn, words, type Key } from '../i18n/index.ts';
import { api, may, query, session } from '../lib/api.ts';
import { useData, useTask } from '../lib/data.ts';
import { count, percent, quantity, unitOf } from '../lib/format.ts';
import { setQuery, usePlace } from '../lib/router.tsx';
import { useStore } from '../lib/store.ts';
import { PageHead } from '../shell/shell.tsx';
import { Age, Ago, Await, Button, Card, CopyCurl, Empty, Meter, ProblemNote, Skeleton, Tabs } from '../ui/basics.tsx';
import { Chart } from '../ui/chart.tsx';
import { Cause, EvidenceList } from '../ui/evidence.tsx';
import { useMarks } from '../ui/marks.ts';
import { HealthPill, Pill, SeverityPill, type Tone } from '../ui/status.tsx';
import type { Connection, Diagnosis, RedisAlert, RedisMetrics } from '../types.ts';
import { FoundServices } from './connect.tsx';
import { AddRedis } from './redis-forms.tsx';

const stateTones: Record<string, Tone> = { connected: 'low', monitoring: 'ok', unreachable: 'critical', loading: 'accent', busy: 'high', auth_failed: 'high' };

const RANGES = ['15', '60', '360', '1440'];

/* The charts of the dashboard: series by the API's names, drawn where the server has them. */
const CHARTS: { title: Key; unit: string; series: string[]; limit?: string }[] = [
  { title: 'metric.redis.memory', unit: 'bytes', series: ['used_memory_bytes', 'used_memory_rss_bytes'], limit: 'maxmemory_bytes' },
  { title: 'metric.redis.clients', unit: 'count', series: ['connected_clients', 'blocked_clients'], limit: 'maxclients' },
  { title: 'metric.redis.ops', unit: 'per_second', series: ['ops_per_sec'] },
  { title: 'metric.redis.hits', unit: 'ratio', series: ['hit_rate'] },
  { title: 'metric.redis.evicted', unit: 'per_second', series: ['evicted_keys_per_sec', 'expired_keys_per_sec', 'rejected_connections_per_sec'] },
  { title: 'metric.redis.net', unit: 'bytes/s', series: ['net_input_bytes_per_sec', 'net_output_bytes_per_sec'] },
];

const num = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null);

function Figures({ current }: { current: RedisMetrics['current'] }) {
  const w = words();
  const used = num(current.used_memory_bytes);
  const max = num(current.maxmemory_bytes);
  const ratio = num(current.memory_ratio) ?? (used !== null && max ? used / max : null);
  const clients = num(current.connected_clients);
  const most = num(current.maxclients);
  const tone = (part: number | null): Tone => (part === null ? 'info' : part > 0.9 ? 'critical' : part > 0.75 ? 'medium' : 'ok');
  const meter = (part: number | null, label: string) => part !== null && <Meter value={part} tone={tone(part)} label={label} />;
  const clientPart = clients !== null && most ? clients / most : null;
  return (
    <dl class="figures">
      <div><dt><a href="#metric.redis.memory">{t('redis.memory')}</a></dt><dd>{quantity(used, 'bytes', w)}<span class="of">{max ? `/ ${quantity(max, 'bytes', w)}` : t('redis.nolimit')}</span>{max ? meter(ratio, percent(ratio ?? 0, w.lang)) : null}</dd></div>
      <div><dt><a href="#metric.redis.clients">{t('redis.clients')}</a></dt><dd>{quantity(clients, 'count', w)}<span class="of">{most ? `/ ${count(most, w.lang)}` : ''}</span>{meter(clientPart, percent(clientPart ?? 0, w.lang))}</dd></div>
      <div><dt><a href="#metric.redis.ops">{t('redis.ops')}</a></dt><dd>{quantity(num(current.ops_per_sec), 'per_second', w)}</dd></div>
      <div><dt><a href="#metric.redis.hits">{t('redis.hits')}</a></dt><dd>{quantity(num(current.hit_rate), 'ratio', w)}</dd></div>
      <div><dt><a href="#metric.redis.evicted">{t('redis.evicted')}</a></dt><dd>{quantity(num(current.evicted_keys_per_sec), 'per_second', w)}</dd></div>
    </dl>
  );
}

/* What the figures and charts don't already show. */
const shownAbove = new Set(['used_memory_bytes', 'maxmemory_bytes', 'memory_ratio', 'connected_clients', 'maxclients', 'ops_per_sec', 'hit_rate', 'evicted_keys_per_sec']);

function InfoTable({ current }: { current: RedisMetrics['current'] }) {
  const w = words();
  const rows = Object.entries(current).filter(([key, value]) => !shownAbove.has(key) && value !== null && typeof value !== 'object').sort(([a], [b]) => a.localeCompare(b));
  if (rows.length === 0) return null;
  return (
    <Card title="INFO" class="flush">
      <dl class="info-table">{rows.map(([key, value]) => <div key={key}><dt class="mono">{key}</dt><dd class="num">{typeof value === 'number' ? quantity(value, unitOf(key), w) : String(value)}</dd></div>)}</dl>
    </Card>
  );
}

function Dashboard({ connection, minutes }: { connection: Connection; minutes: string }) {
  const path = '/api/v1/monitor/metrics' + query({ connection: connection.connection, minutes });
  const from = useData<RedisMetrics>(path, { every: 5000 });
  const marks = useMarks(Number(minutes));
  const w = words();
  return (
    <Await from={from} rows={6}>
      {({ current, series }) => {
        const now = Math.round(Date.now() / 1000);
        const charts = CHARTS.map((c) => ({ ...c, drawn: c.series.filter((s) => (series[s]?.length ?? 0) > 0) })).filter((c) => c.drawn.length > 0);
        return (
          <div class="stack wide-gap">
            <Figures current={current} />
            <div class="chart-grid">
              {charts.map((c) => {
                const limit = c.limit ? num(current[c.limit]) : null;
                /* A limit far above the line would flatten it; it is in the figures anyway. */
                const top = Math.max(...c.drawn.flatMap((s) => series[s]!.map((p) => p[1] ?? 0)));
                const shows = limit && top > limit / 4;
                return (
                  <Card key={c.title} id={c.title}>
                    <Chart title={t(c.title)} unit={c.unit} zero sync="redis" from={now - Number(minutes) * 60} to={now}
                      series={c.drawn.map((s, i) => ({ name: s.replace(/_bytes$|_per_sec$/, ''), points: series[s]!, fill: i === 0 }))}
                      marks={marks} limits={shows ? [{ value: limit, label: `${c.limit} ${quantity(limit, c.unit, w)}`, tone: 'critical' }] : []} />
                  </Card>
                );
              })}
              {charts.length === 0 && <Card><Empty icon="redis" title={t('redis.nodata')}>{t('redis.nodata.text')}</Empty></Card>}
            </div>
            <InfoTable current={current} />
          </div>
        );
      }}
    </Await>
  );
}

function Alerts({ connection }: { connection: Connection }) {
  const from = useData<{ alerts: RedisAlert[] }>('/api/v1/monitor/alerts' + query({ connection: connection.connection }), { every: 10_000, on: ['alert', 'incident', 'connection'] });
  return (
    <Card title={t('redis.alerts')} count={from.data?.alerts.length}>
      <Await from={from} rows={2}>
        {({ alerts }) => alerts.length === 0 ? <Empty icon="check" title={t('redis.alerts.none')}>{t('redis.alerts.none.text')}</Empty> : (
          <ul class="rows">{alerts.map((a) => (
            <li class="row-item wrap align-top" key={a.id}>
              <SeverityPill severity={a.severity} />
              <div class="row-main"><b>{a.title}</b><span>{a.scenario && <code>{a.scenario}</code>} {tn('alert.status', a.state)}</span><EvidenceList items={a.evidence} of={{ instance: connection.address }} /></div>
              <span class="row-age"><Age at={a.since} /></span>
            </li>
          ))}</ul>
        )}
      </Await>
    </Card>
  );
}

const lineOf = (line: string | { text?: string; action?: string }) => (typeof line === 'string' ? line : line.text ?? line.action ?? '');

function Lines({ title, lines }: { title: string; lines: (string | { text?: string; action?: string })[] }) {
  if (lines.length === 0) return null;
  return <div><h3>{title}</h3><ol class="lines">{lines.map((l, i) => <li key={i}>{lineOf(l)}</li>)}</ol></div>;
}

function Diagnose({ connection }: { connection: Connection }) {
  const [result, setResult] = useState<Diagnosis | null>(null);
  const task = useTask();
  const path = '/api/v1/monitor/analyze';
  const body = { connection: connection.connection };
  const of = { instance: connection.address };
  const run = () => task.run(async () => setResult(await api<Diagnosis>(path, { method: 'POST', body })));
  return (
    <Card title={t('diagnosis')} tools={<><CopyCurl compact path={path} method="POST" body={body} /><Button kind="primary" small icon="target" busy={task.busy} onClick={() => void run()}>{result ? t('diagnosis.again') : t('diagnosis.run')}</Button></>}>
      {task.error && <ProblemNote error={task.error} retry={() => void run()} />}
      {task.busy && !result && <Skeleton rows={4} />}
      {!result && !task.busy && !task.error && <p class="dim">{t('diagnosis.text')}</p>}
      {result && (
        <div class="stack" aria-live="polite">
          <p class="facts">{result.category === 'healthy' ? <HealthPill health="ok" /> : <SeverityPill severity={result.severity} />}{result.category !== 'healthy' && result.scenario && <code class="target">{result.scenario}</code>}{result.category !== 'healthy' && <span>{result.category}</span>}</p>
          <p class="summary">{result.summary}</p>
          {result.root_causes.length > 0 && <ol class="causes">{result.root_causes.map((c, i) => <Cause key={i} rank={i + 1} title={c.cause} confidence={c.confidence} evidence={c.evidence} of={of} />)}</ol>}
          {result.evidence.length > 0 && result.root_causes.length === 0 && <EvidenceList items={result.evidence} of={of} />}
          <Lines title={t('diagnosis.now')} lines={result.immediate_actions} />
          <Lines title={t('diagnosis.steps')} lines={result.steps} />
          <Lines title={t('diagnosis.prevention')} lines={result.prevention} />
        </div>
      )}
    </Card>
  );
}

function Instance({ connection, only, changed }: { connection: Connection; only: boolean; changed: () => void }) {
  const who = useStore(session);
  const task = useTask();
  const { query: place } = usePlace();
  const minutes = RANGES.includes(place.get('range') ?? '') ? place.get('range')! : '15';
  const running = connection.state !== 'connected';
  const verb = running ? 'stop' : 'start';
  const body = { connection: connection.connection };
  return (
    <div class="stack wide-gap">
      <div class="filters">
        <span class="facts">
          {only && <Pill tone={stateTones[connection.state] ?? 'unknown'}>{tn('redis.state', connection.state)}</Pill>}
          <span class="mono">{connection.address}</span>
          {connection.server_version && <span>Redis {connection.server_version}</span>}
          {connection.mode && <span>{connection.mode}{connection.role ? ` · ${connection.role}` : ''}</span>}
          <span class="dim"><Ago at={connection.last_poll} phrase="redis.polled" /></span>
        </span>
        <span class="spread" />
        <Tabs label={t('range')} now={minutes} onPick={(id) => setQuery({ range: id === '15' ? null : id })} tabs={RANGES.map((r) => ({ id: r, label: t(`range.${r}` as Key) }))} />
        {may.operate(who) && <Button small busy={task.busy} onClick={() => void task.run(() => api(`/api/v1/monitor/${verb}`, { method: 'POST', body }).then(changed))}>{running ? t('redis.stop') : t('redis.start')}</Button>}
      </div>
      {task.error && <ProblemNote error={task.error} />}
      {connection.error && <div class="problem" role="alert"><p>{connection.error}</p></div>}
      <div class="two"><Alerts connection={connection} /><Diagnose key={connection.connection} connection={connection} /></div>
      <Dashboard connection={connection} minutes={minutes} />
    </div>
  );
}

export function RedisPage() {
  const { query: place } = usePlace();
  const who = useStore(session);
  const from = useData<{ connections: Connection[] }>('/api/v1/monitor/status', { every: 5000, on: ['connection'] });
  const adding = place.has('add');
  return (
    <div class="page">
      <PageHead title={t('nav.redis')} lead={t('redis.lead')}>
        <CopyCurl path="/api/v1/monitor/status" />
        {may.operate(who) && <Button kind="primary" icon="plus" onClick={() => setQuery({ add: '1' })}>{t('redis.add')}</Button>}
      </PageHead>
      <Await from={from} rows={8}>
        {({ connections }) => {
          const chosen = connections.find((c) => c.connection === place.get('instance')) ?? connections[0];
          return chosen ? <>
            {connections.length > 1 && <div class="instances">
              {connections.map((c) => (
                <button type="button" key={c.connection} aria-pressed={c.connection === chosen.connection} onClick={() => setQuery({ instance: c.connection })}>
                  <Pill tone={stateTones[c.state] ?? 'unknown'}>{tn('redis.state', c.state)}</Pill><b>{c.name || c.address}</b>
                </button>
              ))}
            </div>}
            <Instance key={chosen.connection} connection={chosen} only={connections.length === 1} changed={from.reload} />
          </> : <>
            <Card><Empty icon="redis" title={t('redis.none')}>{t('redis.none.text')}</Empty></Card>
            <Card title={t('service.found')}><FoundServices /></Card>
          </>;
        }}
      </Await>
      {adding && <AddRedis onClose={() => setQuery({ add: null })} onDone={(id) => { setQuery({ add: null, instance: id }); from.reload(); }} />}
    </div>
  );
}
