// marks.ts - what happened, as vertical marks on charts: actions and changes.
import { query } from '../lib/api.ts';
import { useData } from '../lib/data.ts';
import type { AuditEvent } from '../types.ts';

export interface Mark {
  time: number;
  text: string;
  tone: string;
}

/* toneOf - the colour of the i-th series that names none. */
export const toneOf = (i: number) => `series-${(i % 10) + 1}`;

const tones: Record<string, string> = { 'execution.started': 'accent', 'execution.ended': 'ok', 'change': 'low' };
const MOST = 100;

/* useMarks - the marks of the last so many minutes. */
export function useMarks(minutes: number): Mark[] {
  const executions = useData<{ events: AuditEvent[] }>('/api/v1/events' + query({ kind: 'execution', limit: MOST }), { on: ['execution'] });
  const changes = useData<{ events: AuditEvent[] }>('/api/v1/events' + query({ kind: 'change', limit: MOST }), { on: ['change'] });
  const from = Date.now() / 1000 - minutes * 60;
  return [...(executions.data?.events ?? []), ...(changes.data?.events ?? [])]
    .filter((e) => tones[e.kind])
    .map((e) => ({ time: Date.parse(e.time) / 1000, text: e.text, tone: tones[e.kind]! }))
    .filter((m) => m.time >= from);
}
