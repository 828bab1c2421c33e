// palette.tsx - search over everything that has a page: '/' or Ctrl+K, arrows, Enter.
import { useState } from 'preact/hooks';
import { t, tn } from '../i18n/index.ts';
import { query } from '../lib/api.ts';
import { useData } from '../lib/data.ts';
import { navigate } from '../lib/router.tsx';
import { rank } from '../lib/text.ts';
import { Dialog, Skeleton } from '../ui/basics.tsx';
import { Icon, type IconName } from '../ui/icons.tsx';
import { kindIcon } from '../ui/resources.tsx';
import type { Action, Connection, Incident, Resource } from '../types.ts';
import { PAGES } from './shell.tsx';

interface Hit { to: string; icon: IconName; name: string; more: string }

const SHOWN = 12;

export function Palette({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const incidents = useData<{ incidents: Incident[] }>('/api/v1/incidents' + query({ limit: 100 }));
  const resources = useData<{ resources: Resource[] }>('/api/v1/resources');
  const actions = useData<{ actions: Action[] }>('/api/v1/actions');
  const redis = useData<{ connections: Connection[] }>('/api/v1/monitor/status');

  const all: Hit[] = [
    ...PAGES.map((p) => ({ to: p.path, icon: p.icon, name: t(p.name), more: t('search.page') })),
    { to: '/settings/targets', icon: 'target', name: t('settings.targets'), more: t('nav.settings') },
    { to: '/settings/rules', icon: 'bell', name: t('settings.rules'), more: t('nav.settings') },
    ...(incidents.data?.incidents ?? []).map((i): Hit => ({ to: `/incidents/${i.id}`, icon: 'incidents', name: i.title, more: `${tn('severity', i.severity)} · ${tn('incident.status', i.status)}` })),
    ...(redis.data?.connections ?? []).map((c): Hit => ({ to: '/redis' + query({ instance: c.connection }), icon: 'redis', name: c.name || c.address, more: c.address })),
    ...(resources.data?.resources ?? []).map((r): Hit => ({ to: '/' + query({ resource: r.id }), icon: kindIcon(r.kind), name: r.name, more: tn('kind', r.kind) })),
    ...(actions.data?.actions ?? []).map((a): Hit => ({ to: '/actions' + query({ action: a.id }), icon: 'actions', name: a.id, more: a.doc })),
  ];
  const wanted = text.trim();
  const hits = (wanted
    ? all.map((hit) => ({ hit, score: rank(hit.name, wanted) ?? (rank(hit.more, wanted) !== null ? 3 : null) }))
      .filter((h): h is { hit: Hit; score: number } => h.score !== null)
      .sort((a, b) => a.score - b.score).map((h) => h.hit)
    : all).slice(0, SHOWN);
  const chosen = Math.min(at, Math.max(0, hits.length - 1));

  const go = (hit: Hit | undefined) => {
    if (!hit) return;
    onClose();
    navigate(hit.to);
  };
  const press = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setAt((chosen + 1) % Math.max(1, hits.length));
    else if (event.key === 'ArrowUp') setAt((chosen + hits.length - 1) % Math.max(1, hits.length));
    else if (event.key === 'Enter') go(hits[chosen]);
    /* A search field would only be emptied. */
    else if (event.key === 'Escape') onClose();
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title={t('search.title')} onClose={onClose}>
      <div class="palette">
        <input type="search" autoFocus role="combobox" aria-expanded="true" aria-controls="palette-hits" aria-label={t('search.title')}
          aria-activedescendant={hits.length ? `hit-${chosen}` : undefined} placeholder={t('search.placeholder')}
          value={text} onInput={(e) => { setText(e.currentTarget.value); setAt(0); }} onKeyDown={press} />
        {hits.length > 0 && (
          <ul id="palette-hits" role="listbox" aria-label={t('search.hits')}>
            {hits.map((hit, i) => (
              <li key={hit.to + hit.name} id={`hit-${i}`} role="option" aria-selected={i === chosen} onMouseMove={() => setAt(i)} onClick={() => go(hit)}>
                <Icon name={hit.icon} size={18} /><span class="hit-name">{hit.name}</span><span class="hit-more">{hit.more}</span>
              </li>
            ))}
          </ul>
        )}
        {hits.length === 0 && (resources.loading ? <Skeleton /> : <p class="dim pad">{t('search.nothing', { text: wanted })}</p>)}
      </div>
    </Dialog>
  );
}
