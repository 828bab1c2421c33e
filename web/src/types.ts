// types.ts - the shapes of the API's answers, as far as the page reads them.

export type Severity = 'critical' | 'high' | 'medium' | 'low' | 'info';
export type Health = 'ok' | 'warning' | 'critical' | 'unknown';
export type Labels = Record<string, string>;

export interface Session {
  user: string;
  role: string;
  csrf_token: string;
  auth: 'required' | 'none';
  version: string;
  hostname: string;
  started_at: string;
  storage_path: string;
}

export interface StopState {
  engaged: boolean;
  reason: string | null;
  actor: string | null;
  since: string | null;
}

export interface Guide {
  host: boolean;
  service: boolean;
  telemetry: boolean;
  receiver: boolean;
}

export interface Now {
  state: 'ok' | 'attention' | 'critical';
  open_incidents: number;
  needs_you: number;
  pending_approvals: number;
  noise: { alerts: number; incidents: number; pages: number; healed: number; window: string };
  stop: StopState;
  guide: Guide;
}

export interface Resource {
  id: string;
  kind: string;
  name: string;
  labels: Labels;
  health: Health;
  detail: string | null;
  owner: string | null;
}

export interface AuditEvent {
  event_id: number;
  time: string;
  kind: string;
  subject: string | null;
  incident_id: string | number | null;
  actor: string | null;
  reason: string | null;
  text: string;
}

export type Point = [number, number | null];

export interface ChartAnswer {
  metric: string;
  unit: string;
  type: string;
  series: { labels: Labels; points: Point[] }[];
}

export interface Source {
  name: string;
  kind: string;
  state: 'ok' | 'waiting' | 'error';
  last_received_at: string | null;
  samples_total: number;
  error: string | null;
  snippet: string | null;
  note: string | null;
}

export interface FoundService {
  kind: string;
  name: string;
  address: string;
  port: number;
  pid: number | null;
  added: boolean;
  add: { method: string; path: string; body: unknown } | null;
}

export interface User {
  name: string;
  role: string;
  created_at?: string | null;
}

export interface Token {
  id: string | number;
  name: string;
  role: string;
  created_at: string;
  last_used_at: string | null;
  token?: string;
}

export interface Receiver {
  name: string;
  kind: string;
  target: string;
}

export interface PlanStep {
  display?: string;
  argv?: string[];
  call?: string;
  target?: string;
}

export interface Plan {
  steps: PlanStep[];
  verification: string | null;
  rollback: (PlanStep | string)[] | string | null;
  class: number;
  hash: string;
  irreversible: boolean;
}

export type ExecutionState =
  | 'pending_approval' | 'approved' | 'running' | 'verifying' | 'fixed' | 'not_fixed' | 'cannot_tell'
  | 'rolling_back' | 'rolled_back' | 'failed' | 'refused' | 'expired' | 'interrupted';

export interface Execution {
  execution_id: string | number;
  action: string;
  state: ExecutionState;
  incident_id: string | number | null;
  targets: string[];
  requested_by: string;
  approved_by: string | null;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  plan: Plan | null;
  verification: {
    outcome: string | null;
    detail: string | null;
    checks: { time: string; value: number | string | null; ok: boolean | null }[];
  } | null;
  output: { head: string; tail: string; truncated: boolean } | null;
  reason: string | null;
}

export interface Approval {
  id: string | number;
  execution_id: string | number;
  action: string;
  incident_id: string | number | null;
  hash: string;
  requested_by: string;
  reason?: string | null;
  plan: Plan;
  state: string;
  expires_at: string | null;
  self: boolean;
}

export interface ActionParameter {
  name: string;
  type: string;
  doc?: string | null;
  required?: boolean;
  min?: number | null;
  max?: number | null;
  default?: unknown;
  values?: string[] | null;
}

export interface Action {
  id: string;
  doc: string;
  class: number;
  parameters: ActionParameter[];
  trust: string;
  trust_reason?: string | null;
  irreversible?: boolean;
  root?: boolean;
  available?: boolean;
  unavailable_reason?: string | null;
}

export interface DryRun {
  status: string;
  would_execute: unknown;
  parameters: Record<string, unknown>;
  plan: Plan;
}

