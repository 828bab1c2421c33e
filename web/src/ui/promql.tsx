// promql.tsx - the editor of one PromQL expression: coloured, with completion of names, labels, values and functions.
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../i18n/index.ts';
import { api } from '../lib/api.ts';
import { ask } from '../lib/prometheus.ts';
import { AGGREGATIONS, tokens, wanted, type Wanted } from '../lib/promql.ts';
import { rank } from '../lib/text.ts';

interface Choice { text: string; kind: 'metric' | 'function' | 'aggregation' | 'label' | 'value' | 'duration'; more: string }
interface PromqlFunction { name: string; doc: string; arguments: string[] }
type Meta = Record<string, { type: string; help: string }[]>;

const SHOWN = 40;
const KEPT = 200;
const DURATIONS = ['1m', '5m', '10m', '15m', '30m', '1h', '6h', '1d'];

/* Answers are kept as long as the page is: names change slowly, keys are pressed fast. */
const kept = new Map<string, Promise<unknown>>();
function once<T>(key: string, get: () => Promise<T>): Promise<T> {
  let answer = kept.get(key) as Promise<T> | undefined;
  if (!answer) {
    answer = get();
    answer.catch(() => kept.delete(key));
    kept.set(key, answer);
    if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
  }
  return answer;
}
export const forgetNames = () => kept.clear();

const functions = () => once('functions', () => api<{ functions: PromqlFunction[] }>('/api/v1/promql/functions')).then((a) => a.functions);
const names = () => once('names', () => ask<string[]>('/label/__name__/values')).then((a) => a.data);
const metadata = () => once('metadata', () => ask<Meta>('/metadata')).then((a) => a.data);
const match = (metric: string, matchers: string) => (metric || matchers ? '?' + new URLSearchParams({ 'match[]': `${metric}{${matchers}}` }) : '');
const labels = (metric: string, matchers: string) => {
  const path = '/labels' + match(metric, matchers);
  return once(path, () => ask<string[]>(path)).then((a) => a.data.filter((l) => l !== '__name__'));
};
const values = (label: string, metric: string, matchers: string) => {
  const path = `/label/${encodeURIComponent(label)}/values` + match(metric, matchers);
  return once(path, () => ask<string[]>(path)).then((a) => a.data);
};

async function choices(want: NonNullable<Wanted>): Promise<Choice[]> {
  switch (want.what) {
    case 'duration': return DURATIONS.map((text) => ({ text, kind: 'duration', more: '' }));
    case 'label': return (await labels(want.metric, want.matchers)).map((text) => ({ text, kind: 'label', more: '' }));
    case 'value': return (await values(want.label, want.metric, want.matchers)).map((text) => ({ text, kind: 'value', more: '' }));
    case 'expression': {
      const [all, known, about] = await Promise.all([functions(), names(), metadata()]);
      return [
        ...AGGREGATIONS.map((text): Choice => ({ text, kind: 'aggregation', more: '' })),
        ...all.map((f): Choice => ({ text: f.name, kind: 'function', more: f.doc })),
        ...known.map((text): Choice => ({ text, kind: 'metric', more: about[text]?.[0]?.help ?? '' })),
      ];
    }
  }
}

async function hits(want: NonNullable<Wanted>): Promise<Choice[]> {
  const scored = (await choices(want)).map((choice) => ({ choice, score: want.typed ? rank(choice.text, want.typed) : 0 }))
    .filter((h): h is { choice: Choice; score: number } => h.score !== null && h.choice.text !== want.typed);
  return scored.sort((a, b) => a.score - b.score || a.choice.text.length - b.choice.text.length).slice(0, SHOWN).map((h) => h.choice);
}

/* What is put into the text, and where the cursor then stands. */
function insert(want: NonNullable<Wanted>, choice: Choice): { text: string; back: number } {
  if (choice.kind === 'function' || choice.kind === 'aggregation') return { text: choice.text + '()', back: 1 };
  if (choice.kind === 'value') return { text: JSON.stringify(choice.text), back: 0 };
  if (choice.kind === 'label' && want.what === 'label' && !/^[A-Za-z_]\w*$/.test(choice.text)) return { text: JSON.stringify(choice.text), back: 0 };
  return { text: choice.text, back: 0 };
}

