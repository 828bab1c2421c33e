// guide.tsx - the first start: four lights that turn green by themselves, each with what to do for it.
import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';
import { t } from '../i18n/index.ts';
import { useData } from '../lib/data.ts';
import { Link } from '../lib/router.tsx';
import { remember, useStore } from '../lib/store.ts';
import { nowFailure, nowState, PageHead } from '../shell/shell.tsx';
import { Await, ProblemNote, Skeleton } from '../ui/basics.tsx';
import { Shape } from '../ui/status.tsx';
import { FoundServices, Receivers, Snippets } from './connect.tsx';
import { guideSteps } from './now.tsx';
import { Vitals } from '../ui/metrics.tsx';
import type { Resource } from '../types.ts';

function Step({ n, done, title, text, children }: { n: number; done: boolean; title: string; text: string; children: ComponentChildren }) {
  return (
    <li class={`step ${done ? 'done' : ''}`}>
      <span class="step-light">{done ? <Shape tone="ok" size={28} /> : <span class="step-n">{n}</span>}</span>
      <div class="step-body">
        <h2>{title}<span class="step-state" aria-live="polite">{done ? t('guide.done') : t('guide.waiting')}</span></h2>
        <p class="lead">{text}</p>
        {children}
      </div>
    </li>
  );
}

export function Guide() {
  const now = useStore(nowState);
  const failure = useStore(nowFailure);
  const resources = useData<{ resources: Resource[] }>('/api/v1/resources', { every: 5000 });
  useEffect(() => remember('guide', 'seen'), []);
  const guide = now?.guide;
  if (!guide) return failure ? <ProblemNote error={failure.error} retry={failure.retry} /> : <Skeleton rows={8} />;
  const host = resources.data?.resources.find((r) => r.kind === 'host');
  return (
    <div class="page narrow">
      <PageHead title={t('guide.title')} lead={t('guide.lead')}>
        <Link class="button primary" to="/">{guideSteps(guide) === 4 ? t('guide.finish') : t('guide.skip')}</Link>
      </PageHead>
      <ol class="steps">
        <Step n={1} done={guide.host} title={t('guide.host')} text={t('guide.host.text')}>
          <Await from={resources} rows={2}>{() => <Vitals resource={host?.id} />}</Await>
        </Step>
        <Step n={2} done={guide.service} title={t('guide.service')} text={t('guide.service.text')}><FoundServices /></Step>
        <Step n={3} done={guide.telemetry} title={t('guide.telemetry')} text={t('guide.telemetry.text')}><Snippets /></Step>
        <Step n={4} done={guide.receiver} title={t('guide.receiver')} text={t('guide.receiver.text')}><Receivers /></Step>
      </ol>
    </div>
  );
}