export interface Incident {
  id: string | number;
  title: string;
  summary: string | null;
  status: 'open' | 'acknowledged' | 'healing' | 'resolved';
  severity: Severity;
  priority: string | null;
  owner: string | null;
  resource: string | null;
  started_at: string;
  acknowledged_at: string | null;
  resolved_at: string | null;
  alerts?: number;
  signals?: number;
}

export interface IncidentAlert {
  id: string | number;
  name: string;
  severity: Severity;
  status: string;
  starts_at: string;
  ends_at: string | null;
  value: number | string | null;
  summary: string | null;
}

export interface Evidence {
  text: string;
  metric: string | null;
  labels?: Labels | null;
  value?: number | null;
}

export interface Rca {
  cannot_tell: boolean;
  scenario: string | null;
  root_causes: { rank: number; resource: string | null; issue: string; confidence: number; evidence: (Evidence | string)[] }[];
  critical_failure: string | null;
  impact: string | { affected_services?: string[]; estimated_users_affected?: number | null } | null;
}

export interface IncidentDetail extends Omit<Incident, 'alerts' | 'signals'> {
  alerts: IncidentAlert[];
  timeline: { event_id: number; time: string; kind: string; text: string; actor: string | null }[];
  rca: Rca | null;
  proposed_actions: { action: string; parameters: Record<string, unknown>; reason: string | null; class: number }[];
  executions: Execution[];
  similar: { incident_id: string | number; title: string; score?: number; resolved_at?: string | null; resolution?: string | null }[];
}

export interface Signal {
  id: number;
  server_name: string;
  signal_type: string;
  value: number;
  threshold: number;
  risk_score: number;
  predicted_failure: string | null;
  created_at: string;
  model_risk?: number | null;
  eta_seconds?: number | null;
  eta_low?: number | null;
  eta_high?: number | null;
  resource?: string | null;
  metric?: string | null;
  labels?: Labels | null;
  limit?: number | null;
  cleared_at?: string | null;
  evidence?: {
    slope_per_hour?: number | null;
    r2?: number | null;
    p_value?: number | null;
    baseline?: number | null;
    samples?: number | null;
    window_seconds?: number | null;
  } | null;
}

export interface Prediction {
  signal_id: number;
  server_name: string;
  signal_type: string;
  risk_score: number;
  risk_level: string;
  predicted_failure: string;
  value: number;
  threshold: number;
  detected_at: string;
  recommend_action: string | null;
}

export interface Model {
  id: string;
  signal_type: string;
  name: string;
  description: string;
  threshold: number;
  window_days: number;
  algorithm: string;
  accuracy: number | null;
  recall: number | null;
  measured_on: string | null;
  samples: number | null;
  hit?: number;
  missed?: number;
  false?: number;
  prevented?: number;
  pending?: number;
}

export interface PredictSummary {
  period: string;
  high_risk_signals: number;
  signals_24h: number;
  preventions_7d: number;
  avg_risk_score: number;
  status: 'NORMAL' | 'WARNING' | 'CRITICAL';
  updated_at: string;
  watched_series?: number;
}

export interface Prevented {
  id: number;
  signal_id: number;
  action_type: string;
  action_cmd: string | null;
  success: boolean;
  created_at: string;
}

export interface Connection {
  connection: string;
  name: string;
  address: string;
  state: string;
  interval_s: number;
  since: string | null;
  last_poll: string | null;
  error?: string | null;
  test?: boolean;
  server_version?: string | null;
  mode?: string | null;
  role?: string | null;
}

export interface RedisMetrics {
  current: Record<string, number | string | null>;
  series: Record<string, Point[]>;
}

export interface RedisAlert {
  id: string | number;
  scenario: string | null;
  severity: Severity;
  title: string;
  since: string;
  state: string;
  evidence: (Evidence | string)[];
}

export interface Diagnosis {
  id: string | number;
  severity: Severity;
  category: string;
  scenario?: string | null;
  summary: string;
  root_causes: { cause: string; confidence: number; evidence: (Evidence | string)[] }[];
  immediate_actions: (string | { action?: string; text?: string })[];
  steps: (string | { text?: string })[];
  prevention: (string | { text?: string })[];
  references: { knowledge_id: string; title: string; score: number }[];
  evidence: (Evidence | string)[];
  model: string | null;
  created_at: string;
}

export interface Component {
  status: string;
  detail: string | null;
}

export interface HealthAnswer {
  status: string;
  timestamp: string;
  version: string;
  components: Record<string, Component>;
}
