// stop.tsx - the red switch: while it is engaged nothing starts; requests and approvals are kept.
import { useState } from 'preact/hooks';
import { t } from '../i18n/index.ts';
import { api } from '../lib/api.ts';
import { useTask } from '../lib/data.ts';
import { Button, CopyCurl, Dialog, Field, ProblemNote } from '../ui/basics.tsx';

export function StopDialog({ engaged, onClose, onDone }: { engaged: boolean; onClose: () => void; onDone: () => void }) {
  const [reason, setReason] = useState('');
  const task = useTask();
  const body = { engaged: !engaged, reason: reason.trim() };
  const send = (event: Event) => {
    event.preventDefault();
    void task.run(() => api('/api/v1/stop', { method: 'POST', body }).then(onDone));
  };
  return (
    <Dialog title={engaged ? t('stop.release.title') : t('stop.title')} onClose={onClose}>
      <form onSubmit={send} class="stack">
        <p>{engaged ? t('stop.release.text') : t('stop.text')}</p>
        <Field label={t('reason')} hint={t('stop.reason.hint')}>
          <input name="reason" required maxLength={500} autoFocus value={reason} onInput={(e) => setReason(e.currentTarget.value)} />
        </Field>
        {task.error && <ProblemNote error={task.error} />}
        <div class="row end">
          <CopyCurl path="/api/v1/stop" method="POST" body={body} />
          <Button onClick={onClose}>{t('cancel')}</Button>
          <Button kind={engaged ? 'primary' : 'danger'} type="submit" busy={task.busy} disabled={!reason.trim()}>
            {engaged ? t('stop.release') : t('stop.engage')}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
