// account.tsx - who is signed in, the language, the theme.
import { useEffect, useRef, useState } from 'preact/hooks';
import { choose, language, LANGUAGES, person, t, tn, type Lang } from '../i18n/index.ts';
import { api, session } from '../lib/api.ts';
import { forgetAll } from '../lib/data.ts';
import { stopLive } from '../lib/live.ts';
import { navigate } from '../lib/router.tsx';
import { useStore } from '../lib/store.ts';
import { chooseTheme, theme, type Theme } from '../lib/theme.ts';
import { Icon } from '../ui/icons.tsx';

export function LanguagePicker() {
  return (
    <label class="menu-row"><Icon name="globe" size={16} /><span>{t('account.language')}</span>
      <select name="language" value={language.get()} onChange={(e) => void choose(e.currentTarget.value as Lang)}>
        {Object.entries(LANGUAGES).map(([code, name]) => <option key={code} value={code} lang={code}>{name}</option>)}
      </select>
    </label>
  );
}

export function ThemePicker() {
  const [now, setNow] = useState<Theme>(theme());
  return (
    <label class="menu-row"><Icon name="sun" size={16} /><span>{t('account.theme')}</span>
      <select name="theme" value={now} onChange={(e) => { const next = e.currentTarget.value as Theme; chooseTheme(next); setNow(next); }}>
        <option value="system">{t('theme.system')}</option>
        <option value="light">{t('theme.light')}</option>
        <option value="dark">{t('theme.dark')}</option>
      </select>
    </label>
  );
}

async function signOut(): Promise<void> {
  await api('/api/v1/logout', { method: 'POST' });
  stopLive();
  forgetAll();
  session.set(null);
  navigate('/login');
}

export function Account({ onHelp }: { onHelp: () => void }) {
  const who = useStore(session);
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return undefined;
    const away = (e: Event) => {
      if (e instanceof KeyboardEvent ? e.key === 'Escape' : !root.current?.contains(e.target as Node)) setOpen(false);
    };
    addEventListener('pointerdown', away);
    addEventListener('keydown', away);
    return () => {
      removeEventListener('pointerdown', away);
      removeEventListener('keydown', away);
    };
  }, [open]);
  return (
    <div class="account" ref={root}>
      <button type="button" class="avatar" aria-expanded={open} aria-controls="account-menu" aria-label={t('account.open')} onClick={() => setOpen(!open)}>
        <Icon name="user" size={18} />
      </button>
      {open && (
        <div class="menu" id="account-menu">
          <div class="menu-who"><b>{who && person(who.user)}</b><span>{tn('role', who?.role)} · {who?.hostname}</span></div>
          <LanguagePicker />
          <ThemePicker />
          <button type="button" class="menu-row" onClick={() => { setOpen(false); onHelp(); }}><Icon name="keyboard" size={16} /><span>{t('keys.title')}</span><kbd>?</kbd></button>
          {who?.auth === 'required' && (
            <button type="button" class="menu-row" onClick={() => void signOut()}><Icon name="out" size={16} /><span>{t('account.signout')}</span></button>
          )}
        </div>
      )}
    </div>
  );
}
