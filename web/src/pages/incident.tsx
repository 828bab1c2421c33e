// incident.tsx - one incident: what, since when, why, what can be done, did it work.
import { useState } from 'preact/hooks';
import { person, t, tn, words } from '../i18n/index.ts';
import { api, may, session } from '../lib/api.ts';
import { useData, useTask } from '../lib/data.ts';
import { quantity } from '../lib/format.ts';
import { Link } from '../lib/router.tsx';
import { useStore } from '../lib/store.ts';
import { PageHead } from '../shell/shell.tsx';
import { Age, Await, Button, Card, CopyButton, CopyCurl, Dialog, Empty, Field, ProblemNote, Term, Time } from '../ui/basics.tsx';
import { Cause } from '../ui/evidence.tsx';
import { Stream } from '../ui/events.tsx';
import { PlanDialog } from '../ui/plan.tsx';
import { ClassPill, ExecutionStatus, IncidentStatus, SeverityPill } from '../ui/status.tsx';
import type { IncidentDetail, Rca } from '../types.ts';

type Verb = 'acknowledge' | 'assign' | 'note' | 'resolve';

const fieldOf: Record<Verb, 'comment' | 'owner' | 'text' | 'resolution'> = { acknowledge: 'comment', assign: 'owner', note: 'text', resolve: 'resolution' };

function VerbDialog({ verb, id, onClose, onDone }: { verb: Verb; id: string; onClose: () => void; onDone: () => void }) {
  const [text, setText] = useState(verb === 'assign' ? person(session.get()?.user ?? '') : '');
  const task = useTask();
  const path = `/api/v1/incidents/${id}/${verb}`;
  const body = { [fieldOf[verb]]: text };
  const long = verb === 'note' || verb === 'resolve';
  return (
    <Dialog title={t(`incident.${verb}`)} onClose={onClose}>
      <form class="stack" onSubmit={(e) => { e.preventDefault(); void task.run(() => api(path, { method: 'POST', body }).then(onDone)); }}>
        <Field label={t(`incident.${verb}.field`)} hint={t(`incident.${verb}.hint`)}>
          {long ? <textarea rows={4} required autoFocus value={text} onInput={(e) => setText(e.currentTarget.value)} />
            : <input required={verb === 'assign'} autoFocus value={text} onInput={(e) => setText(e.currentTarget.value)} />}
        </Field>
        {task.error && <ProblemNote error={task.error} />}
        <div class="row end">
          <CopyCurl path={path} method="POST" body={body} />
          <Button onClick={onClose}>{t('cancel')}</Button>
          <Button kind="primary" type="submit" busy={task.busy}>{t(`incident.${verb}`)}</Button>
        </div>
      </form>
    </Dialog>
  );
}

function Impact({ impact }: { impact: Rca['impact'] }) {
  if (!impact) return <span class="dim">{t('impact.unknown')}</span>;
  if (typeof impact === 'string') return <>{impact}</>;
  const services = impact.affected_services ?? [];
  return <>{services.length ? services.join(', ') : t('impact.unknown')}{impact.estimated_users_affected != null && ` · ${t('impact.users', { n: impact.estimated_users_affected })}`}</>;
}

function RcaCard({ rca }: { rca: Rca | null }) {
  return (
    <Card title={t('rca.title')} tools={rca?.scenario && <code class="target">{rca.scenario}</code>}>
      {!rca ? <Empty icon="target" title={t('rca.none')}>{t('rca.none.text')}</Empty>
        : <div class="stack">
          {rca.cannot_tell && <p class="because">{t('rca.cannot')}</p>}
          {rca.root_causes.length > 0 && <ol class="causes">{rca.root_causes.map((c) => <Cause key={c.rank} rank={c.rank} title={c.issue} where={c.resource} confidence={c.confidence} evidence={c.evidence} />)}</ol>}
          <dl class="terms">
            <Term name={t('rca.failure')}>{rca.critical_failure || <span class="dim">{t('none')}</span>}</Term>
            <Term name={t('rca.impact')}><Impact impact={rca.impact} /></Term>
          </dl>
        </div>}
    </Card>
  );
}

function Report({ id }: { id: string }) {
  const [text, setText] = useState<string | null>(null);
  const task = useTask();
  const path = `/api/v1/incidents/${id}/report?format=markdown`;
  const load = () => task.run(async () => setText(await api<string>(path, { text: true })));
  return <>
    <Button icon="note" busy={task.busy} onClick={() => void load()}>{t('report')}</Button>
    {task.error && <ProblemNote error={task.error} />}
    {text !== null && (
      <Dialog wide title={t('report')} onClose={() => setText(null)} foot={<><CopyCurl path={path} /><CopyButton kind="plain" text={text} label={t('copy.markdown')} /></>}>
        <pre class="report" tabIndex={0}>{text}</pre>
      </Dialog>
    )}
  </>;
}

const sorts = ['all', 'alert', 'incident', 'action', 'person'] as const;

function inSort(kind: string, actor: string | null, sort: string): boolean {
  if (sort === 'all') return true;
  if (sort === 'alert') return /^(alert|anomaly|signal)/.test(kind);
  if (sort === 'action') return /^(execution|stop)/.test(kind);
  if (sort === 'person') return actor !== null && !/^(auspex|system)/.test(actor);
  return /^(incident|rca)/.test(kind);
}

