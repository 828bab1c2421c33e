// login.tsx - in by the one-time token of the first start, or by name and password; then a password may be set.
import { useEffect, useRef, useState } from 'preact/hooks';
import { t } from '../i18n/index.ts';
import { api, loadSession, setCsrf } from '../lib/api.ts';
import { useTask } from '../lib/data.ts';
import { navigate, usePlace } from '../lib/router.tsx';
import { safeNext } from '../lib/text.ts';
import { LanguagePicker, ThemePicker } from '../shell/account.tsx';
import { Button, Field, ProblemNote, Tabs } from '../ui/basics.tsx';
import { Mark } from '../ui/icons.tsx';
import { startLive } from '../lib/live.ts';

interface LoginAnswer { csrf_token: string; user: string; role: string; must_set_password: boolean }

function takeToken(): string {
  const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
  if (location.hash) history.replaceState(null, '', location.pathname + location.search);
  return token;
}

export const MIN_PASSWORD = 10;

function SetPassword({ onDone }: { onDone: () => void }) {
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const task = useTask();
  const differs = again !== '' && again !== password;
  const send = (event: Event) => {
    event.preventDefault();
    if (password !== again) return;
    void task.run(() => api('/api/v1/password', { method: 'POST', body: { password } }).then(onDone));
  };
  return (
    <form class="stack" onSubmit={send}>
      <h1>{t('password.title')}</h1>
      <p class="lead">{t('password.text')}</p>
      <Field label={t('password.new')} hint={t('password.hint', { n: MIN_PASSWORD })}>
        <input type="password" autoComplete="new-password" required minLength={MIN_PASSWORD} autoFocus value={password} onInput={(e) => setPassword(e.currentTarget.value)} />
      </Field>
      <Field label={t('password.again')} hint={differs ? <span class="bad">{t('password.differs')}</span> : undefined}>
        <input type="password" autoComplete="new-password" required value={again} onInput={(e) => setAgain(e.currentTarget.value)} />
      </Field>
      {task.error && <ProblemNote error={task.error} />}
      <Button kind="primary" type="submit" busy={task.busy} disabled={password.length < MIN_PASSWORD || password !== again}>{t('password.set')}</Button>
      <Button kind="quiet" onClick={onDone}>{t('password.skip')}</Button>
    </form>
  );
}

export function Login() {
  const { query } = usePlace();
  const [way, setWay] = useState<'password' | 'token'>('password');
  const [token, setToken] = useState('');
  const [user, setUser] = useState('admin');
  const [password, setPassword] = useState('');
  const [setting, setSetting] = useState(false);
  const task = useTask();
  const tried = useRef(false);

  const enter = () => {
    void loadSession().then(startLive).then(() => navigate(safeNext(query.get('next')), { replace: true }));
  };
  const login = (body: { token: string } | { user: string; password: string }) => task.run(async () => {
    const answer = await api<LoginAnswer>('/api/v1/login', { method: 'POST', body });
    setCsrf(answer.csrf_token);
    if (answer.must_set_password) setSetting(true);
    else enter();
  });

  useEffect(() => {
    if (tried.current) return;
    tried.current = true;
    const given = takeToken();
    if (!given) return;
    setWay('token');
    setToken(given);
    void login({ token: given });
  }, []);

  return (
    <main class="login" id="content">
      <div class="login-box">
        <div class="login-brand"><Mark size={40} /><span>Auspex</span></div>
        {setting ? <SetPassword onDone={enter} /> : (
          <form class="stack" onSubmit={(e) => { e.preventDefault(); void login(way === 'token' ? { token: token.trim() } : { user, password }); }}>
            <h1>{t('login.title')}</h1>
            <Tabs label={t('login.way')} now={way} onPick={(id) => { task.clear(); setWay(id as typeof way); }}
              tabs={[{ id: 'password', label: t('login.password') }, { id: 'token', label: t('login.token') }]} />
            {way === 'token'
              ? <Field label={t('login.token')} hint={t('login.token.hint')}>
                <input class="mono" name="token" required autoComplete="off" spellcheck={false} value={token} onInput={(e) => setToken(e.currentTarget.value)} />
              </Field>
              : <>
                <Field label={t('user')}><input name="user" required autoComplete="username" value={user} onInput={(e) => setUser(e.currentTarget.value)} /></Field>
                <Field label={t('password')}><input name="password" type="password" required autoComplete="current-password" value={password} onInput={(e) => setPassword(e.currentTarget.value)} /></Field>
              </>}
            {task.error && <ProblemNote error={task.error} />}
            <Button kind="primary" type="submit" busy={task.busy}>{t('login.enter')}</Button>
          </form>
        )}
        <div class="login-foot"><LanguagePicker /><ThemePicker /></div>
      </div>
      <p class="login-motto">{t('motto')}</p>
    </main>
  );
}
