// actions.tsx - what can be done, what waits for a person, what was done.
import { useState } from 'preact/hooks';
import { person, t, tn, words } from '../i18n/index.ts';
import { api, may, query, session } from '../lib/api.ts';
import { useData, useTask } from '../lib/data.ts';
import { duration } from '../lib/format.ts';
import { Link, navigate, setQuery, usePlace } from '../lib/router.tsx';
import { useStore } from '../lib/store.ts';
import { nowState, PageHead } from '../shell/shell.tsx';
import { Age, Await, Button, Card, CopyCurl, Empty, Field, ProblemNote, Tabs, Time, useTick } from '../ui/basics.tsx';
import { PlanDialog, PlanView } from '../ui/plan.tsx';
import { ClassPill, ExecutionStatus, Pill } from '../ui/status.tsx';
import type { Action, Approval, Execution } from '../types.ts';

function Catalogue() {
  const { query: place } = usePlace();
  const who = useStore(session);
  const from = useData<{ actions: Action[] }>('/api/v1/actions');
  const asked = place.get('action');
  return <>
    <Await from={from} rows={6}>
      {({ actions }) => actions.length === 0
        ? <Card><Empty icon="actions" title={t('actions.none')}>{t('actions.none.text')}</Empty></Card>
        : <Card class="flush">
          <table class="table stackable">
            <thead><tr><th>{t('action')}</th><th>{t('plan.class')}</th><th>{t('actions.trust')}</th><th>{t('actions.parameters')}</th><th /></tr></thead>
            <tbody>{actions.map((a) => (
              <tr key={a.id}>
                <td class="main"><b class="mono">{a.id}</b><span class="sub">{a.doc}</span>{a.available === false && a.unavailable_reason && <span class="sub warn">{a.unavailable_reason}</span>}</td>
                <td><ClassPill level={a.class} />{a.irreversible && <span class="sub">{t('plan.irreversible')}</span>}</td>
                <td class="cap"><span title={[tn('trust.doc', a.trust), a.trust_reason].filter(Boolean).join(' ')}>{tn('trust', a.trust)}</span></td>
                <td class="small mono extra">{a.parameters.map((p) => p.name).join(', ') || t('none')}</td>
                <td class="right">{may.operate(who) && a.available !== false && <Button small onClick={() => setQuery({ action: a.id })}>{t('plan.open')}</Button>}</td>
              </tr>
            ))}</tbody>
          </table>
        </Card>}
    </Await>
    {asked && <PlanDialog asked={{ action: asked, parameters: {}, incident: null }} onClose={() => setQuery({ action: null })} />}
  </>;
}

function Expires({ at }: { at: string | null }) {
  const now = useTick();
  if (!at) return null;
  const left = (Date.parse(at) - now) / 1000;
  return <span class={left < 120 ? 'warn' : 'dim'}>{left > 0 ? t('approval.expires', { time: duration(left, words()) }) : t('approval.expired')}</span>;
}

function ApprovalCard({ approval, changed }: { approval: Approval; changed: () => void }) {
  const who = useStore(session);
  const [reason, setReason] = useState('');
  const task = useTask();
  const path = `/api/v1/approvals/${approval.id}`;
  const decide = (decision: 'approve' | 'reject') => task.run(async () => {
    await api(path, { method: 'POST', body: { decision, reason, hash: approval.hash } });
    changed();
    if (decision === 'approve') navigate(`/actions/executions/${approval.execution_id}`);
  });
  return (
    <Card title={approval.action} tools={<><Expires at={approval.expires_at} /><Link class="more" to={`/actions/executions/${approval.execution_id}`}>{t('execution')}</Link></>}>
      <div class="stack">
        <p class="facts">
          <span>{t('approval.asked', { who: person(approval.requested_by) })}</span>
          {approval.incident_id && <Link class="more" to={`/incidents/${approval.incident_id}`}>{t('approval.incident')} {approval.incident_id}</Link>}
        </p>
        {approval.reason && <p class="dim">{approval.reason}</p>}
        <PlanView plan={approval.plan} />
        {approval.self && <p class="because">{t('approval.self')}</p>}
        {may.approve(who) ? (
          <form class="decide" onSubmit={(e) => { e.preventDefault(); void decide('approve'); }}>
            <Field label={t('reason')}><input value={reason} placeholder={t('approval.reason')} onInput={(e) => setReason(e.currentTarget.value)} /></Field>
            <CopyCurl path={path} method="POST" body={{ decision: 'approve', reason, hash: approval.hash }} />
            <Button busy={task.busy} onClick={() => void decide('reject')}>{t('approval.reject')}</Button>
            <Button kind="primary" type="submit" icon="check" busy={task.busy}>{t('approval.approve')}</Button>
          </form>
        ) : <p class="dim">{t('approval.role')}</p>}
        {task.error && <ProblemNote error={task.error} />}
      </div>
    </Card>
  );
}

