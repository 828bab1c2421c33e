// settings.tsx - about this server, what it is connected to, what it scrapes and judges by, who may use it.
import { useState } from 'preact/hooks';
import { person, t, tn } from '../i18n/index.ts';
import { api, may, session } from '../lib/api.ts';
import { useData, useTask } from '../lib/data.ts';
import { Link, navigate } from '../lib/router.tsx';
import { useStore } from '../lib/store.ts';
import { LanguagePicker, ThemePicker } from '../shell/account.tsx';
import { PageHead } from '../shell/shell.tsx';
import { Age, Await, Button, Card, CopyCurl, Dialog, Empty, Field, ProblemNote, Tabs, Term, Time } from '../ui/basics.tsx';
import { Pill } from '../ui/status.tsx';
import type { HealthAnswer, Token, User } from '../types.ts';
import { FoundServices, Receivers, Snippet, Sources } from './connect.tsx';
import { MIN_PASSWORD } from './login.tsx';
import { RulesView } from './rules.tsx';
import { TargetsView } from './targets.tsx';

const ROLES = ['viewer', 'operator', 'approver', 'admin'];

function About() {
  const who = useStore(session);
  const health = useData<HealthAnswer>('/api/v1/health', { every: 10_000 });
  return (
    <div class="two">
      <div class="stack wide-gap">
        <Card title={t('settings.about')} tools={<CopyCurl path="/api/v1/session" />}>
          <dl class="terms">
            <Term name={t('about.version')}>Auspex {who?.version}</Term>
            <Term name={t('kind.host')}>{who?.hostname}</Term>
            <Term name={t('about.up')}><Age at={who?.started_at} /></Term>
            <Term name={t('about.storage')}><span class="mono">{who?.storage_path}</span></Term>
            <Term name={t('about.auth')}>{who?.auth === 'none' ? <Pill tone="high">{t('about.auth.none')}</Pill> : t('about.auth.required')}</Term>
            <Term name={t('user')}>{who && person(who.user)} · {tn('role', who?.role)}</Term>
          </dl>
          <div class="row pad-top"><a class="button plain" href="/docs">{t('about.docs')}</a><Link class="button plain" to="/guide">{t('guide.title')}</Link></div>
        </Card>
        <Card title={t('settings.page')}><div class="prefs"><LanguagePicker /><ThemePicker /></div></Card>
      </div>
      <Card title={t('about.health')} tools={<CopyCurl path="/api/v1/health" />}>
        <Await from={health} rows={5}>
          {(h) => (
            <ul class="rows">{Object.entries(h.components).map(([name, c]) => (
              <li class="row-item" key={name}><Pill tone={c.status === 'healthy' || c.status === 'ok' ? 'ok' : c.status === 'degraded' ? 'medium' : 'critical'}>{tn('component', c.status)}</Pill>
                <div class="row-main"><b>{name}</b><span>{c.detail}</span></div></li>
            ))}</ul>
          )}
        </Await>
      </Card>
    </div>
  );
}

function RoleSelect({ value, onChange, extra = [] }: { value: string; onChange: (role: string) => void; extra?: string[] }) {
  return <Field label={t('role')} hint={tn('role.doc', value)}>
    <select value={value} onChange={(e) => onChange(e.currentTarget.value)}>{[...ROLES, ...extra].map((r) => <option key={r} value={r}>{tn('role', r)}</option>)}</select>
  </Field>;
}