export function IncidentPage({ id }: { id: string }) {
  const path = `/api/v1/incidents/${encodeURIComponent(id)}`;
  const from = useData<IncidentDetail>(path, { on: [''], every: 20_000 });
  const who = useStore(session);
  const [verb, setVerb] = useState<Verb | null>(null);
  const [plan, setPlan] = useState<IncidentDetail['proposed_actions'][number] | null>(null);
  const [sort, setSort] = useState<(typeof sorts)[number]>('all');
  const w = words();
  return (
    <Await from={from} rows={10}>
      {(i) => (
        <div class="page">
          <PageHead back={{ to: '/incidents', name: t('nav.incidents') }} title={i.title}
            lead={<span class="facts">
              <SeverityPill severity={i.severity} priority={i.priority} /><IncidentStatus status={i.status} />
              <span>{i.resolved_at ? t('incident.lasted') : t('incident.since')} <b><Age at={i.started_at} until={i.resolved_at} /></b></span>
              <span>{t('owner')}: <b>{i.owner || t('owner.none')}</b></span>
              {i.resource && <span class="target">{i.resource}</span>}
            </span>}>
            {may.operate(who) && i.status !== 'resolved' && <>
              {i.status === 'open' && <Button kind="primary" icon="check" onClick={() => setVerb('acknowledge')}>{t('incident.acknowledge')}</Button>}
              <Button icon="user" onClick={() => setVerb('assign')}>{t('incident.assign')}</Button>
              <Button icon="note" onClick={() => setVerb('note')}>{t('incident.note')}</Button>
              <Button onClick={() => setVerb('resolve')}>{t('incident.resolve')}</Button>
            </>}
            <Report id={id} />
            <CopyCurl path={path} />
          </PageHead>
          <div class="detail-grid">
            <div class="stack wide-gap">
              {i.summary && <p class="summary">{i.summary}</p>}
              <RcaCard rca={i.rca} />
              <Card title={t('incident.actions')}>
                {i.proposed_actions.length === 0 && i.executions.length === 0
                  ? <Empty icon="actions" title={t('incident.actions.none')} action={<Link class="button plain" to="/actions">{t('nav.actions')}</Link>}>{t('incident.actions.none.text')}</Empty>
                  : <ul class="rows">
                    {i.executions.map((e) => (
                      <li class="row-item" key={`e${e.execution_id}`}>
                        <ExecutionStatus state={e.state} />
                        <Link class="row-main" to={`/actions/executions/${e.execution_id}`}><b>{e.action}</b><span>{e.targets?.join(', ')}{e.verification?.detail ? ` · ${e.verification.detail}` : ''}</span></Link>
                        <span class="row-age"><Time at={e.started_at ?? e.created_at} /></span>
                      </li>
                    ))}
                    {i.proposed_actions.map((p) => (
                      <li class="row-item wrap" key={`p${p.action}${JSON.stringify(p.parameters)}`}>
                        <ClassPill level={p.class} />
                        <div class="row-main"><b>{p.action}</b><span>{p.reason}</span>
                          <span class="mono small">{Object.entries(p.parameters).map(([k, v]) => `${k}=${String(v)}`).join(' ')}</span></div>
                        <Button small kind="primary" onClick={() => setPlan(p)}>{t('plan.open')}</Button>
                      </li>
                    ))}
                  </ul>}
              </Card>
              <Card title={t('incident.alerts')} count={i.alerts.length} class="flush">
                {i.alerts.length === 0 ? <p class="dim pad">{t('incident.alerts.none')}</p> : (
                  <table class="table stackable">
                    <thead><tr><th>{t('severity')}</th><th>{t('alert')}</th><th>{t('status')}</th><th class="right">{t('value')}</th><th>{t('started')}</th></tr></thead>
                    <tbody>{i.alerts.map((a) => (
                      <tr key={a.id}>
                        <td><SeverityPill severity={a.severity} /></td>
                        <td class="main"><b>{a.name}</b><span class="sub">{a.summary}</span></td>
                        <td class="cap">{tn('alert.status', a.status)}</td>
                        <td class="right num" data-label={t('value')}>{typeof a.value === 'number' ? quantity(a.value, 'count', w) : a.value ?? t('none')}</td>
                        <td data-label={t('started')}><Time at={a.starts_at} /></td>
                      </tr>
                    ))}</tbody>
                  </table>
                )}
              </Card>
              {i.similar.length > 0 && (
                <Card title={t('incident.similar')}>
                  <ul class="rows">{i.similar.map((s) => (
                    <li class="row-item" key={s.incident_id}><Link class="row-main" to={`/incidents/${s.incident_id}`}><b>{s.title}</b><span>{s.resolution}</span></Link>
                      {s.resolved_at && <Time at={s.resolved_at} />}</li>
                  ))}</ul>
                </Card>
              )}
            </div>
            <Card title={t('incident.timeline')} class="timeline-card" tools={
              <select aria-label={t('filter')} value={sort} onChange={(e) => setSort(e.currentTarget.value as typeof sort)}>
                {sorts.map((s) => <option key={s} value={s}>{t(`timeline.${s}`)}</option>)}
              </select>}>
              <Stream items={[...i.timeline].filter((e) => inSort(e.kind, e.actor, sort)).sort((a, b) => b.event_id - a.event_id)} />
            </Card>
          </div>
          {verb && <VerbDialog verb={verb} id={id} onClose={() => setVerb(null)} onDone={() => { setVerb(null); from.reload(); }} />}
          {plan && <PlanDialog asked={{ ...plan, incident: i.id }} onClose={() => setPlan(null)} />}
        </div>
      )}
    </Await>
  );
}