export function PromqlEditor({ value, label, onRun, onType, focus }: {
  value: string; label: string; onRun: (text: string) => void; onType: (text: string) => void; focus?: boolean;
}) {
  const [text, setText] = useState(value);
  const write = (next: string) => {
    setText(next);
    onType(next);
  };
  const [list, setList] = useState<Choice[]>([]);
  const [at, setAt] = useState(0);
  const want = useRef<Wanted>(null);
  const box = useRef<HTMLTextAreaElement>(null);
  const asked = useRef(0);

  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (focus) box.current?.focus();
  }, []);
  useEffect(() => {
    document.getElementById(`choice-${at}`)?.scrollIntoView({ block: 'nearest' });
  }, [at]);

  const close = () => {
    asked.current++;
    setList([]);
  };
  const look = (now: string, cursor: number, called = false) => {
    const turn = ++asked.current;
    want.current = wanted(now, cursor) ?? (called ? { what: 'expression', typed: '', from: cursor } : null);
    if (!want.current) {
      setList([]);
      return;
    }
    hits(want.current).then((found) => {
      if (turn !== asked.current) return;
      setList(found);
      setAt(0);
    }, () => undefined); /* without names one types on; running the query says what is wrong */
  };
  const take = (choice: Choice) => {
    const field = box.current!;
    const here = want.current!;
    const put = insert(here, choice);
    const after = text.slice(field.selectionStart).replace(choice.kind === 'value' ? /^"/ : /^$/, '');
    const next = text.slice(0, here.from) + (put.back && after.startsWith('(') ? choice.text : put.text) + after;
    const cursor = here.from + put.text.length - put.back;
    write(next);
    close();
    requestAnimationFrame(() => {
      field.focus();
      field.setSelectionRange(cursor, cursor);
    });
  };

  const press = (event: KeyboardEvent & { currentTarget: HTMLTextAreaElement }) => {
    const open = list.length > 0;
    if (event.key === 'Enter' && (event.shiftKey || event.altKey)) return;
    if (event.ctrlKey && event.key === ' ') look(text, event.currentTarget.selectionStart, true);
    else if (open && event.key === 'ArrowDown') setAt((at + 1) % list.length);
    else if (open && event.key === 'ArrowUp') setAt((at + list.length - 1) % list.length);
    else if (open && (event.key === 'Tab' || (event.key === 'Enter' && !event.ctrlKey))) take(list[at]!);
    else if (open && event.key === 'Escape') close();
    else if (event.key === 'Enter') {
      close();
      onRun(text.trim());
    } else return;
    event.preventDefault();
  };

  return (
    <div class="promql">
      <div class="promql-field">
        <pre aria-hidden="true">{tokens(text).map((token) => (token.kind === 'space' || token.kind === 'name' ? token.text : <span class={`tok-${token.kind}`}>{token.text}</span>))}{'\n'}</pre>
        <textarea ref={box} rows={1} spellcheck={false} autocomplete="off" autocapitalize="off" aria-label={label} placeholder={t('explore.placeholder')}
          role="combobox" aria-autocomplete="list" aria-expanded={list.length > 0} aria-controls="promql-choices" aria-activedescendant={list.length ? `choice-${at}` : undefined}
          value={text} onKeyDown={press} onBlur={() => setTimeout(close, 150)}
          onInput={(e) => { write(e.currentTarget.value); look(e.currentTarget.value, e.currentTarget.selectionStart); }} />
      </div>
      {list.length > 0 && (
        <ul id="promql-choices" class="promql-choices" role="listbox" aria-label={t('explore.choices')}>
          {list.map((choice, i) => (
            <li key={choice.kind + choice.text} id={`choice-${i}`} role="option" aria-selected={i === at} onMouseMove={() => setAt(i)}
              onMouseDown={(e) => { e.preventDefault(); take(choice); }}>
              <span class={`choice-kind kind-${choice.kind}`} aria-hidden="true">{choice.kind[0]}</span>
              <code>{choice.text}</code><span class="hit-more">{choice.more}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