function AddUser({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState('operator');
  const [password, setPassword] = useState('');
  const task = useTask();
  return (
    <Dialog title={t('users.add')} onClose={onClose}>
      <form class="stack" onSubmit={(e) => { e.preventDefault(); void task.run(() => api('/api/v1/users', { method: 'POST', body: { name, role, password } }).then(onDone)); }}>
        <Field label={t('name')}><input required autoFocus autoComplete="off" value={name} onInput={(e) => setName(e.currentTarget.value)} /></Field>
        <RoleSelect value={role} onChange={setRole} />
        <Field label={t('password')} hint={t('password.hint', { n: MIN_PASSWORD })}><input type="password" required minLength={MIN_PASSWORD} autoComplete="new-password" value={password} onInput={(e) => setPassword(e.currentTarget.value)} /></Field>
        {task.error && <ProblemNote error={task.error} />}
        <div class="row end"><CopyCurl path="/api/v1/users" method="POST" body={{ name, role, password: '...' }} /><Button onClick={onClose}>{t('cancel')}</Button><Button kind="primary" type="submit" busy={task.busy}>{t('users.add')}</Button></div>
      </form>
    </Dialog>
  );
}

function AddToken({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState('viewer');
  const [made, setMade] = useState<Token | null>(null);
  const task = useTask();
  const body = { name, role };
  const send = () => task.run(async () => {
    setMade(await api<Token>('/api/v1/tokens', { method: 'POST', body }));
    onDone();
  });
  return (
    <Dialog title={t('tokens.add')} onClose={onClose}>
      {made?.token ? (
        <div class="stack"><p><b>{t('tokens.once')}</b></p><Snippet text={made.token} /><div class="row end"><Button kind="primary" onClick={onClose}>{t('done')}</Button></div></div>
      ) : (
        <form class="stack" onSubmit={(e) => { e.preventDefault(); void send(); }}>
          <Field label={t('name')} hint={t('tokens.name.hint')}><input required autoFocus autoComplete="off" value={name} onInput={(e) => setName(e.currentTarget.value)} /></Field>
          <RoleSelect value={role} onChange={setRole} extra={['ingest']} />
          {task.error && <ProblemNote error={task.error} />}
          <div class="row end"><CopyCurl path="/api/v1/tokens" method="POST" body={body} /><Button onClick={onClose}>{t('cancel')}</Button><Button kind="primary" type="submit" busy={task.busy}>{t('tokens.add')}</Button></div>
        </form>
      )}
    </Dialog>
  );
}

/* Remove - asks once more, naming what goes. */
function Remove({ path, name, onDone }: { path: string; name: string; onDone: () => void }) {
  const [asking, ask] = useState(false);
  const task = useTask();
  return <>
    <Button small kind="quiet" aria-label={`${t('remove')}: ${name}`} onClick={() => ask(true)}>{t('remove')}</Button>
    {asking && (
      <Dialog title={t('remove')} onClose={() => ask(false)} foot={<><CopyCurl path={path} method="DELETE" /><Button onClick={() => ask(false)}>{t('cancel')}</Button>
        <Button kind="danger" busy={task.busy} onClick={() => void task.run(() => api(path, { method: 'DELETE' }).then(() => { ask(false); onDone(); }))}>{t('remove')}</Button></>}>
        <p>{t('remove.text', { name })}</p>{task.error && <ProblemNote error={task.error} />}
      </Dialog>
    )}
  </>;
}

function Users() {
  const from = useData<{ users: User[] }>('/api/v1/users');
  const [adding, add] = useState(false);
  const who = useStore(session);
  const isMe = (name: string) => who !== null && who.user.replace(/^user:/, '') === name;
  return (
    <Card title={t('settings.users')} class="flush" tools={<><CopyCurl path="/api/v1/users" /><Button small kind="primary" icon="plus" onClick={() => add(true)}>{t('users.add')}</Button></>}>
      <Await from={from}>
        {({ users }) => users.length === 0 ? <Empty icon="user" title={t('users.none')}>{t('users.none.text')}</Empty> : (
          <table class="table stackable">
            <thead><tr><th>{t('name')}</th><th>{t('role')}</th><th>{t('role.may')}</th><th /></tr></thead>
            <tbody>{users.map((u) => <tr key={u.name}><td class="main"><b>{u.name}</b>{isMe(u.name) && <span class="sub">{t('users.you')}</span>}</td><td class="cap">{tn('role', u.role)}</td><td class="dim cap">{tn('role.doc', u.role)}</td>
              <td class="right">{!isMe(u.name) && <Remove name={u.name} path={`/api/v1/users/${encodeURIComponent(u.name)}`} onDone={from.reload} />}</td></tr>)}</tbody>
          </table>
        )}
      </Await>
      {adding && <AddUser onClose={() => add(false)} onDone={() => { add(false); from.reload(); }} />}
    </Card>
  );
}

function Tokens() {
  const from = useData<{ tokens: Token[] }>('/api/v1/tokens');
  const [adding, add] = useState(false);
  return (
    <Card title={t('settings.tokens')} class="flush" tools={<><CopyCurl path="/api/v1/tokens" /><Button small kind="primary" icon="plus" onClick={() => add(true)}>{t('tokens.add')}</Button></>}>
      <Await from={from}>
        {({ tokens }) => tokens.length === 0 ? <Empty icon="shield" title={t('tokens.none')}>{t('tokens.none.text')}</Empty> : (
          <table class="table stackable">
            <thead><tr><th>{t('name')}</th><th>{t('role')}</th><th>{t('tokens.created')}</th><th>{t('tokens.used')}</th><th /></tr></thead>
            <tbody>{tokens.map((k) => <tr key={k.id}><td class="main"><b>{k.name}</b></td><td class="cap">{tn('role', k.role)}</td><td data-label={t('tokens.created')}><Time at={k.created_at} /></td><td data-label={t('tokens.used')}>{k.last_used_at ? <Time at={k.last_used_at} /> : <span class="dim">{t('never')}</span>}</td>
              <td class="right"><Remove name={k.name} path={`/api/v1/tokens/${k.id}`} onDone={from.reload} /></td></tr>)}</tbody>
          </table>
        )}
      </Await>
      {adding && <AddToken onClose={() => add(false)} onDone={from.reload} />}
    </Card>
  );
}

export function Settings({ tab }: { tab: string }) {
  const who = useStore(session);
  const admin = may.administer(who);
  return (
    <div class="page">
      <PageHead title={t('nav.settings')} />
      <Tabs label={t('nav.settings')} now={tab} onPick={(id) => navigate(id === 'about' ? '/settings' : `/settings/${id}`)}
        tabs={[{ id: 'about', label: t('settings.about') }, { id: 'sources', label: t('settings.sources') },
          { id: 'targets', label: t('settings.targets') }, { id: 'rules', label: t('settings.rules') }, ...(admin ? [{ id: 'access', label: t('settings.access') }] : [])]} />
      {tab === 'sources' ? (
        <div class="stack wide-gap">
          <Card title={t('settings.sources.card')} tools={<CopyCurl path="/api/v1/sources" />}><Sources /></Card>
          <div class="two">
            <Card title={t('service.found')} tools={<CopyCurl path="/api/v1/services" />}><FoundServices /></Card>
            <Card title={t('settings.receivers')} tools={<CopyCurl path="/api/v1/receivers" />}><Receivers /></Card>
          </div>
        </div>
      ) : tab === 'targets' ? <TargetsView /> : tab === 'rules' ? <RulesView /> : tab === 'access' ? <div class="stack wide-gap"><Users /><Tokens /></div> : <About />}
    </div>
  );
}
