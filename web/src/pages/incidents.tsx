// incidents.tsx - all incidents; filters live in the address.
import { t, tn } from '../i18n/index.ts';
import { query } from '../lib/api.ts';
import { useData } from '../lib/data.ts';
import { Link, navigate, setQuery, usePlace } from '../lib/router.tsx';
import { PageHead } from '../shell/shell.tsx';
import { Age, Await, Button, Card, CopyCurl, Empty, Tabs, Time } from '../ui/basics.tsx';
import { IncidentStatus, SeverityPill } from '../ui/status.tsx';
import type { Incident } from '../types.ts';

const SEVERITIES = ['critical', 'high', 'medium', 'low', 'info'] as const;
const PAGE = 50;
const MOST = 500;

function fits(incident: Incident, status: string, text: string): boolean {
  if (status === 'open' && incident.status === 'resolved') return false;
  if (status !== 'open' && status !== 'all' && incident.status !== status) return false;
  return !text || `${incident.title} ${incident.resource ?? ''} ${incident.owner ?? ''}`.toLowerCase().includes(text.toLowerCase());
}

export function Incidents() {
  const { query: place } = usePlace();
  const status = place.get('status') ?? 'open';
  const severity = place.get('severity') ?? '';
  const text = place.get('q') ?? '';
  const limit = Math.min(MOST, Number(place.get('limit')) || PAGE);
  const path = '/api/v1/incidents' + query({ severity, limit, status: ['acknowledged', 'healing', 'resolved'].includes(status) ? status : '' });
  const from = useData<{ total: number; incidents: Incident[]; next_cursor?: string | null }>(path, { on: ['incident', 'alert', 'execution'], every: 30_000 });
  return (
    <div class="page">
      <PageHead title={t('nav.incidents')} lead={t('incidents.lead')}><Link class="button plain small" to="/settings/rules">{t('settings.rules')}</Link><CopyCurl path={path} /></PageHead>
      <div class="filters">
        <Tabs label={t('incident.status')} now={status} onPick={(id) => setQuery({ status: id === 'open' ? null : id })}
          tabs={[{ id: 'open', label: t('incidents.open') }, { id: 'acknowledged', label: t('incident.status.acknowledged') }, { id: 'healing', label: t('incident.status.healing') }, { id: 'resolved', label: t('incident.status.resolved') }, { id: 'all', label: t('all') }]} />
        <select aria-label={t('severity')} value={severity} onChange={(e) => setQuery({ severity: e.currentTarget.value })}>
          <option value="">{t('severity.any')}</option>
          {SEVERITIES.map((s) => <option key={s} value={s}>{tn('severity', s)}</option>)}
        </select>
        <input type="search" aria-label={t('filter')} placeholder={t('filter')} value={text} onInput={(e) => setQuery({ q: e.currentTarget.value })} />
      </div>
      <Card class="flush">
        <Await from={from} rows={8}>
          {({ incidents, total }) => {
            const list = incidents.filter((i) => fits(i, status, text));
            if (list.length === 0) {
              return status === 'open' && !severity && !text
                ? <Empty icon="check" title={t('incidents.none')} action={<Button onClick={() => setQuery({ status: 'all' })}>{t('incidents.all')}</Button>}>{t('incidents.none.text')}</Empty>
                : <Empty icon="search" title={t('incidents.nomatch')} action={<Button onClick={() => navigate('/incidents?status=all')}>{t('filter.clear')}</Button>}>{t('incidents.nomatch.text')}</Empty>;
            }
            return <>
              <table class="table stackable">
                <thead><tr><th>{t('severity')}</th><th>{t('incident')}</th><th>{t('status')}</th><th>{t('owner')}</th><th>{t('started')}</th><th class="right">{t('age')}</th></tr></thead>
                <tbody>
                  {list.map((i) => (
                    <tr key={i.id}>
                      <td><SeverityPill severity={i.severity} priority={i.priority} /></td>
                      <td class="main"><Link to={`/incidents/${i.id}`}>{i.title}</Link><span class="sub">{[i.resource, i.alerts ? t('incident.alerts.n', { n: i.alerts }) : null].filter(Boolean).join(' · ')}</span></td>
                      <td><IncidentStatus status={i.status} /></td>
                      <td>{i.owner || <span class="dim">{t('owner.none')}</span>}</td>
                      <td><Time at={i.started_at} /></td>
                      <td class="right num"><Age at={i.started_at} until={i.resolved_at} /></td>
                    </tr>
                  ))}
                </tbody>
              </table>
              <div class="table-foot">
                <span>{t('shown', { n: list.length, total })}</span>
                {total > incidents.length && limit < MOST && <Button small onClick={() => setQuery({ limit: String(Math.min(MOST, limit * 2)) })}>{t('more')}</Button>}
              </div>
            </>;
          }}
        </Await>
      </Card>
    </div>
  );
}
