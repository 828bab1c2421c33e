// rules.ts - recording and alerting rules, as Prometheus' API tells them.
import type { Labels } from '../types.ts';

export type RuleState = 'firing' | 'pending' | 'inactive';

export interface RuleAlert {
  labels: Labels;
  annotations: Labels;
  state: RuleState;
  activeAt: string;
  value: string;
}

export interface Rule {
  type: 'alerting' | 'recording';
  name: string;
  query: string;
  labels: Labels;
  health: 'ok' | 'err' | 'unknown';
  lastError?: string;
  lastEvaluation: string;
  evaluationTime: number;
  /* Only of alerting rules; seconds. */
  state?: RuleState;
  duration?: number;
  keepFiringFor?: number;
  annotations?: Labels;
  alerts?: RuleAlert[];
}

export interface RuleGroup {
  name: string;
  file: string;
  interval: number;
  lastEvaluation: string;
  evaluationTime: number;
  rules: Rule[];
}

/* isOurs - whether a group came with the product rather than from a file of rule_files. */
export const isOurs = (group: RuleGroup) => group.file.startsWith('content/');

const urgency = (group: RuleGroup) => [group.rules.some((r) => r.state === 'firing'), group.rules.some((r) => r.health === 'err'),
  group.rules.some((r) => r.state === 'pending'), !isOurs(group)].reduce((sum, is) => sum * 2 + Number(is), 0);

/* inOrder - the groups that need someone first: firing, then failing, then pending; the product's own last. */
export const inOrder = (groups: RuleGroup[]) => [...groups].sort((a, b) => urgency(b) - urgency(a));

export const VIEWS = ['all', 'firing', 'pending', 'failing'] as const;
export type View = (typeof VIEWS)[number];

/* fits - whether a rule belongs to a view and has the text in its name, expression or labels. */
export function fits(rule: Rule, view: View, text: string): boolean {
  if (view === 'failing' ? rule.health !== 'err' : view !== 'all' && rule.state !== view) return false;
  return `${rule.name} ${rule.query} ${Object.values(rule.labels).join(' ')}`.toLowerCase().includes(text.toLowerCase());
}

const order = { firing: 0, pending: 1, inactive: 2 };

/* alertsOf - the alerts of a rule: those that fire first, each sort by age. */
export function alertsOf(rule: Rule): RuleAlert[] {
  return [...(rule.alerts ?? [])].sort((a, b) => order[a.state] - order[b.state] || Date.parse(a.activeAt) - Date.parse(b.activeAt));
}

/* happened - a time of the API, null where it is Go's never. */
export const happened = (at: string): string | null => (at.startsWith('0001-') ? null : at);
