// status.tsx - severity and health: always a shape and a word, the colour comes third.
import { t, tn } from '../i18n/index.ts';
import type { ExecutionState, Health, Severity } from '../types.ts';

export type Tone = 'critical' | 'high' | 'medium' | 'low' | 'info' | 'ok' | 'accent' | 'unknown';

/* Each tone has an outline of its own, told apart in black and white. */
export function Shape({ tone, size = 14 }: { tone: Tone; size?: number }) {
  const common = { class: `shape tone-${tone}`, viewBox: '0 0 16 16', width: size, height: size, 'aria-hidden': 'true' as const };
  switch (tone) {
    case 'critical':
      return <svg {...common}><path class="fill" d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" /><path class="ink" d="M8 4.500v4.200m0 2.600v.2" /></svg>;
    case 'high':
      return <svg {...common}><path class="fill" d="M8 1.300 15.300 14.500H.7z" /><path class="ink" d="M8 6v3.600m0 2.400v.2" /></svg>;
    case 'medium':
      return <svg {...common}><path class="fill" d="M8 .8 15.200 8 8 15.200.8 8z" /></svg>;
    case 'low':
      return <svg {...common}><circle class="line" cx="8" cy="8" r="6" /><circle class="fill" cx="8" cy="8" r="2.500" /></svg>;
    case 'ok':
      return <svg {...common}><circle class="fill" cx="8" cy="8" r="7" /><path class="ink" d="m4.800 8.200 2.200 2.300 4.200-4.700" /></svg>;
    case 'accent':
      return <svg {...common}><circle class="line" cx="8" cy="8" r="6" /><path class="line" d="M8 4.500V8l2.300 1.500" /></svg>;
    case 'info':
      return <svg {...common}><rect class="line" x="2.500" y="2.500" width="11" height="11" rx="2.500" /></svg>;
    default:
      return <svg {...common}><circle class="line dashed" cx="8" cy="8" r="6" /></svg>;
  }
}

export function Pill({ tone, children, title }: { tone: Tone; children: preact.ComponentChildren; title?: string }) {
  return <span class={`pill tone-${tone}`} title={title}><Shape tone={tone} size={12} /><span>{children}</span></span>;
}

export function SeverityPill({ severity, priority }: { severity: Severity; priority?: string | null }) {
  return <Pill tone={severity}>{priority ? `${priority} ` : ''}{tn('severity', severity)}</Pill>;
}

const healthTones: Record<Health, Tone> = { ok: 'ok', warning: 'medium', critical: 'critical', unknown: 'unknown' };

export const healthTone = (health: string): Tone => healthTones[health as Health] ?? 'unknown';

export function HealthPill({ health }: { health: string }) {
  return <Pill tone={healthTone(health)}>{tn('health', health)}</Pill>;
}

/* How far along something is: a dial that fills, a check at its end. */
function Dial({ part, tone }: { part: number; tone: Tone }) {
  if (part >= 1) return <Shape tone={tone} size={15} />;
  const round = 2 * Math.PI * 2.5;
  return (
    <svg class={`shape tone-${tone}`} viewBox="0 0 16 16" width="15" height="15" aria-hidden="true">
      <circle class="line thin" cx="8" cy="8" r="6.300" />
      {part > 0 && <circle class="line pie" cx="8" cy="8" r="2.500" stroke-dasharray={`${round * part} ${round}`} transform="rotate(-90 8 8)" />}
    </svg>
  );
}

const incidentSteps: Record<string, [number, Tone]> = { open: [0, 'high'], acknowledged: [0.35, 'medium'], healing: [0.7, 'accent'], resolved: [1, 'ok'] };

export function IncidentStatus({ status }: { status: string }) {
  const [part, tone] = incidentSteps[status] ?? [0, 'unknown'];
  return <span class="status"><Dial part={part} tone={tone} /><span>{tn('incident.status', status)}</span></span>;
}

const executionTones: Record<ExecutionState, Tone> = {
  pending_approval: 'medium', approved: 'accent', running: 'accent', verifying: 'accent', rolling_back: 'accent',
  fixed: 'ok', not_fixed: 'critical', failed: 'critical', cannot_tell: 'high', interrupted: 'high',
  rolled_back: 'low', refused: 'info', expired: 'info',
};

export function ExecutionStatus({ state }: { state: string }) {
  return <Pill tone={executionTones[state as ExecutionState] ?? 'unknown'}>{tn('execution', state)}</Pill>;
}

export function riskTone(risk: number): Tone {
  return risk >= 0.7 ? 'critical' : risk >= 0.4 ? 'medium' : 'low';
}

const classTones: Tone[] = ['info', 'low', 'medium', 'critical'];

export function ClassPill({ level }: { level: number }) {
  return <Pill tone={classTones[level] ?? 'unknown'} title={tn('class.doc', String(level))}>{t('class', { n: level })}: {tn('class', String(level))}</Pill>;
}
