// events.tsx - one stream of what happened: anomalies, alerts, changes, people and actions, newest first.
import { t, tn } from '../i18n/index.ts';
import { Link } from '../lib/router.tsx';
import { Time } from './basics.tsx';
import { Icon, type IconName } from './icons.tsx';

export interface StreamItem {
  event_id: number;
  time: string;
  kind: string;
  text: string;
  actor: string | null;
  incident_id?: string | number | null;
}

/* The first word of a kind tells what sort of thing happened; words that came later in the product's life fall to the last row. */
const sorts: [RegExp, string, IconName][] = [
  [/resolved|fixed|recovered|closed|verified/, 'ok', 'check'],
  [/^(stop)/, 'critical', 'incidents'],
  [/not_fixed|failed|refused|interrupted/, 'critical', 'actions'],
  [/^(approval)/, 'medium', 'shield'],
  [/^(action|execution|prevent|remediation|plan)/, 'accent', 'actions'],
  [/^(incident)/, 'high', 'incidents'],
  [/^(alert|anomaly|threshold)/, 'high', 'bell'],
  [/^(signal|prediction)/, 'medium', 'predictions'],
  [/^(rca|diagnosis)/, 'accent', 'target'],
  [/^(notif|message|delivery|outbox)/, 'info', 'bell'],
  [/^(user|login|session|token|password|auth)/, 'info', 'user'],
  [/^(note|comment)/, 'info', 'note'],
  [/^(redis|monitor|connection)/, 'info', 'redis'],
];

export function sortOf(kind: string): { tone: string; icon: IconName } {
  const known = kind.toLowerCase().replaceAll('.', '_');
  const found = sorts.find(([pattern]) => pattern.test(known));
  return found ? { tone: found[1], icon: found[2] } : { tone: 'info', icon: 'clock' };
}

export function Stream({ items, linked = false }: { items: StreamItem[]; linked?: boolean }) {
  return (
    <ol class="stream">
      {items.map((item) => {
        const sort = sortOf(item.kind);
        return (
          <li key={item.event_id}>
            <span class={`stream-icon tone-${sort.tone}`} title={tn('event', item.kind)}><Icon name={sort.icon} size={14} /></span>
            <div>
              <p>{linked && item.incident_id ? <Link to={`/incidents/${item.incident_id}`}>{item.text}</Link> : item.text}</p>
              <span class="stream-meta"><Time at={item.time} />{item.actor && <> · {t('by', { who: item.actor })}</>}</span>
            </div>
          </li>
        );
      })}
    </ol>
  );
}