function Approvals() {
  const from = useData<{ total: number; approvals: Approval[] }>('/api/v1/approvals', { on: ['execution', 'stop'], every: 15_000 });
  return (
    <Await from={from} rows={6}>
      {({ approvals }) => {
        const waiting = approvals.filter((a) => a.state === 'pending' || a.state === 'pending_approval');
        const decided = approvals.filter((a) => !waiting.includes(a));
        return <div class="stack wide-gap">
          {waiting.length === 0 && <Card><Empty icon="shield" title={t('approval.none')}>{t('approval.none.text')}</Empty></Card>}
          {waiting.map((a) => <ApprovalCard key={a.id} approval={a} changed={from.reload} />)}
          {decided.length > 0 && <Card title={t('approval.decided')}><ul class="rows">{decided.map((a) => (
            <li class="row-item" key={a.id}><Pill tone={a.state === 'approved' ? 'ok' : 'info'}>{tn('approval.state', a.state)}</Pill>
              <Link class="row-main" to={`/actions/executions/${a.execution_id}`}><b>{a.action}</b><span>{person(a.requested_by)}</span></Link></li>
          ))}</ul></Card>}
        </div>;
      }}
    </Await>
  );
}

const STATES = ['pending_approval', 'running', 'verifying', 'fixed', 'not_fixed', 'cannot_tell', 'rolled_back', 'failed', 'refused', 'expired', 'interrupted'];

function Executions() {
  const { query: place } = usePlace();
  const state = place.get('state') ?? '';
  const path = '/api/v1/executions' + query({ limit: 100, state });
  const from = useData<{ total: number; executions: Execution[] }>(path, { on: ['execution', 'stop'], every: 15_000 });
  return <>
    <div class="filters">
      <select aria-label={t('status')} value={state} onChange={(e) => setQuery({ state: e.currentTarget.value })}>
        <option value="">{t('status.any')}</option>
        {STATES.map((s) => <option key={s} value={s}>{tn('execution', s)}</option>)}
      </select>
    </div>
    <Card class="flush">
      <Await from={from} rows={6}>
        {({ executions, total }) => executions.length === 0
          ? <Empty icon="actions" title={t('executions.none')} action={<Link class="button plain" to="/actions">{t('actions.catalogue')}</Link>}>{t('executions.none.text')}</Empty>
          : <>
            <table class="table stackable">
              <thead><tr><th>{t('status')}</th><th>{t('action')}</th><th>{t('plan.targets')}</th><th>{t('executions.by')}</th><th>{t('started')}</th><th class="right">{t('executions.took')}</th></tr></thead>
              <tbody>{executions.map((e) => (
                <tr key={e.execution_id}>
                  <td><ExecutionStatus state={e.state} /></td>
                  <td class="main"><Link to={`/actions/executions/${e.execution_id}`}>{e.action}</Link><span class="sub">{e.verification?.detail || e.reason}</span></td>
                  <td>{e.targets.map((x) => <span class="target" key={x}>{x}</span>)}</td>
                  <td>{person(e.requested_by)}{e.approved_by && <span class="sub">{t('approval.by', { who: person(e.approved_by) })}</span>}</td>
                  <td><Time at={e.started_at ?? e.created_at} /></td>
                  <td class="right num">{e.started_at ? <Age at={e.started_at} until={e.ended_at} /> : t('none')}</td>
                </tr>
              ))}</tbody>
            </table>
            <div class="table-foot"><span>{t('shown', { n: executions.length, total })}</span></div>
          </>}
      </Await>
    </Card>
  </>;
}

export function Actions({ tab }: { tab: 'catalogue' | 'approvals' | 'executions' }) {
  const now = useStore(nowState);
  return (
    <div class="page">
      <PageHead title={t('nav.actions')} lead={t('actions.lead')}>
        <CopyCurl path={tab === 'catalogue' ? '/api/v1/actions' : `/api/v1/${tab}`} />
      </PageHead>
      <Tabs label={t('nav.actions')} now={tab} onPick={(id) => navigate(id === 'catalogue' ? '/actions' : `/actions/${id}`)}
        tabs={[{ id: 'catalogue', label: t('actions.catalogue') }, { id: 'approvals', label: t('actions.approvals'), count: now?.pending_approvals || undefined }, { id: 'executions', label: t('actions.executions') }]} />
      {tab === 'catalogue' ? <Catalogue /> : tab === 'approvals' ? <Approvals /> : <Executions />}
    </div>
  );
}
