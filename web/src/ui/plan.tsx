// plan.tsx - a plan as it will run, and the dialog that shows it before the button that runs it.
import { useEffect, useState } from 'preact/hooks';
import { t, tn } from '../i18n/index.ts';
import { api, query } from '../lib/api.ts';
import { useData, useTask } from '../lib/data.ts';
import { navigate } from '../lib/router.tsx';
import { typed } from '../lib/text.ts';
import type { Action, ActionParameter, DryRun, Incident, Plan, PlanStep, Resource } from '../types.ts';
import { Button, CopyCurl, Dialog, Field, ProblemNote, Skeleton } from './basics.tsx';
import { ClassPill, Shape } from './status.tsx';

const stepText = (step: PlanStep | string): string =>
  typeof step === 'string' ? step : step.display || step.argv?.join(' ') || step.call || '';

function Steps({ steps }: { steps: (PlanStep | string)[] }) {
  return (
    <ol class="plan-steps">
      {steps.map((step, i) => (
        <li key={i}><code>{stepText(step)}</code>{typeof step !== 'string' && step.target && <span class="target">{step.target}</span>}</li>
      ))}
    </ol>
  );
}

export function PlanView({ plan }: { plan: Plan }) {
  const back = plan.rollback === null ? [] : typeof plan.rollback === 'string' ? [plan.rollback] : plan.rollback;
  const targets = [...new Set(plan.steps.map((s) => s.target).filter(Boolean))];
  return (
    <dl class="plan">
      <div><dt>{t('plan.runs')}</dt><dd><Steps steps={plan.steps} /></dd></div>
      {targets.length > 0 && <div><dt>{t('plan.targets')}</dt><dd>{targets.map((x) => <span class="target" key={x}>{x}</span>)}</dd></div>}
      <div><dt>{t('plan.verification')}</dt><dd>{plan.verification || t('none')}</dd></div>
      <div><dt>{t('plan.rollback')}</dt><dd>
        {plan.irreversible ? <span class="warn"><Shape tone="high" size={13} />{t('plan.irreversible')}</span> : back.length ? <Steps steps={back} /> : t('none')}
      </dd></div>
      <div><dt>{t('plan.class')}</dt><dd><ClassPill level={plan.class} /> <span class="dim small">{tn('class.doc', String(plan.class))}</span></dd></div>
      <div><dt>{t('plan.hash')}</dt><dd><code class="hash" title={plan.hash}>{plan.hash.replace(/^sha256:/, '').slice(0, 16)}</code></dd></div>
    </dl>
  );
}

const RESOURCE_KINDS: Record<string, string[]> = {
  redis_instance: ['redis_instance'], systemd_unit: ['service', 'systemd_unit'], service: ['service', 'systemd_unit'],
  host: ['host'], process: ['process'], container: ['container'], filesystem: ['filesystem'], disk: ['disk'],
};

/* These are looked up when the plan is made, where nobody names them. */
const FOUND_OUT = ['process', 'client_ids'];

const mustBeGiven = (p: ActionParameter): boolean => p.required ?? (p.default == null && !FOUND_OUT.includes(p.type));

function ParameterField({ parameter, value, onChange, resources }: { parameter: ActionParameter; value: string; onChange: (v: string) => void; resources: Resource[] }) {
  const required = mustBeGiven(parameter);
  const choices = parameter.values?.length ? parameter.values : (RESOURCE_KINDS[parameter.type]
    ? resources.filter((r) => RESOURCE_KINDS[parameter.type]!.includes(r.kind)).map((r) => r.id) : null);
  const limits = [parameter.min != null ? `≥ ${parameter.min}` : '', parameter.max != null ? `≤ ${parameter.max}` : ''].filter(Boolean).join(', ');
  const hint = [parameter.doc, limits].filter(Boolean).join(' · ');
  if (choices && choices.length > 0) {
    return (
      <Field label={parameter.name} hint={hint}>
        <select required={required} value={value} onChange={(e) => onChange(e.currentTarget.value)}>
          <option value="">{t('choose')}</option>
          {choices.map((c) => <option key={c} value={c}>{resources.find((r) => r.id === c)?.name ?? c}</option>)}
        </select>
      </Field>
    );
  }
  const number = ['number', 'integer', 'ratio'].includes(parameter.type);
  return (
    <Field label={parameter.name} hint={hint || parameter.type}>
      <input class="mono" required={required} value={value} onInput={(e) => onChange(e.currentTarget.value)}
        {...(number ? { type: 'number', step: parameter.type === 'integer' ? '1' : 'any', min: parameter.min ?? undefined, max: parameter.max ?? undefined } : { type: 'text' })} />
    </Field>
  );
}

