// now.tsx - what is wrong, who is needed, what breaks next, how everything is, what just happened.
import { useEffect, useState } from 'preact/hooks';
import { t, tn, words } from '../i18n/index.ts';
import { query } from '../lib/api.ts';
import { useData } from '../lib/data.ts';
import { duration, percent } from '../lib/format.ts';
import { Link, navigate, usePlace } from '../lib/router.tsx';
import { remember, remembered, useStore } from '../lib/store.ts';
import { whereOf } from '../lib/text.ts';
import { nowFailure, nowState } from '../shell/shell.tsx';
import { Age, Await, Button, Card, Empty, ProblemNote, Skeleton } from '../ui/basics.tsx';
import { Stream } from '../ui/events.tsx';
import { Vitals } from '../ui/metrics.tsx';
import { ResourceDrawer, TileMap } from '../ui/resources.tsx';
import { IncidentStatus, riskTone, SeverityPill, Shape, type Tone } from '../ui/status.tsx';
import type { Approval, AuditEvent, Guide, Incident, Now, Resource, Signal } from '../types.ts';

const stateTones: Record<Now['state'], Tone> = { ok: 'ok', attention: 'medium', critical: 'critical' };

function headline(now: Now): string {
  if (now.open_incidents === 0) return now.state === 'ok' ? t('now.ok') : t('now.watch');
  const incidents = t('now.incidents', { n: now.open_incidents });
  return now.needs_you > 0 ? `${incidents}, ${t('now.needs', { n: now.needs_you })}` : `${incidents}, ${t('now.needs.none')}`;
}

function Hero({ now }: { now: Now }) {
  const { noise } = now;
  const w = words();
  const part = (key: 'noise.alerts' | 'noise.incidents' | 'noise.pages' | 'noise.healed', n: number, to: string) => <Link to={to} class="noise-part">{t(key, { n })}</Link>;
  return (
    <section class={`hero tone-${stateTones[now.state]}`} aria-label={t('now.state')}>
      <Shape tone={stateTones[now.state]} size={36} />
      <div class="hero-text">
        <h1>{headline(now)}</h1>
        <p class="noise">
          {part('noise.alerts', noise.alerts, '/incidents?status=all')}
          <span class="arrow" aria-hidden="true">→</span>
          {part('noise.incidents', noise.incidents, '/incidents?status=all')}
          <span class="arrow" aria-hidden="true">→</span>
          {part('noise.pages', noise.pages, '/incidents?status=all')}
          <span class="noise-healed">{part('noise.healed', noise.healed, '/actions/executions?state=fixed')}</span>
          <span class="dim">{t('noise.window', { window: noise.window.replace(/h$/, w.gap + w.hour) })}</span>
        </p>
      </div>
    </section>
  );
}

export const guideSteps = (guide: Guide): number => [guide.host, guide.service, guide.telemetry, guide.receiver].filter(Boolean).length;

function GuideStrip({ guide }: { guide: Guide }) {
  const [hidden, hide] = useState(remembered('guide') === 'hidden');
  const done = guideSteps(guide);
  if (hidden || done === 4) return null;
  return (
    <section class="guide-strip" aria-label={t('guide.title')}>
      <span class="guide-lights" aria-hidden="true">{[0, 1, 2, 3].map((i) => <i key={i} class={i < done ? 'on' : ''} />)}</span>
      <p><b>{t('guide.strip', { n: done })}</b> {t('guide.strip.text')}</p>
      <Link class="button plain small" to="/guide">{t('guide.continue')}</Link>
      <Button kind="quiet" small icon="close" aria-label={t('guide.hide')} onClick={() => { remember('guide', 'hidden'); hide(true); }} />
    </section>
  );
}

const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'];

function NeedsYou() {
  const incidents = useData<{ total: number; incidents: Incident[] }>('/api/v1/incidents' + query({ limit: 50 }), { on: ['incident', 'alert', 'execution'], every: 30_000 });
  const approvals = useData<{ approvals: Approval[] }>('/api/v1/approvals', { on: ['execution', 'stop'], every: 30_000 });
  const waiting = (approvals.data?.approvals ?? []).filter((a) => a.state === 'pending' || a.state === 'pending_approval');
  return (
    <Card title={t('now.open')} tools={<Link class="more" to="/incidents">{t('all')}</Link>}>
      <Await from={incidents}>
        {({ incidents: list }) => {
          /* What hurts most comes first, then what has hurt longest. */
          const open = list.filter((i) => i.status !== 'resolved')
            .sort((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) || a.started_at.localeCompare(b.started_at));
          if (open.length + waiting.length === 0) return <Empty icon="check" title={t('now.quiet')}>{t('now.quiet.text')}</Empty>;
          return (
            <ul class="rows">
              {waiting.map((a) => (
                <li key={`a${a.id}`} class="row-item urgent">
                  <Shape tone="accent" size={16} />
                  <Link class="row-main" to="/actions/approvals"><b>{t('now.approve', { action: a.action })}</b><span>{a.plan.steps[0]?.display ?? ''}</span></Link>
                  <Link class="button primary small" to="/actions/approvals">{t('approval.look')}</Link>
                </li>
              ))}
              {open.slice(0, 8).map((i) => (
                <li key={i.id} class="row-item">
                  <SeverityPill severity={i.severity} priority={i.priority} />
                  <Link class="row-main" to={`/incidents/${i.id}`}><b>{i.title}</b><span>{i.owner || t('owner.none')}{i.resource ? ` · ${i.resource}` : ''}</span></Link>
                  <IncidentStatus status={i.status} />
                  <span class="row-age"><Age at={i.started_at} /></span>
                </li>
              ))}
            </ul>
          );
        }}
      </Await>
    </Card>
  );
}

