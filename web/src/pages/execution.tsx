// execution.tsx - one run of an action: plan, approval, output, verification, rollback.
import { person, t, tn, words } from '../i18n/index.ts';
import { useData } from '../lib/data.ts';
import { quantity } from '../lib/format.ts';
import { Link } from '../lib/router.tsx';
import { PageHead } from '../shell/shell.tsx';
import { Age, Await, Card, CopyCurl, Term, Time } from '../ui/basics.tsx';
import { PlanView } from '../ui/plan.tsx';
import { ExecutionStatus, Shape, type Tone } from '../ui/status.tsx';
import type { Execution, ExecutionState } from '../types.ts';

const LIVE: ExecutionState[] = ['pending_approval', 'approved', 'running', 'verifying', 'rolling_back'];

/* How far along the road a state is; the outcome stands at its end. */
function road(e: Execution): { name: string; tone: Tone; state: 'done' | 'now' | 'next' }[] {
  const order: ExecutionState[] = ['pending_approval', 'approved', 'running', 'verifying'];
  const at = order.indexOf(e.state);
  const ended = at < 0;
  const steps = order.map((s, i) => {
    const reached = ended ? (s === 'pending_approval' || s === 'approved' ? e.approved_by !== null || e.started_at !== null : e.started_at !== null) : i <= at;
    return { name: tn('execution.step', s), tone: (reached ? 'ok' : 'unknown') as Tone, state: (!ended && i === at ? 'now' : reached ? 'done' : 'next') as 'done' | 'now' | 'next' };
  });
  const outcome: Tone = e.state === 'fixed' ? 'ok' : LIVE.includes(e.state) ? (e.state === 'rolling_back' ? 'accent' : 'unknown') : e.state === 'rolled_back' ? 'low' : e.state === 'refused' || e.state === 'expired' ? 'info' : 'critical';
  return [...steps, { name: ended ? tn('execution', e.state) : t('execution.outcome'), tone: outcome, state: ended ? 'now' : 'next' }];
}

function Output({ output }: { output: NonNullable<Execution['output']> }) {
  return (
    <div class="output">
      {output.head && <pre tabIndex={0}>{output.head}</pre>}
      {output.truncated && <p class="cut">{t('output.cut')}</p>}
      {output.tail && output.tail !== output.head && <pre tabIndex={0}>{output.tail}</pre>}
      {!output.head && !output.tail && <p class="dim pad">{t('output.none')}</p>}
    </div>
  );
}

export function ExecutionPage({ id }: { id: string }) {
  const path = `/api/v1/executions/${encodeURIComponent(id)}`;
  const from = useData<Execution>(path, { on: ['execution', 'stop'], every: 3000 });
  const w = words();
  return (
    <Await from={from} rows={10}>
      {(e) => (
        <div class="page">
          <PageHead back={{ to: '/actions/executions', name: t('actions.executions') }} title={e.action}
            lead={<span class="facts"><ExecutionStatus state={e.state} />{e.targets.map((x) => <span class="target" key={x}>{x}</span>)}
              {e.started_at && <span>{t('executions.took')} <b><Age at={e.started_at} until={e.ended_at} /></b></span>}</span>}>
            {e.state === 'pending_approval' && <Link class="button primary" to="/actions/approvals">{t('approval.look')}</Link>}
            {e.incident_id !== null && <Link class="button plain" to={`/incidents/${e.incident_id}`}>{t('approval.incident')}</Link>}
            <CopyCurl path={path} />
          </PageHead>
          <ol class="road" aria-label={t('execution.road')}>
            {road(e).map((s) => <li key={s.name} class={s.state} aria-current={s.state === 'now' ? 'step' : undefined}><Shape tone={s.tone} size={16} /><span>{s.name}</span></li>)}
          </ol>
          {e.reason && e.reason !== e.verification?.detail && <p class="because"><b>{t('why')}</b> {e.reason}</p>}
          <div class="two">
            <Card title={t('plan.title')}>{e.plan ? <PlanView plan={e.plan} /> : <p class="dim">{t('plan.gone')}</p>}</Card>
            <div class="stack wide-gap">
              <Card title={t('plan.verification')}>
                {e.verification ? (
                  <div class="stack">
                    <p class="facts"><b>{tn('outcome', e.verification.outcome ?? 'waiting')}</b><span>{e.verification.detail}</span></p>
                    {e.verification.checks.length > 0 && <ul class="checks">{e.verification.checks.map((c, i) => (
                      <li key={i}><Shape tone={c.ok === null ? 'unknown' : c.ok ? 'ok' : 'critical'} size={14} /><span class="off-screen">{tn('check', c.ok === null ? 'unknown' : c.ok ? 'ok' : 'bad')}</span>
                        <Time at={c.time} /><span class="num">{typeof c.value === 'number' ? quantity(c.value, 'count', w) : c.value ?? t('check.nodata')}</span></li>
                    ))}</ul>}
                  </div>
                ) : <p class="dim">{t('verification.none')}</p>}
              </Card>
              <Card title={t('execution.people')}>
                <dl class="terms">
                  <Term name={t('executions.by')}>{person(e.requested_by)}</Term>
                  <Term name={t('execution.approver')}>{e.approved_by ? person(e.approved_by) : <span class="dim">{t('none')}</span>}</Term>
                  <Term name={t('execution.created')}><Time at={e.created_at} /></Term>
                  <Term name={t('started')}><Time at={e.started_at} /></Term>
                  <Term name={t('execution.ended')}><Time at={e.ended_at} /></Term>
                </dl>
              </Card>
            </div>
          </div>
          <Card title={t('output')} class="flush">{e.output ? <Output output={e.output} /> : <p class="dim pad">{t('output.none')}</p>}</Card>
        </div>
      )}
    </Await>
  );
}