interface Asked { action: string; parameters: Record<string, unknown>; incident: string | number | null; reason?: string | null }

/* PlanDialog - parameters, then the dry run's plan, then the request. Changing a parameter takes the plan away again. */
export function PlanDialog({ asked, onClose }: { asked: Asked; onClose: () => void }) {
  const actions = useData<{ actions: Action[] }>('/api/v1/actions');
  const resources = useData<{ resources: Resource[] }>('/api/v1/resources');
  const incidents = useData<{ incidents: Incident[] }>(asked.incident === null ? '/api/v1/incidents' + query({ limit: 50 }) : null);
  const action = actions.data?.actions.find((a) => a.id === asked.action);
  const [values, setValues] = useState<Record<string, string>>(() =>
    Object.fromEntries(Object.entries(asked.parameters).map(([k, v]) => [k, String(v)])));
  const [incident, setIncident] = useState(asked.incident === null ? '' : String(asked.incident));
  const [plan, setPlan] = useState<Plan | null>(null);
  const dry = useTask();
  const real = useTask();

  useEffect(() => {
    if (!action) return;
    setValues((now) => ({ ...Object.fromEntries(action.parameters.filter((p) => p.default !== undefined && p.default !== null).map((p) => [p.name, String(p.default)])), ...now }));
  }, [action?.id]);

  const body = (dryRun: boolean) => ({
    ...(incident ? { incident_id: typeof asked.incident === 'number' || /^\d+$/.test(incident) ? Number(incident) : incident } : {}),
    action: asked.action,
    parameters: Object.fromEntries(Object.entries(values).filter(([, v]) => v !== '')
      .map(([k, v]) => [k, typed(action?.parameters.find((p) => p.name === k) ?? { type: 'string' }, v)])),
    dry_run: dryRun,
  });
  const change = (name: string, value: string) => {
    setPlan(null);
    setValues({ ...values, [name]: value });
  };
  const path = '/api/v1/remediation/execute';
  const ask = () => dry.run(async () => {
    const answer = await api<DryRun>(path, { method: 'POST', body: body(true) });
    setPlan(answer.plan);
  });
  const run = () => real.run(async () => {
    const answer = await api<{ execution_id: string | number }>(path, { method: 'POST', body: body(false) });
    onClose();
    navigate(`/actions/executions/${answer.execution_id}`);
  });

  /* Proposed with all its parameters: the plan is what one came to see. */
  const complete = action?.parameters.every((p) => values[p.name] || !mustBeGiven(p)) ?? false;
  useEffect(() => {
    if (asked.incident !== null && action && complete && !plan) void ask();
  }, [action?.id]);

  return (
    <Dialog wide title={asked.action} onClose={onClose} foot={<>
      <CopyCurl path={path} method="POST" body={body(plan === null)} />
      <Button onClick={onClose}>{t('cancel')}</Button>
      {plan
        ? <Button kind={plan.class >= 3 ? 'danger' : 'primary'} icon="actions" busy={real.busy} onClick={() => void run()}>{t('plan.run')}</Button>
        : <Button kind="primary" busy={dry.busy} disabled={!complete} onClick={() => void ask()}>{t('plan.show')}</Button>}
    </>}>
      <div class="stack">
        {action && <p class="lead">{action.doc}</p>}
        {asked.reason && <p class="because"><b>{t('why')}</b> {asked.reason}</p>}
        {!action && actions.loading && <Skeleton />}
        {action && action.parameters.length > 0 && (
          <div class="fields">
            {action.parameters.map((p) => <ParameterField key={p.name} parameter={p} value={values[p.name] ?? ''} onChange={(v) => change(p.name, v)} resources={resources.data?.resources ?? []} />)}
          </div>
        )}
        {asked.incident === null && (incidents.data?.incidents.some((i) => i.status !== 'resolved') ?? false) && (
          <Field label={t('plan.incident')}>
            <select value={incident} onChange={(e) => { setPlan(null); setIncident(e.currentTarget.value); }}>
              <option value="">{t('plan.incident.none')}</option>
              {incidents.data!.incidents.filter((i) => i.status !== 'resolved').map((i) => <option key={i.id} value={String(i.id)}>{i.title}</option>)}
            </select>
          </Field>
        )}
        {dry.busy && <Skeleton rows={4} />}
        {plan && <>
          <h3>{t('plan.title')}</h3>
          <PlanView plan={plan} />
          <p class="dim small">{t('plan.note')}</p>
        </>}
        {(dry.error ?? real.error) && <ProblemNote error={(dry.error ?? real.error)!} />}
      </div>
    </Dialog>
  );
}
