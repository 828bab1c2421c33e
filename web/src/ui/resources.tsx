// resources.tsx - the tile map: every resource with its health, what is ill first; a resource's own charts in a drawer.
import { t, tn } from '../i18n/index.ts';
import { useData } from '../lib/data.ts';
import { setQuery, usePlace } from '../lib/router.tsx';
import type { Resource } from '../types.ts';
import { Await, Dialog, Empty, Tabs, Term } from './basics.tsx';
import { HostCharts, MetricChart } from './metrics.tsx';
import type { IconName } from './icons.tsx';
import { Icon } from './icons.tsx';
import { HealthPill, healthTone, Shape } from './status.tsx';

const icons: Record<string, IconName> = {
  host: 'host', disk: 'disk', filesystem: 'disk', network: 'network', process: 'process',
  container: 'container', service: 'service', systemd_unit: 'service', redis_instance: 'redis',
};

export const kindIcon = (kind: string): IconName => icons[kind] ?? 'target';

const order = ['host', 'redis_instance', 'service', 'systemd_unit', 'filesystem', 'disk', 'network', 'container', 'process'];
const badness = { critical: 0, warning: 1, unknown: 2, ok: 3 } as Record<string, number>;

/* Past so many of a kind, tiles shrink to their shape; what is ill keeps its name. */
const NAMED = 12;

function groups(resources: Resource[]): [string, Resource[]][] {
  const byKind = new Map<string, Resource[]>();
  for (const r of resources) byKind.set(r.kind, [...(byKind.get(r.kind) ?? []), r]);
  const rank = (kind: string) => (order.indexOf(kind) + order.length + 1) % (order.length + 1);
  return [...byKind]
    .sort(([a], [b]) => rank(a) - rank(b))
    .map(([kind, list]) => [kind, list.sort((a, b) => (badness[a.health] ?? 2) - (badness[b.health] ?? 2) || a.name.localeCompare(b.name, undefined, { numeric: true }))]);
}

function Tile({ resource, small }: { resource: Resource; small: boolean }) {
  const word = tn('health', resource.health);
  const said = `${resource.name}: ${word}${resource.detail ? `, ${resource.detail}` : ''}`;
  return (
    <button type="button" class={`tile ${small ? 'tiny' : ''} tone-${healthTone(resource.health)}`} title={said} aria-label={said}
      onClick={() => setQuery({ resource: resource.id })}>
      <Shape tone={healthTone(resource.health)} size={small ? 12 : 14} />
      {!small && <span class="tile-text"><b>{resource.name}</b>{resource.detail && <span>{resource.detail}</span>}</span>}
    </button>
  );
}

export function TileMap({ resources }: { resources: Resource[] }) {
  if (resources.length === 0) return <Empty icon="host" title={t('tiles.empty')}>{t('tiles.empty.text')}</Empty>;
  return (
    <div class="tiles">
      {groups(resources).map(([kind, list]) => {
        const ill = list.filter((r) => r.health !== 'ok').length;
        const compact = list.length > NAMED;
        return (
          <div class={`tile-group of-${list.length}`} key={kind}>
            <h3><Icon name={kindIcon(kind)} size={16} />{tn('kind', kind)}<span class="count">{list.length}</span>{ill > 0 && <span class="ill">{t('tiles.ill', { n: ill })}</span>}</h3>
            <div class={compact ? 'tile-grid tight' : 'tile-grid'}>
              {list.map((r) => <Tile key={r.id} resource={r} small={compact && r.health !== 'critical' && r.health !== 'warning'} />)}
            </div>
          </div>
        );
      })}
    </div>
  );
}

function Golden({ resource, minutes }: { resource: Resource; minutes: number }) {
  const { labels, kind } = resource;
  const device = labels.device ?? resource.name;
  if (kind === 'host') return <HostCharts minutes={minutes} />;
  if (kind === 'network') {
    return <>
      <MetricChart minutes={minutes} metric="node_network_receive_bytes_total" rate labels={{ device }} title={t('metric.receive')} fill />
      <MetricChart minutes={minutes} metric="node_network_transmit_bytes_total" rate labels={{ device }} title={t('metric.transmit')} fill />
    </>;
  }
  if (kind === 'disk') {
    return <>
      <MetricChart minutes={minutes} metric="node_disk_read_bytes_total" rate labels={{ device }} title={t('metric.read')} fill />
      <MetricChart minutes={minutes} metric="node_disk_written_bytes_total" rate labels={{ device }} title={t('metric.written')} fill />
      <MetricChart minutes={minutes} metric="node_disk_io_time_seconds_total" rate labels={{ device }} title={t('metric.iotime')} fill />
    </>;
  }
  if (kind === 'filesystem') {
    const mountpoint = labels.mountpoint ?? resource.name;
    return <>
      <MetricChart minutes={minutes} metric="node_filesystem_avail_bytes" labels={{ mountpoint }} title={t('metric.fsavail')} fill />
      <MetricChart minutes={minutes} metric="node_filesystem_files_free" labels={{ mountpoint }} title={t('metric.inodes')} fill />
    </>;
  }
  if (kind === 'redis_instance') {
    return <>
      <MetricChart minutes={minutes} resource={resource.id} metric="redis_memory_used_bytes" title={t('metric.redis.memory')} fill />
      <MetricChart minutes={minutes} resource={resource.id} metric="redis_connected_clients" title={t('metric.redis.clients')} fill />
      <MetricChart minutes={minutes} resource={resource.id} metric="redis_commands_processed_total" rate title={t('metric.redis.ops')} fill />
    </>;
  }
  return <p class="dim">{t('resource.nocharts')}</p>;
}

const RANGES = ['15', '60', '360', '1440'] as const;

/* ResourceDrawer - what is known of one resource; its address is /?resource=ID. */
export function ResourceDrawer({ id }: { id: string }) {
  const from = useData<{ resources: Resource[] }>('/api/v1/resources', { on: ['alert', 'incident'] });
  const { query } = usePlace();
  const minutes = RANGES.find((r) => r === query.get('range')) ?? '60';
  const close = () => setQuery({ resource: null, range: null });
  const resource = from.data?.resources.find((r) => r.id === id);
  return (
    <Dialog wide title={resource?.name ?? id} onClose={close}>
      <Await from={from}>
        {() => resource ? (
          <div class="stack">
            <dl class="terms">
              <Term name={t('resource.health')}><HealthPill health={resource.health} /></Term>
              <Term name={t('resource.kind')}>{tn('kind', resource.kind)}</Term>
              <Term name={t('owner')}>{resource.owner || <span class="dim">{t('owner.none')}</span>}</Term>
              {resource.detail && <Term name={t('detail')}>{resource.detail}</Term>}
            </dl>
            <div class="labels">{Object.entries(resource.labels).map(([k, v]) => <code key={k}>{k}={v}</code>)}</div>
            <Tabs label={t('range')} now={minutes} onPick={(r) => setQuery({ range: r === '60' ? null : r })}
              tabs={RANGES.map((r) => ({ id: r, label: t(`range.${r}`) }))} />
            <div class="chart-grid"><Golden resource={resource} minutes={Number(minutes)} /></div>
          </div>
        ) : <Empty icon="target" title={t('resource.gone')}>{t('resource.gone.text', { id })}</Empty>}
      </Await>
    </Dialog>
  );
}
