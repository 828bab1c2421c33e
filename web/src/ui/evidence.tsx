// evidence.tsx - what a conclusion rests on; a metric opens as a chart on the spot.
import { useState } from 'preact/hooks';
import { t, words } from '../i18n/index.ts';
import { percent, quantity, unitOf } from '../lib/format.ts';
import type { Evidence, Labels } from '../types.ts';
import { Meter } from './basics.tsx';
import { Icon } from './icons.tsx';
import { MetricChart } from './metrics.tsx';

function EvidenceRow({ evidence, of }: { evidence: Evidence | string; of?: Labels }) {
  const [open, setOpen] = useState(false);
  if (typeof evidence === 'string') return <li>{evidence}</li>;
  const { text, metric, value } = evidence;
  const labels = evidence.labels ?? of;
  return (
    <li>
      <span>{text}{value !== null && value !== undefined && metric && !/\d/.test(text) && <b> {quantity(value, unitOf(metric), words())}</b>}</span>
      {metric && (
        <button type="button" class="evidence-metric" aria-expanded={open} onClick={() => setOpen(!open)}>
          <Icon name="predictions" size={14} /><code>{metric}</code>
        </button>
      )}
      {open && metric && <MetricChart metric={metric} {...(labels ? { labels } : {})} rate={/_total$/.test(metric)} minutes={60} title={metric} height={150} />}
    </li>
  );
}

/* of: the labels of the thing that is judged, for evidence that names a metric alone. */
export function EvidenceList({ items, of }: { items: (Evidence | string)[]; of?: Labels }) {
  if (items.length === 0) return <p class="dim small">{t('evidence.none')}</p>;
  return <ul class="evidence">{items.map((e, i) => <EvidenceRow key={i} evidence={e} {...(of ? { of } : {})} />)}</ul>;
}

export function Cause({ rank, title, where, confidence, evidence, of }: { rank: number; title: string; where?: string | null; confidence: number; evidence: (Evidence | string)[]; of?: Labels }) {
  const said = `${t('confidence')} ${percent(confidence, words().lang)}`;
  return (
    <li class="cause">
      <span class="cause-rank" aria-hidden="true">{rank}</span>
      <div>
        <p class="cause-title"><b>{title}</b>{where && <span class="target">{where}</span>}</p>
        <div class="cause-confidence"><Meter value={confidence} tone="accent" label={said} /><span>{said}</span></div>
        <EvidenceList items={evidence} {...(of ? { of } : {})} />
      </div>
    </li>
  );
}
