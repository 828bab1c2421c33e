// shell.tsx - what stands around every page: navigation, state of the connection, STOP, search, help.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { person, t, type Key } from '../i18n/index.ts';
import { lastAnswer, type ApiError } from '../lib/api.ts';
import { useData } from '../lib/data.ts';
import { duration } from '../lib/format.ts';
import { listenKeys } from '../lib/keys.ts';
import { link, retryNow } from '../lib/live.ts';
import { Link, navigate } from '../lib/router.tsx';
import { createStore, useStore } from '../lib/store.ts';
import { words } from '../i18n/index.ts';
import { Button, Time, useTick } from '../ui/basics.tsx';
import { Icon, Mark, type IconName } from '../ui/icons.tsx';
import { Shape } from '../ui/status.tsx';
import type { Now } from '../types.ts';
import { Account } from './account.tsx';
import { Palette } from './palette.tsx';
import { Shortcuts } from './shortcuts.tsx';
import { StopDialog } from './stop.tsx';

export const PAGES: { path: string; icon: IconName; name: Key; key: string }[] = [
  { path: '/', icon: 'now', name: 'nav.now', key: 'n' },
  { path: '/incidents', icon: 'incidents', name: 'nav.incidents', key: 'i' },
  { path: '/predictions', icon: 'predictions', name: 'nav.predictions', key: 'p' },
  { path: '/explore', icon: 'explore', name: 'nav.explore', key: 'm' },
  { path: '/redis', icon: 'redis', name: 'nav.redis', key: 'r' },
  { path: '/actions', icon: 'actions', name: 'nav.actions', key: 'a' },
  { path: '/settings', icon: 'settings', name: 'nav.settings', key: 's' },
];

/* The state of everything, asked for once for the whole page. */
export const nowState = createStore<Now | null>(null);
/* Why there is none, and how to ask again. */
export const nowFailure = createStore<{ error: ApiError; retry: () => void } | null>(null);

const inside = (path: string, page: string) => (page === '/' ? path === '/' || path === '/guide' : path.startsWith(page));

function Rail({ path, now }: { path: string; now: Now | null }) {
  const badge = (page: string): { n: number; urgent: boolean } | null => {
    if (page === '/incidents' && now?.open_incidents) return { n: now.open_incidents, urgent: now.state === 'critical' };
    if (page === '/actions' && now?.pending_approvals) return { n: now.pending_approvals, urgent: true };
    return null;
  };
  return (
    <nav class="rail" aria-label={t('nav.label')}>
      <Link to="/" class="brand" aria-label="Auspex"><Mark /><span>Auspex</span></Link>
      <ul>
        {PAGES.map((page) => {
          const mark = badge(page.path);
          return (
            <li key={page.path}>
              <Link to={page.path} aria-current={inside(path, page.path) ? 'page' : undefined} title={`${t(page.name)} (g ${page.key})`}>
                <Icon name={page.icon} /><span class="rail-name">{t(page.name)}</span>
                {mark && <span class={`badge ${mark.urgent ? 'urgent' : ''}`}>{mark.n}</span>}
              </Link>
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

function Connection() {
  const state = useStore(link);
  const now = useTick();
  /* A reconnect within two seconds is nobody's business. */
  if (state.lostAt === null || now - state.lostAt < 2000) return null;
  return (
    <div class="banner lost" role="status">
      <Shape tone="medium" />
      <p><b>{t('live.lost')}</b> {t('live.age', { age: duration(Math.max(1, Math.round((now - lastAnswer.get()) / 1000)), words()) })}</p>
      <Button small icon="refresh" onClick={retryNow}>{t('live.reconnect')}</Button>
    </div>
  );
}

function LiveLight() {
  const state = useStore(link);
  const open = state.state === 'open';
  return (
    <span class={`live ${open ? 'on' : ''}`} title={open ? t('live.on') : t('live.off')}>
      <span class="live-dot" aria-hidden="true" /><span class="live-word">{open ? t('live.on.short') : t('live.off.short')}</span>
    </span>
  );
}

export function Shell({ path, children }: { path: string; children: ComponentChildren }) {
  const { data, error, reload } = useData<Now>('/api/v1/now', { every: 10_000, on: [''] });
  const [open, setOpen] = useState<'search' | 'help' | 'stop' | null>(null);
  const now = data ?? null;
  useEffect(() => nowState.set(now), [now]);
  useEffect(() => nowFailure.set(error ? { error, retry: reload } : null), [error]);

  useEffect(() => listenKeys({
    '/': () => setOpen('search'),
    '?': () => setOpen('help'),
    ...Object.fromEntries(PAGES.map((p) => [`g ${p.key}`, () => navigate(p.path)])),
  }), []);

  const title = PAGES.find((p) => inside(path, p.path));
  useEffect(() => {
    const waiting = now && now.open_incidents > 0 ? `(${now.open_incidents}) ` : '';
    document.title = `${waiting}${title ? t(title.name) + ' · ' : ''}Auspex`;
  });

  const engaged = now?.stop.engaged ?? false;
  return (
    <div class="shell">
      <a class="skip" href="#content" onClick={(e) => { e.preventDefault(); document.getElementById('content')?.focus(); }}>{t('skip')}</a>
      <Rail path={path} now={now} />
      <div class="column">
        <header class="top">
          <Link to="/" class="brand phone" aria-label="Auspex"><Mark size={26} /></Link>
          <button type="button" class="search-open" onClick={() => setOpen('search')}>
            <Icon name="search" size={16} /><span>{t('search.open')}</span><kbd>/</kbd>
          </button>
          <LiveLight />
          <button type="button" class={`stop-button ${engaged ? 'engaged' : ''}`} onClick={() => setOpen('stop')} title={t('stop.title')}>
            <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true"><path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" /></svg>
            <span>{engaged ? t('stop.engaged.short') : t('stop.button')}</span>
          </button>
          <Account onHelp={() => setOpen('help')} />
        </header>
        {now?.stop.engaged && (
          <div class="banner stopped" role="alert">
            <Shape tone="critical" size={18} />
            <p><b>{t('stop.banner')}</b> {now.stop.reason && <>“{now.stop.reason}” </>}
              <span class="banner-by">{now.stop.actor && person(now.stop.actor)}{now.stop.since && <> · <Time at={now.stop.since} /></>}</span></p>
            <Button small onClick={() => setOpen('stop')}>{t('stop.release')}</Button>
          </div>
        )}
        <Connection />
        <main id="content" tabIndex={-1}>{children}</main>
      </div>
      {open === 'search' && <Palette onClose={() => setOpen(null)} />}
      {open === 'help' && <Shortcuts onClose={() => setOpen(null)} />}
      {open === 'stop' && <StopDialog engaged={engaged} onClose={() => setOpen(null)} onDone={() => { setOpen(null); reload(); }} />}
    </div>
  );
}

export function PageHead({ title, lead, children, back }: { title: ComponentChildren; lead?: ComponentChildren; children?: ComponentChildren; back?: { to: string; name: string } }) {
  return (
    <div class="page-head">
      <div class="page-title">
        {back && <Link to={back.to} class="back"><Icon name="back" size={16} />{back.name}</Link>}
        <h1>{title}</h1>
        {lead && <p class="lead">{lead}</p>}
      </div>
      {children && <div class="page-tools">{children}</div>}
    </div>
  );
}
