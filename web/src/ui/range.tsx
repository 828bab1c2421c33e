// range.tsx - which stretch of time is looked at: the last so much, or from one moment to another; lives in the address.
import { useState } from 'preact/hooks';
import { t, words, type Key } from '../i18n/index.ts';
import { clock } from '../lib/format.ts';
import { setQuery } from '../lib/router.tsx';
import { seconds } from '../lib/promql.ts';
import { Button, Dialog, Field } from './basics.tsx';

const LASTS: [string, Key][] = [['15m', 'range.15'], ['1h', 'range.60'], ['6h', 'range.360'], ['24h', 'range.1440'], ['7d', 'range.week']];
const LAST = '1h';

export interface Window { from: number; to: number; live: boolean }

/* windowOf - what ?range= and ?from=&to= say, in seconds; `now` is when the page last asked. */
export function windowOf(query: URLSearchParams, now: number): Window {
  const from = Number(query.get('from'));
  const to = Number(query.get('to'));
  if (from > 0 && to > from) return { from, to, live: false };
  const length = seconds(query.get('range') ?? '') ?? seconds(LAST)!;
  const end = Math.floor(now / 1000);
  return { from: end - length, to: end, live: true };
}

const local = (at: number) => {
  const date = new Date(at * 1000 - new Date(at * 1000).getTimezoneOffset() * 60_000);
  return date.toISOString().slice(0, 19);
};

export function zoomTo(from: number, to: number): void {
  setQuery({ from: String(Math.floor(from)), to: String(Math.ceil(to)), range: null });
}

export function RangePicker({ window: shown, query }: { window: Window; query: URLSearchParams }) {
  const [open, setOpen] = useState(false);
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const w = words();
  const begin = () => {
    setFrom(local(shown.from));
    setTo(local(shown.to));
    setOpen(true);
  };
  const at = [Date.parse(from) / 1000, Date.parse(to) / 1000] as const;
  const span = shown.to - shown.from;
  const move = (by: number) => zoomTo(shown.from + by * span, shown.to + by * span);
  return (
    <div class="range">
      <Button kind="quiet" icon="back" aria-label={t('range.earlier')} onClick={() => move(-0.5)} />
      <div class="tabs" role="group" aria-label={t('range')}>
        {LASTS.map(([length, name]) => (
          <button key={length} type="button" aria-pressed={shown.live && (query.get('range') ?? LAST) === length}
            onClick={() => setQuery({ range: length, from: null, to: null })}>{t(name)}</button>
        ))}
        <button type="button" aria-pressed={!shown.live} onClick={begin}>
          {shown.live ? t('range.other') : `${clock(shown.from * 1000, w.lang)} – ${clock(shown.to * 1000, w.lang)}`}
        </button>
      </div>
      <Button kind="quiet" icon="right" aria-label={t('range.later')} onClick={() => move(0.5)} />
      {open && (
        <Dialog title={t('range')} onClose={() => setOpen(false)} foot={<>
          <Button onClick={() => setOpen(false)}>{t('cancel')}</Button>
          <Button kind="primary" disabled={!(at[1] > at[0])} onClick={() => { zoomTo(...at); setOpen(false); }}>{t('range.show')}</Button>
        </>}>
          <div class="fields">
            <Field label={t('range.from')}><input type="datetime-local" step={1} value={from} onInput={(e) => setFrom(e.currentTarget.value)} /></Field>
            <Field label={t('range.to')}><input type="datetime-local" step={1} value={to} onInput={(e) => setTo(e.currentTarget.value)} /></Field>
          </div>
        </Dialog>
      )}
    </div>
  );
}
