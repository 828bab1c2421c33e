// promql.ts - reads PromQL as far as an editor needs: coloured tokens, and what may stand at the cursor.

export type TokenKind = 'space' | 'comment' | 'string' | 'number' | 'duration' | 'name' | 'function' | 'keyword' | 'label' | 'operator' | 'bracket';

export interface Token {
  kind: TokenKind;
  text: string;
  from: number;
}

export const AGGREGATIONS = ['sum', 'avg', 'count', 'min', 'max', 'group', 'stddev', 'stdvar', 'topk', 'bottomk', 'count_values', 'quantile', 'limitk', 'limit_ratio'];
const KEYWORDS = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right', 'offset', 'bool', 'and', 'or', 'unless', 'atan2', 'fill', 'fill_left', 'fill_right', 'anchored', 'smoothed']);
/* After these a list of label names follows. */
const GROUPING = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);

const PATTERNS: [TokenKind, RegExp][] = [
  ['space', /\s+/y],
  ['comment', /#[^\n]*/y],
  ['string', /"(?:[^"\\]|\\[^])*"?|'(?:[^'\\]|\\[^])*'?|`[^`]*`?/y],
  ['duration', /(?:\d+(?:\.\d+)?(?:ms|[smhdwy]))+(?![\w.])/y],
  ['number', /0[xX][\da-fA-F]+|(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?/y],
  ['name', /[A-Za-z_:][\w:]*/y],
  ['operator', /=~|!~|==|!=|<=|>=|[-+*/%^=<>@,:]/y],
  ['bracket', /[()[\]{}]/y],
];

/* tokens - the whole text in order; what is nothing in PromQL is an operator of one character. */
export function tokens(text: string): Token[] {
  const found: Token[] = [];
  let braces = 0;
  let grouping = false; /* a list of labels follows or is open */
  for (let at = 0; at < text.length;) {
    let kind: TokenKind = 'operator';
    let word = text[at]!;
    for (const [name, pattern] of PATTERNS) {
      pattern.lastIndex = at;
      const hit = pattern.exec(text);
      if (hit) {
        kind = name;
        word = hit[0];
        break;
      }
    }
    if (word === '{') braces++;
    else if (word === '}') braces = Math.max(0, braces - 1);
    else if (word === ')') grouping = false;
    else if (kind === 'name') {
      const next = text.slice(at + word.length).match(/^\s*(.)/)?.[1];
      const lower = word.toLowerCase();
      if (braces > 0 || grouping) kind = 'label';
      else if (KEYWORDS.has(lower)) {
        kind = 'keyword';
        grouping = GROUPING.has(lower) && next === '(';
      } else if (next === '(' || (AGGREGATIONS.includes(lower) && /^\s*(by|without)\b/i.test(text.slice(at + word.length)))) kind = 'function';
      else if (/^(inf|nan)$/i.test(word)) kind = 'number';
    }
    found.push({ kind, text: word, from: at });
    at += word.length;
  }
  return found;
}

export type Wanted =
  | { what: 'expression'; typed: string; from: number }
  | { what: 'label'; typed: string; from: number; metric: string; matchers: string }
  | { what: 'value'; typed: string; from: number; label: string; metric: string; matchers: string }
  | { what: 'duration'; typed: string; from: number }
  | null;

/* wanted - what a person who stands at `cursor` is about to write. */
export function wanted(text: string, cursor: number): Wanted {
  const before = tokens(text.slice(0, cursor)).filter((t) => t.kind !== 'space');
  const last = before.at(-1);
  const touching = last !== undefined && last.from + last.text.length === cursor;
  if (last?.kind === 'comment') return null;

  const open: { token: Token; index: number }[] = [];
  before.forEach((token, index) => {
    if (token.kind !== 'bracket') return;
    if ('([{'.includes(token.text)) open.push({ token, index });
    else open.pop();
  });
  const inner = open.at(-1);

  if (inner?.token.text === '{') {
    const metric = before[inner.index - 1]?.kind === 'name' ? before[inner.index - 1]!.text : '';
    const inside = before.slice(inner.index + 1);
    const comma = inside.map((t) => t.text).lastIndexOf(',');
    const done = inside.slice(0, Math.max(0, comma)).map((t) => t.text).join('');
    const now = inside.slice(comma + 1);
    const sign = now.findIndex((t) => ['=', '!=', '=~', '!~'].includes(t.text));
    if (sign < 0) {
      if (now.length > 1) return null;
      const typed = now[0] && touching && now[0].kind !== 'string' ? now[0].text : '';
      return now[0] && !typed ? null : { what: 'label', typed, from: cursor - typed.length, metric, matchers: done };
    }
    const string = now[sign + 1];
    const label = now[0]!.text;
    if (!string) return { what: 'value', typed: '', from: cursor, label, metric, matchers: done };
    const closed = string.text.length > 1 && string.text.at(-1) === string.text[0];
    if (string.kind !== 'string' || !touching || closed) return null;
    return { what: 'value', typed: string.text.slice(1), from: string.from, label, metric, matchers: done };
  }
  if (inner?.token.text === '[') {
    const typed = touching && last !== inner.token && last!.text !== ':' ? last!.text : '';
    return { what: 'duration', typed, from: cursor - typed.length };
  }
  if (inner?.token.text === '(' && GROUPING.has(before[inner.index - 1]?.text.toLowerCase() ?? '')) {
    const typed = touching && last!.kind === 'label' ? last!.text : '';
    if (!typed && last !== inner.token && last?.text !== ',') return null;
    return { what: 'label', typed, from: cursor - typed.length, metric: metricOf(text), matchers: '' };
  }
  if (!touching || !last || !['name', 'function', 'keyword'].includes(last.kind)) return null;
  return { what: 'expression', typed: last.text, from: last.from };
}

/* metricOf - the first metric that an expression names, '' where it names none. */
export function metricOf(text: string): string {
  return tokens(text).find((t) => t.kind === 'name')?.text ?? '';
}

/* isRate - whether what comes out is a change per second. */
export function isRate(text: string): boolean {
  return tokens(text).some((t) => t.kind === 'function' && ['rate', 'irate', 'deriv'].includes(t.text));
}

/* keepsUnit - whether the numbers still have the metric's unit: no count, no comparison to 0 and 1, no product of two. */
export function keepsUnit(text: string): boolean {
  const list = tokens(text);
  if (list.some((t) => t.kind === 'operator' && ['*', '/', '^', '%'].includes(t.text))) return false;
  return !list.some((t) => t.kind === 'function' && /^(count|group|count_values|changes|resets|absent|.*stdvar.*|timestamp|histogram_fraction|present_over_time|count_over_time|absent_over_time|ln|log2|log10|exp|sgn)$/.test(t.text));
}

const SECONDS: Record<string, number> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400, w: 604800, y: 31536000 };

/* seconds - '1h30m' as 5400; null where it is no duration. */
export function seconds(text: string): number | null {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhdwy])/g)];
  if (!parts.length || parts.map((p) => p[0]).join('') !== text.trim()) return null;
  return parts.reduce((sum, p) => sum + Number(p[1]) * SECONDS[p[2]!]!, 0);
}