function BreaksNext() {
  const signals = useData<Signal[]>('/api/predict-fail/signals' + query({ min_risk: 0.3, limit: 30 }), { on: ['signal'], every: 60_000 });
  const w = words();
  return (
    <Card title={t('now.next')} tools={<Link class="more" to="/predictions">{t('all')}</Link>}>
      <Await from={signals} rows={3}>
        {(list) => {
          const soonest = list.filter((s) => !s.cleared_at).sort((a, b) => (a.eta_seconds ?? Infinity) - (b.eta_seconds ?? Infinity) || b.risk_score - a.risk_score).slice(0, 5);
          if (soonest.length === 0) return <Empty icon="predictions" title={t('now.next.none')}>{t('now.next.none.text')}</Empty>;
          return (
            <ul class="rows">
              {soonest.map((s) => (
                <li key={s.id} class="row-item">
                  <Shape tone={riskTone(s.risk_score)} size={16} />
                  <Link class="row-main" to={'/predictions' + query({ signal: s.id })}>
                    <b>{s.predicted_failure || tn('signal', s.signal_type)}</b>
                    <span>{whereOf(s)} · {t('risk')} {percent(s.risk_score, w.lang)}</span>
                  </Link>
                  <span class="eta">
                    {s.eta_seconds === null || s.eta_seconds === undefined ? <span class={s.risk_score >= 1 ? 'bad' : 'dim'}>{t(s.risk_score >= 1 ? 'eta.reached' : 'eta.none')}</span> : <>
                      <b>{t('eta.in', { time: duration(s.eta_seconds, w) })}</b>
                      {s.eta_low != null && s.eta_high != null && <span>{duration(s.eta_low, w)} – {duration(s.eta_high, w)}</span>}
                    </>}
                  </span>
                </li>
              ))}
            </ul>
          );
        }}
      </Await>
    </Card>
  );
}

export function NowPage() {
  const { query: place } = usePlace();
  const now = useStore(nowState);
  const failure = useStore(nowFailure);
  const resources = useData<{ total: number; resources: Resource[] }>('/api/v1/resources', { every: 15_000, on: ['alert', 'incident', 'signal', 'connection'] });
  const events = useData<{ events: AuditEvent[] }>('/api/v1/events' + query({ limit: 30 }), { on: [''], every: 60_000 });
  const shown = place.get('resource');

  /* The first start, with nothing connected yet, opens the guide, once. */
  useEffect(() => {
    if (now && !now.guide.service && !now.guide.telemetry && !now.guide.receiver && !remembered('guide') && !place.size) navigate('/guide', { replace: true });
  }, [now === null]);

  const host = resources.data?.resources.find((r) => r.kind === 'host');
  return (
    <div class="page now">
      {now ? <Hero now={now} /> : failure ? <ProblemNote error={failure.error} retry={failure.retry} /> : <div class="hero"><Skeleton rows={2} height={22} /></div>}
      {now && <GuideStrip guide={now.guide} />}
      <div class="now-grid">
        <div class="stack wide-gap">
          <NeedsYou />
          <Card title={host ? t('now.host', { host: host.name }) : t('kind.host')} class="flush" tools={<span class="dim small">{t('vital.window')}</span>}><Vitals resource={host?.id} /></Card>
          <Card title={t('now.resources')} count={resources.data?.total}><Await from={resources} rows={6}>{(r) => <TileMap resources={r.resources} />}</Await></Card>
        </div>
        <div class="stack wide-gap">
          <BreaksNext />
          <Card title={t('now.events')} class="events-card">
            <Await from={events} rows={8}>
              {(e) => (e.events.length ? <Stream items={e.events} linked /> : <Empty icon="clock" title={t('events.empty')}>{t('events.empty.text')}</Empty>)}
            </Await>
          </Card>
        </div>
      </div>
      {shown && <ResourceDrawer id={shown} />}
    </div>
  );
}
