// api.ts - calls to the server: session cookie, CSRF token, problem documents as errors, the same call as a curl line.
import { createStore } from './store.ts';
import type { Session } from '../types.ts';

export interface Problem {
  title: string;
  detail?: string;
  status: number;
  errors?: { field?: string; message: string }[];
}

export class ApiError extends Error {
  constructor(readonly problem: Problem, readonly path: string) {
    super(problem.detail || problem.title);
  }
}

export const session = createStore<Session | null>(null);

/* When the last answer arrived; the connection bar tells how old the page's data is. */
export const lastAnswer = createStore<number>(Date.now());

let csrf = '';
let language = 'en';
let onSignedOut: () => void = () => undefined;

export function setLanguage(lang: string): void {
  language = lang;
}

export function setCsrf(token: string): void {
  csrf = token;
}

export function whenSignedOut(handler: () => void): void {
  onSignedOut = handler;
}

interface Options {
  method?: string;
  body?: unknown;
  signal?: AbortSignal;
  text?: boolean;
}

async function problemOf(reply: Response): Promise<Problem> {
  const text = await reply.text();
  try {
    /* Under /prometheus an error has Prometheus' own words. */
    const { error, ...parsed } = JSON.parse(text) as Partial<Problem> & { error?: string };
    return { ...(error ? { detail: error } : {}), ...parsed, title: parsed.title || reply.statusText || `HTTP ${reply.status}`, status: reply.status };
  } catch {
    return { title: `HTTP ${reply.status} ${reply.statusText}`.trim(), detail: text.slice(0, 300), status: reply.status };
  }
}

export async function api<T>(path: string, { method = 'GET', body, signal, text }: Options = {}): Promise<T> {
  const headers: Record<string, string> = { 'Accept-Language': language };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (method !== 'GET' && csrf) headers['X-CSRF-Token'] = csrf;
  let reply: Response;
  try {
    reply = await fetch(path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      credentials: 'same-origin',
      signal: signal ?? null,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError({ title: 'unreachable', status: 0 }, path);
  }
  if (reply.status === 401 && path !== '/api/v1/login') onSignedOut();
  if (!reply.ok) throw new ApiError(await problemOf(reply), path);
  lastAnswer.set(Date.now());
  if (reply.status === 204 || reply.headers.get('Content-Length') === '0') return undefined as T;
  return (text ? await reply.text() : await reply.json()) as T;
}

export async function loadSession(): Promise<Session> {
  const answer = await api<Session>('/api/v1/session');
  csrf = answer.csrf_token;
  session.set(answer);
  return answer;
}

export const may = {
  operate: (s: Session | null) => s !== null && ['operator', 'approver', 'admin'].includes(s.role),
  approve: (s: Session | null) => s !== null && ['approver', 'admin'].includes(s.role),
  administer: (s: Session | null) => s !== null && s.role === 'admin',
};

const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/* asCurl - the shell line that does what the page does; the token stays in the user's own environment. */
export function asCurl(origin: string, path: string, method = 'GET', body?: unknown): string {
  const parts = ['curl -sS'];
  if (method !== 'GET') parts.push('-X ' + method);
  parts.push('-H "Authorization: Bearer $AUSPEX_TOKEN"');
  if (body !== undefined) parts.push("-H 'Content-Type: application/json'", '-d ' + quoted(JSON.stringify(body)));
  parts.push(quoted(origin + path));
  return parts.join(' ');
}

/* query - '?a=1&b=2' of the fields that are set, or ''. */
export function query(fields: Record<string, string | number | boolean | null | undefined>): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(fields)) {
    if (value !== null && value !== undefined && value !== '') params.set(key, String(value));
  }
  const text = params.toString();
  return text ? '?' + text : '';
}
