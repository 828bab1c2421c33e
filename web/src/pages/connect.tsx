// connect.tsx - what Auspex can be connected to: services on this host, senders of telemetry, receivers of messages.
import { useState } from 'preact/hooks';
import { t, tn, words } from '../i18n/index.ts';
import { api } from '../lib/api.ts';
import { useData, useTask } from '../lib/data.ts';
import { count } from '../lib/format.ts';
import { Link } from '../lib/router.tsx';
import { Ago, Await, Button, CopyButton, CopyCurl, Empty, ProblemNote, Time } from '../ui/basics.tsx';
import { Pill, type Tone } from '../ui/status.tsx';
import type { FoundService, Receiver, Source } from '../types.ts';

function ServiceRow({ service, changed }: { service: FoundService; changed: () => void }) {
  const task = useTask();
  const { add } = service;
  /* A connection alone is looked at by nobody: it is watched from the same click on. */
  const connect = (how: NonNullable<FoundService['add']>) => task.run(async () => {
    const made = await api<{ connection?: string } | undefined>(how.path, { method: how.method, body: how.body });
    if (made?.connection) await api('/api/v1/monitor/start', { method: 'POST', body: { connection: made.connection } });
    changed();
  });
  const where = `${service.address}${service.port ? ':' + service.port : ''}`;
  return (
    <li class="row-item wrap">
      <div class="row-main"><b>{service.name || tn('service', service.kind)}</b><span>{tn('service', service.kind)} · <span class="mono">{where}</span>{service.pid ? ` · PID ${service.pid}` : ''}</span></div>
      {service.added ? <Pill tone="ok">{t('service.added')}</Pill>
        : add ? <>
          <CopyCurl compact path={add.path} method={add.method} body={add.body} />
          <Button small kind="primary" icon="plus" busy={task.busy} onClick={() => void connect(add)}>{t('service.add')}</Button>
        </> : <span class="dim small">{t('service.later')}</span>}
      {task.error && <ProblemNote error={task.error} />}
    </li>
  );
}

export function FoundServices() {
  const from = useData<{ services: FoundService[] }>('/api/v1/services', { every: 10_000, on: ['connection'] });
  return (
    <Await from={from} rows={3}>
      {({ services }) => services.length === 0
        ? <Empty icon="service" title={t('service.none')} action={<Link class="button plain" to="/redis?add=1">{t('redis.add')}</Link>}>{t('service.none.text')}</Empty>
        : <ul class="rows boxed">{services.map((s) => <ServiceRow key={`${s.kind}${s.address}${s.port}`} service={s} changed={from.reload} />)}</ul>}
    </Await>
  );
}

const sourceTones: Record<Source['state'], Tone> = { ok: 'ok', waiting: 'unknown', error: 'critical' };

function SourceRow({ source }: { source: Source }) {
  const [open, setOpen] = useState(false);
  return (
    <li class="row-item wrap">
      <Pill tone={sourceTones[source.state] ?? 'unknown'}>{tn('source.state', source.state)}</Pill>
      <div class="row-main">
        <b>{source.name}</b>
        <span>{source.note || source.kind}</span>
        {source.error && <span class="bad">{source.error}</span>}
      </div>
      <span class="row-age">
        {source.last_received_at ? <Ago at={source.last_received_at} phrase="source.last" /> : t('source.never')}
        <span class="dim">{t('source.samples', { n: count(source.samples_total, words().lang) })}</span>
      </span>
      {source.snippet && <Button small onClick={() => setOpen(!open)} aria-expanded={open}>{t('source.snippet')}</Button>}
      {open && source.snippet && <Snippet text={source.snippet} />}
    </li>
  );
}

export function Snippet({ text }: { text: string }) {
  return <div class="snippet"><pre tabIndex={0}>{text}</pre><CopyButton kind="plain" text={text} label={t('copy')} /></div>;
}

export function Sources() {
  const from = useData<{ sources: Source[] }>('/api/v1/sources', { every: 5000 });
  return (
    <Await from={from} rows={5}>
      {({ sources }) => sources.length === 0
        ? <Empty icon="network" title={t('source.none')}>{t('source.none.text')}</Empty>
        : <ul class="rows">{sources.map((s) => <SourceRow key={s.name} source={s} />)}</ul>}
    </Await>
  );
}

/* Snippets - only what takes a paste: the ways in. */
export function Snippets() {
  const from = useData<{ sources: Source[] }>('/api/v1/sources', { every: 5000 });
  return (
    <Await from={from} rows={3}>
      {({ sources }) => {
        const ways = sources.filter((s) => s.snippet);
        return ways.length === 0
          ? <p class="dim">{t('source.none.text')}</p>
          : <ul class="rows boxed">{ways.map((s) => <SourceRow key={s.name} source={s} />)}</ul>;
      }}
    </Await>
  );
}

function ReceiverRow({ receiver }: { receiver: Receiver }) {
  const task = useTask();
  const [result, setResult] = useState<{ delivered: boolean; error: string | null; at: number } | null>(null);
  const path = `/api/v1/receivers/${encodeURIComponent(receiver.name)}/test`;
  const test = () => task.run(async () => {
    const answer = await api<{ delivered: boolean; error: string | null }>(path, { method: 'POST' });
    setResult({ ...answer, at: Date.now() });
  });
  return (
    <li class="row-item wrap">
      <div class="row-main"><b>{receiver.name}</b><span>{receiver.kind} · <span class="mono">{receiver.target}</span></span></div>
      {result && <Pill tone={result.delivered ? 'ok' : 'critical'}>{result.delivered ? t('receiver.delivered') : t('receiver.failed')}</Pill>}
      {result && <Time at={result.at} />}
      <CopyCurl compact path={path} method="POST" />
      <Button small busy={task.busy} icon="bell" onClick={() => void test()}>{t('receiver.test')}</Button>
      {result?.error && <p class="bad full">{result.error}</p>}
      {task.error && <ProblemNote error={task.error} />}
    </li>
  );
}

const RECEIVER_EXAMPLE = `# auspex.yml
receivers:
  - name: team
    slack_configs:
      - api_url: https://hooks.slack.com/services/...
`;

export function Receivers() {
  const from = useData<{ receivers: Receiver[] }>('/api/v1/receivers', { every: 10_000 });
  return (
    <Await from={from} rows={2}>
      {({ receivers }) => receivers.length === 0
        ? <div class="stack"><p class="dim">{t('receiver.none')}</p><Snippet text={RECEIVER_EXAMPLE} /></div>
        : <ul class="rows boxed">{receivers.map((r) => <ReceiverRow key={r.name} receiver={r} />)}</ul>}
    </Await>
  );
}
