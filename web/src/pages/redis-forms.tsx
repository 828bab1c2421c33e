// redis-forms.tsx - connect to an instance.
import { useState } from 'preact/hooks';
import { t } from '../i18n/index.ts';
import { api } from '../lib/api.ts';
import { useTask } from '../lib/data.ts';
import { Button, CopyCurl, Dialog, Field, ProblemNote } from '../ui/basics.tsx';

export function AddRedis({ onClose, onDone }: { onClose: () => void; onDone: (id: string) => void }) {
  const [f, setF] = useState({ host: '127.0.0.1', port: '6379', username: '', password: '', db: '0', name: '', tls: false, test: false });
  const task = useTask();
  const text = (key: 'host' | 'port' | 'username' | 'password' | 'db' | 'name') => ({ name: key, value: f[key], onInput: (e: { currentTarget: HTMLInputElement }) => setF({ ...f, [key]: e.currentTarget.value }) });
  const body = {
    host: f.host.trim(), port: Number(f.port), db: Number(f.db), tls: f.tls, test: f.test, start: true,
    ...(f.username ? { username: f.username } : {}), ...(f.password ? { password: f.password } : {}), ...(f.name ? { name: f.name } : {}),
  };
  const send = () => task.run(async () => {
    const made = await api<{ connection: string }>('/api/v1/monitor/connect', { method: 'POST', body });
    onDone(made.connection);
  });
  return (
    <Dialog title={t('redis.add')} onClose={onClose}>
      <form class="stack" onSubmit={(e) => { e.preventDefault(); void send(); }}>
        <div class="fields">
          <Field label={t('redis.host')}><input class="mono" required autoFocus {...text('host')} /></Field>
          <Field label={t('redis.port')}><input class="mono" type="number" min={1} max={65535} required {...text('port')} /></Field>
          <Field label={t('user')} hint={t('optional')}><input autoComplete="off" {...text('username')} /></Field>
          <Field label={t('password')} hint={t('optional')}><input type="password" autoComplete="off" {...text('password')} /></Field>
          <Field label={t('redis.db')}><input class="mono" type="number" min={0} required {...text('db')} /></Field>
          <Field label={t('name')} hint={t('optional')}><input {...text('name')} /></Field>
        </div>
        <label class="check"><input type="checkbox" checked={f.tls} onChange={(e) => setF({ ...f, tls: e.currentTarget.checked })} /><span>TLS</span></label>
        <label class="check"><input type="checkbox" checked={f.test} onChange={(e) => setF({ ...f, test: e.currentTarget.checked })} /><span>{t('redis.test')}</span></label>
        {task.error && <ProblemNote error={task.error} />}
        <div class="row end">
          <CopyCurl path="/api/v1/monitor/connect" method="POST" body={{ ...body, ...(f.password ? { password: '...' } : {}) }} />
          <Button onClick={onClose}>{t('cancel')}</Button>
          <Button kind="primary" type="submit" busy={task.busy}>{t('redis.connect')}</Button>
        </div>
      </form>
    </Dialog>
  );
}
