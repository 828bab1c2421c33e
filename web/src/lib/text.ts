// text.ts - small readings of text: paths, search, form values.
import type { ActionParameter } from '../types.ts';

/* match - '/incidents/:id' against a path; the named parts, or null. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const want = pattern.split('/');
  const have = path.split('/');
  if (want.length !== have.length) return null;
  const parts: Record<string, string> = {};
  for (let i = 0; i < want.length; i++) {
    const w = want[i]!;
    if (w.startsWith(':')) parts[w.slice(1)] = decodeURIComponent(have[i]!);
    else if (w !== have[i]) return null;
  }
  return parts;
}

/* whereOf - 'db1:/var' of the resource 'filesystem:db1:/var': beside a failure its kind says nothing new. */
export function whereOf(signal: { resource?: string | null; server_name: string }): string {
  return signal.resource?.replace(/^[a-z_]+:/, '') || signal.server_name;
}

/* safeNext - only a path of our own; '//elsewhere' is another host. */
export function safeNext(next: string | null): string {
  return next && /^\/(?![/\\])/.test(next) && !next.startsWith('/login') ? next : '/';
}

/* rank - lower is better: begins with, word begins with, contains; null is no hit. */
export function rank(text: string, wanted: string): number | null {
  const at = text.toLowerCase().indexOf(wanted.toLowerCase());
  if (at < 0) return null;
  if (at === 0) return 0;
  return /[\s\-_./:]/.test(text[at - 1]!) ? 1 : 2;
}

/* typed - what a form's text means for a parameter's type. */
export function typed(parameter: Pick<ActionParameter, 'type'>, text: string): unknown {
  if (['number', 'integer', 'ratio', 'bytes'].includes(parameter.type) && text.trim() !== '' && Number.isFinite(Number(text))) return Number(text);
  if (parameter.type === 'boolean' || parameter.type === 'bool') return text === 'true';
  return text;
}
