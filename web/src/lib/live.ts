// live.ts - one WebSocket of events, resumed after the last one seen; says since when it has been gone.
import { createStore } from './store.ts';

export interface LiveEvent {
  event_id?: number;
  kind: string;
  time?: string;
  subject?: string | null;
  incident_id?: string | number | null;
  text?: string;
}

export interface Link {
  state: 'off' | 'connecting' | 'open' | 'lost';
  lostAt: number | null;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

export const link = createStore<Link>({ state: 'off', lostAt: null });

const listeners = new Set<(event: LiveEvent) => void>();
let socket: WebSocket | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
let wait = FIRST_WAIT_MS;
let since: number | null = null;
let wanted = false;

export function onLive(listener: (event: LiveEvent) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(event: LiveEvent): void {
  for (const listener of [...listeners]) listener(event);
}

/* One frame holds one event or several, a line each. */
function read(text: string): void {
  for (const line of text.split('\n')) {
    if (!line.trim()) continue;
    let event: LiveEvent;
    try {
      event = JSON.parse(line) as LiveEvent;
    } catch {
      continue; /* not ours to show; the next line may be */
    }
    if (typeof event.kind !== 'string') continue;
    if (typeof event.event_id === 'number') since = Math.max(since ?? 0, event.event_id);
    tell(event);
  }
}

function open(): void {
  const scheme = location.protocol === 'https:' ? 'wss://' : 'ws://';
  const mine = new WebSocket(`${scheme}${location.host}/ws/alerts${since === null ? '' : '?since=' + since}`);
  socket = mine;
  if (link.get().state === 'off') link.set({ state: 'connecting', lostAt: null });
  mine.onopen = () => {
    wait = FIRST_WAIT_MS;
    link.set({ state: 'open', lostAt: null });
    /* What was asked for before this moment may have missed something since: everything that listens asks again. */
    tell({ kind: 'gap' });
  };
  mine.onmessage = (message) => {
    if (typeof message.data === 'string') read(message.data);
  };
  mine.onclose = () => {
    if (socket !== mine) return;
    socket = null;
    if (!wanted) return;
    if (link.get().lostAt === null) link.set({ state: 'lost', lostAt: Date.now() });
    timer = setTimeout(open, wait);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  };
}

/* retryNow - the person does not want to wait for the next attempt. */
export function retryNow(): void {
  if (!wanted || socket) return;
  clearTimeout(timer);
  wait = FIRST_WAIT_MS;
  open();
}

export function startLive(): void {
  if (wanted) return;
  wanted = true;
  addEventListener('online', retryNow);
  open();
}

export function stopLive(): void {
  wanted = false;
  since = null;
  clearTimeout(timer);
  removeEventListener('online', retryNow);
  const old = socket;
  socket = null;
  old?.close();
  link.set({ state: 'off', lostAt: null });
}
