// events.tsx - one stream of what happened: anomalies, alerts, changes, people and actions, newest first.
import { person, t, tn } from '../i18n/index.ts';
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

type Sort = { tone: string; icon: IconName };

/* By whole kind first, then by its first word; a kind that came later in the product's life is neutral. */
const sorts: Record<string, Sort> = {
  'alert': { tone: 'high', icon: 'bell' },
  'alert.resolved': { tone: 'ok', icon: 'check' },
  'alert.acknowledged': { tone: 'info', icon: 'user' },
  'anomaly': { tone: 'high', icon: 'now' },
  'anomaly.closed': { tone: 'ok', icon: 'check' },
  'auth': { tone: 'info', icon: 'user' },
  'auth.login_failed': { tone: 'medium', icon: 'user' },
  'change': { tone: 'low', icon: 'refresh' },
  'config': { tone: 'info', icon: 'settings' },
  'config.rejected': { tone: 'critical', icon: 'settings' },
  'connection': { tone: 'info', icon: 'link' },
  'execution': { tone: 'accent', icon: 'actions' },
  'execution.approved': { tone: 'ok', icon: 'shield' },
  'execution.interrupted': { tone: 'critical', icon: 'actions' },
  'execution.proposed': { tone: 'medium', icon: 'shield' },
  'execution.refused': { tone: 'medium', icon: 'actions' },
  'execution.rejected': { tone: 'info', icon: 'shield' },
  'incident': { tone: 'high', icon: 'incidents' },
  'incident.acknowledged': { tone: 'info', icon: 'user' },
  'incident.assigned': { tone: 'info', icon: 'user' },
  'incident.changed': { tone: 'info', icon: 'incidents' },
  'incident.note': { tone: 'info', icon: 'note' },
  'incident.resolved': { tone: 'ok', icon: 'check' },
  'journal': { tone: 'critical', icon: 'incidents' },
  'notification': { tone: 'info', icon: 'out' },
  'notification.failed': { tone: 'critical', icon: 'out' },
  'rca': { tone: 'accent', icon: 'target' },
  'server': { tone: 'info', icon: 'host' },
  'signal': { tone: 'medium', icon: 'predictions' },
  'signal.cleared': { tone: 'ok', icon: 'check' },
  'stop': { tone: 'critical', icon: 'incidents' },
  'stop.released': { tone: 'info', icon: 'undo' },
};

const sortOf = (kind: string): Sort => sorts[kind] ?? sorts[kind.split('.')[0]!] ?? { tone: 'info', icon: 'clock' };

export function Stream({ items, linked = false }: { items: StreamItem[]; linked?: boolean }) {
  /* It scrolls where it is long: the keys reach it, by its links or by itself. */
  return (
    <ol class="stream" tabIndex={linked ? undefined : 0}>
      {items.map((item) => {
        const sort = sortOf(item.kind);
        return (
          <li key={item.event_id}>
            <span class={`stream-icon tone-${sort.tone}`} title={tn('event', item.kind)}><Icon name={sort.icon} size={14} /><span class="off-screen">{tn('event', item.kind)}: </span></span>
            <div>
              <p>{linked && item.incident_id ? <Link to={`/incidents/${item.incident_id}`}>{item.text}</Link> : item.text}</p>
              <span class="stream-meta"><Time at={item.time} />{item.actor && <> · {t('by', { who: person(item.actor) })}</>}</span>
            </div>
          </li>
        );
      })}
    </ol>
  );
}
