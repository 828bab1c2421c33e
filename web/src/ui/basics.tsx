// basics.tsx - the small parts that every page is made of.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { language, t, words } from '../i18n/index.ts';
import { ApiError, asCurl } from '../lib/api.ts';
import { createStore } from '../lib/store.ts';
import { clock, duration, utc } from '../lib/format.ts';
import type { Loaded } from '../lib/data.ts';
import { Icon, type IconName } from './icons.tsx';

/* One clock for all ages on the page. */
export const tick = createStore(Date.now());
setInterval(() => {
  if (!document.hidden) tick.set(Date.now());
}, 1000);

export function useTick(): number {
  const [, redraw] = useState(0);
  useEffect(() => tick.watch(() => redraw((n) => n + 1)), []);
  return tick.get();
}

/* Time - an instant in the browser's zone; UTC on hover. */
export function Time({ at }: { at: string | number | null | undefined }) {
  if (at === null || at === undefined) return <span class="dim">{t('none')}</span>;
  const ms = typeof at === 'number' ? at : Date.parse(at);
  if (Number.isNaN(ms)) return <span>{String(at)}</span>;
  return <time dateTime={new Date(ms).toISOString()} title={utc(ms)}>{clock(ms, words().lang)}</time>;
}

/* Age - how long ago, counting. */
export function Age({ at, until }: { at: string | null | undefined; until?: string | null }) {
  const now = useTick();
  if (!at) return <span class="dim">{t('none')}</span>;
  const start = Date.parse(at);
  const seconds = Math.max(0, ((until ? Date.parse(until) : now) - start) / 1000);
  return <time dateTime={at} title={utc(start)}>{duration(Math.floor(seconds), words())}</time>;
}

/* Ago - the same as a phrase: 5 s ago, or a longer one around it. */
export function Ago({ at, phrase }: { at: string | null | undefined; phrase?: 'redis.polled' | 'source.last' }) {
  const now = useTick();
  if (!at) return <span class="dim">{t('never')}</span>;
  const start = Date.parse(at);
  const age = t('ago', { age: duration(Math.max(0, Math.floor((now - start) / 1000)), words()) });
  return <time dateTime={at} title={utc(start)}>{phrase ? t(phrase, { age }) : age}</time>;
}

type ButtonProps = {
  kind?: 'primary' | 'danger' | 'quiet' | 'plain';
  icon?: IconName;
  busy?: boolean;
  small?: boolean;
  children?: ComponentChildren;
} & Omit<JSX.HTMLAttributes<HTMLButtonElement>, 'icon'> & { type?: 'button' | 'submit'; disabled?: boolean };

export function Button({ kind = 'plain', icon, busy, small, children, class: more, disabled, ...rest }: ButtonProps) {
  return (
    <button type="button" {...(rest as object)} disabled={disabled || busy} aria-busy={busy || undefined}
      class={`button ${kind} ${small ? 'small' : ''} ${children ? '' : 'bare'} ${(more as string | undefined) ?? ''}`}>
      {busy ? <span class="turning" aria-hidden="true" /> : icon && <Icon name={icon} size={small ? 16 : 18} />}
      {children && <span>{children}</span>}
    </button>
  );
}

async function toClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    /* Plain http from another machine has no clipboard API. */
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'off-screen';
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

