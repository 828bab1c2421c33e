// targets.tsx - what scrape_configs made this server ask for metrics: who answers, who doesn't and what was said.
import { useState } from 'preact/hooks';
import { t, tn, words } from '../i18n/index.ts';
import { query } from '../lib/api.ts';
import { useData } from '../lib/data.ts';
import { count, duration } from '../lib/format.ts';
import { seconds } from '../lib/promql.ts';
import { PROMETHEUS } from '../lib/prometheus.ts';
import { Link, setQuery, usePlace } from '../lib/router.tsx';
import { happened } from '../lib/rules.ts';
import { hasText, poolsOf, upOf, type Pool, type Target, type Targets } from '../lib/targets.ts';
import { Ago, Await, Button, Card, CopyCurl, Empty, Tabs } from '../ui/basics.tsx';
import { Icon } from '../ui/icons.tsx';
import { LabelList } from '../ui/labels.tsx';
import { Pill, type Tone } from '../ui/status.tsx';
import { Snippet } from './connect.tsx';

const PATH = PROMETHEUS + '/targets';
const ROWS = 100;
const EXAMPLE = `# auspex.yml
scrape_configs:
  - job_name: node
    scrape_interval: 15s
    static_configs:
      - targets: ["10.0.0.5:9100", "10.0.0.6:9100"]
        labels:
          team: web
`;

const tones: Record<Target['health'], Tone> = { up: 'ok', down: 'critical', unknown: 'unknown' };

function TargetRow({ target }: { target: Target }) {
  const at = happened(target.lastScrape);
  const every = seconds(target.scrapeInterval);
  const w = words();
  return (
    <tr>
      <td><Pill tone={tones[target.health] ?? 'unknown'}>{tn('target.health', target.health)}</Pill></td>
      <td class="main">
        <b class="mono">{target.scrapeUrl}</b>
        <LabelList labels={target.labels} />
        {target.lastError && <p class="bad small">{target.lastError}</p>}
      </td>
      <td data-label={t('target.last')}>{at ? <Ago at={at} /> : <span class="dim">{t('target.never')}</span>}</td>
      <td data-label={t('executions.took')} class="num right-wide">{at ? duration(target.lastScrapeDuration, w) : <span class="dim">{t('none')}</span>}</td>
      <td data-label={t('target.interval')} class="num right-wide">{every === null ? target.scrapeInterval : duration(every, w)}</td>
      <td class="right"><Link class="button plain small" to={'/explore' + query({ expr: upOf(target) })} aria-label={`${t('target.samples')}: ${target.scrapeUrl}`}>
        <Icon name="explore" size={16} /><span>{t('target.samples')}</span></Link></td>
    </tr>
  );
}

function PoolCard({ pool, shown }: { pool: Pool; shown: Target[] }) {
  const [all, setAll] = useState(false);
  const { lang } = words();
  const total = pool.targets.length;
  const rows = all ? shown : shown.slice(0, ROWS);
  return (
    <Card title={pool.name} class="flush" tools={<span class="facts small">
      {total > 0 && <Pill tone={pool.down ? 'critical' : pool.up === total ? 'ok' : 'unknown'}>{t('pool.up', { n: count(pool.up, lang), total: count(total, lang) })}</Pill>}
      {pool.dropped > 0 && <span title={t('pool.dropped.text')}>{t('pool.dropped', { n: count(pool.dropped, lang) })}</span>}
    </span>}>
      {total === 0
        ? <p class="dim pad">{pool.dropped ? t('pool.alldropped') : t('pool.empty')}</p>
        : <table class="table stackable targets">
          <thead><tr><th>{t('status')}</th><th>{t('target')}</th><th>{t('target.last')}</th><th class="right">{t('executions.took')}</th><th class="right">{t('target.interval')}</th><th /></tr></thead>
          <tbody>{rows.map((target) => <TargetRow key={target.scrapeUrl + upOf(target)} target={target} />)}</tbody>
        </table>}
      {shown.length > rows.length && (
        <div class="table-foot"><span>{t('shown', { n: rows.length, total: shown.length })}</span><Button small onClick={() => setAll(true)}>{t('explore.all')}</Button></div>
      )}
    </Card>
  );
}

export function TargetsView() {
  const { query: place } = usePlace();
  const from = useData<{ data: Targets }>(PATH, { every: 10_000 });
  const health = place.get('health') === 'down' ? 'down' : 'all';
  const text = place.get('q') ?? '';
  return (
    <Await from={from} rows={8}>
      {({ data }) => {
        const pools = poolsOf(data);
        if (pools.length === 0) {
          return <Card><Empty icon="target" title={t('targets.none')} action={<div class="example-file"><Snippet text={EXAMPLE} /></div>}>{t('targets.none.text')}</Empty></Card>;
        }
        const total = (of: (pool: Pool) => number) => pools.reduce((sum, pool) => sum + of(pool), 0);
        const fit = pools.map((pool) => ({ pool, shown: pool.targets.filter((target) => (health === 'all' || target.health === health) && hasText(target, text)) }))
          .filter(({ pool, shown }) => shown.length > 0 || (health === 'all' && !text && pool.targets.length === 0));
        return (
          <div class="stack wide-gap">
            <div class="filters">
              <Tabs label={t('status')} now={health} onPick={(id) => setQuery({ health: id === 'all' ? null : id })}
                tabs={[{ id: 'all', label: t('all'), count: total((p) => p.targets.length) }, { id: 'down', label: t('targets.unhealthy'), count: total((p) => p.down) }]} />
              <input type="search" aria-label={t('filter')} placeholder={t('filter')} value={text} onInput={(e) => setQuery({ q: e.currentTarget.value })} />
              <span class="spread" /><CopyCurl path={PATH} />
            </div>
            {fit.length === 0
              ? <Card>{health === 'down' && !text
                ? <Empty icon="check" title={t('targets.healthy')} action={<Button onClick={() => setQuery({ health: null })}>{t('targets.all')}</Button>}>{t('targets.healthy.text')}</Empty>
                : <Empty icon="search" title={t('incidents.nomatch')} action={<Button onClick={() => setQuery({ health: null, q: null })}>{t('filter.clear')}</Button>}>{t('incidents.nomatch.text')}</Empty>}</Card>
              : fit.map(({ pool, shown }) => <PoolCard key={pool.name} pool={pool} shown={shown} />)}
          </div>
        );
      }}
    </Await>
  );
}