export function CopyButton({ text, label, icon = 'copy', kind = 'quiet', compact }: { text: string; label: string; icon?: IconName; kind?: 'quiet' | 'plain'; compact?: boolean }) {
  const [done, setDone] = useState(false);
  useEffect(() => {
    if (!done) return undefined;
    const timer = setTimeout(() => setDone(false), 1600);
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <Button kind={kind} small icon={done ? 'check' : icon} title={done ? t('copied') : label} class={compact ? 'compact' : icon === 'terminal' ? 'curl' : ''} onClick={() => void toClipboard(text).then(setDone)}>
      <span aria-live="polite">{done ? t('copied') : label}</span>
    </Button>
  );
}

/* CopyCurl - what the page does, as a line for the shell. */
export function CopyCurl({ path, method, body, compact }: { path: string; method?: string; body?: unknown; compact?: boolean }) {
  return <CopyButton text={asCurl(location.origin, path, method, body)} label={t('copy.curl')} icon="terminal" {...(compact ? { compact } : {})} />;
}

export function Card({ title, tools, children, class: more, count, id }: {
  id?: string; title?: string; tools?: ComponentChildren; children: ComponentChildren; class?: string; count?: number | undefined;
}) {
  return (
    <section id={id} class={`card ${more ?? ''}`} aria-label={title}>
      {(title || tools) && (
        <header class="card-head">
          {title && <h2>{title}{count !== undefined && <span class="count">{count}</span>}</h2>}
          {tools && <div class="tools">{tools}</div>}
        </header>
      )}
      {children}
    </section>
  );
}

export function Skeleton({ rows = 3, height = 18 }: { rows?: number; height?: number }) {
  return (
    <div class="skeleton" role="status" aria-label={t('loading')}>
      {Array.from({ length: rows }, (_, i) => <span key={i} style={{ height: `${height}px`, width: `${96 - ((i * 17) % 40)}%` }} />)}
    </div>
  );
}

export function Empty({ icon, title, children, action }: { icon: IconName; title: string; children?: ComponentChildren; action?: ComponentChildren }) {
  return (
    <div class="empty">
      <span class="empty-icon"><Icon name={icon} size={24} /></span>
      <h3>{title}</h3>
      {children && <p>{children}</p>}
      {action && <div class="empty-action">{action}</div>}
    </div>
  );
}

export function problemText(error: ApiError): string {
  if (error.problem.status === 0) return t('error.unreachable');
  if (error.problem.status === 403) return `${t('error.forbidden')} ${error.problem.detail ?? ''}`;
  return error.problem.detail || error.problem.title;
}

export function ProblemNote({ error, retry }: { error: ApiError; retry?: () => void }) {
  return (
    <div class="problem" role="alert">
      <Icon name="incidents" size={18} />
      <div>
        <p>{problemText(error)}</p>
        {error.problem.errors?.map((e, i) => <p key={i} class="mono small">{e.field ? `${e.field}: ` : ''}{e.message}</p>)}
        <p class="dim small">{error.path.split('?')[0]}{error.problem.status ? ` · HTTP ${error.problem.status}` : ''}</p>
      </div>
      {retry && <Button small icon="refresh" onClick={retry}>{t('retry')}</Button>}
    </div>
  );
}

/* Await - the four faces of a list: skeleton, error with retry, and the content, with a note where it could not be freshened. */
export function Await<T>({ from, rows, children }: { from: Loaded<T>; rows?: number; children: (data: T) => ComponentChildren }) {
  if (from.data === undefined) {
    if (from.error) return <ProblemNote error={from.error} retry={from.reload} />;
    return <Skeleton rows={rows ?? 4} />;
  }
  return <>{from.error && <ProblemNote error={from.error} retry={from.reload} />}{children(from.data)}</>;
}

/* Dialog - the browser's own modal: focus is kept inside, Escape closes, focus returns. */
export function Dialog({ title, onClose, children, wide, foot }: {
  title: string; onClose: () => void; children: ComponentChildren; wide?: boolean; foot?: ComponentChildren;
}) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = box.current!;
    const before = document.activeElement;
    if (!dialog.open) dialog.showModal();
    /* Nothing to fill in: the text itself takes the keys, for scrolling. */
    if (!dialog.querySelector('[autofocus]')) dialog.querySelector<HTMLElement>('.dialog-body')?.focus();
    return () => {
      dialog.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={box} class={`dialog ${wide ? 'wide' : ''}`} aria-label={title}
      onCancel={(e) => { e.preventDefault(); onClose(); }}
      onMouseDown={(e) => { if (e.target === box.current) onClose(); }}>
      <div class="dialog-box">
        <header><h2>{title}</h2><Button kind="quiet" icon="close" aria-label={t('close')} onClick={onClose} /></header>
        <div class="dialog-body" tabIndex={-1}>{children}</div>
        {foot && <footer>{foot}</footer>}
      </div>
    </dialog>
  );
}

export function Field({ label, hint, children }: { label: string; hint?: ComponentChildren; children: ComponentChildren }) {
  return <label class="field"><span class="field-label">{label}</span>{children}{hint && <span class="hint">{hint}</span>}</label>;
}

export interface Tab { id: string; label: string; count?: number | undefined }

/* Tabs - links in the query string look like tabs; each can be pasted into a chat. */
export function Tabs({ tabs, now, onPick, label }: { tabs: Tab[]; now: string; onPick: (id: string) => void; label: string }) {
  const box = useRef<HTMLDivElement>(null);
  /* On a phone the chosen one may lie beyond the edge. */
  useEffect(() => {
    const chosen = box.current!.querySelector<HTMLElement>('[aria-pressed="true"]');
    if (chosen) box.current!.scrollLeft = chosen.offsetLeft - (box.current!.clientWidth - chosen.offsetWidth) / 2;
  }, [now]);
  return (
    <div ref={box} class="tabs" role="group" aria-label={label}>
      {tabs.map((tab) => (
        <button key={tab.id} type="button" aria-pressed={tab.id === now} onClick={() => onPick(tab.id)}>
          {tab.label}{tab.count !== undefined && <span class="count">{tab.count}</span>}
        </button>
      ))}
    </div>
  );
}

export function Meter({ value, tone, label }: { value: number; tone: string; label: string }) {
  const part = Math.max(0, Math.min(1, value));
  return (
    <span class={`meter tone-${tone}`} role="img" aria-label={label}>
      <span style={{ width: `${part * 100}%` }} />
    </span>
  );
}

export function Term({ name, children }: { name: string; children: ComponentChildren }) {
  return <div class="term"><dt>{name}</dt><dd>{children}</dd></div>;
}

export const useLanguage = () => {
  const [, redraw] = useState(0);
  useEffect(() => language.watch(() => redraw((n) => n + 1)), []);
  return language.get();
};
