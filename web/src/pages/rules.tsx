// rules.tsx - the rules of rule_files: which fire, since when, on which value, and which cannot be evaluated.
import { useState } from 'preact/hooks';
import { t, tn, words } from '../i18n/index.ts';
import { query } from '../lib/api.ts';
import { useData } from '../lib/data.ts';
import { duration, quantity, unitOf } from '../lib/format.ts';
import { PROMETHEUS } from '../lib/prometheus.ts';
import { isRate, keepsUnit, metricOf } from '../lib/promql.ts';
import { Link, setQuery, usePlace } from '../lib/router.tsx';
import { alertsOf, fits, happened, inOrder, isOurs, VIEWS, type Rule, type RuleAlert, type RuleGroup, type RuleState, type View } from '../lib/rules.ts';
import { Age, Ago, Await, Button, Card, CopyCurl, Empty, Tabs } from '../ui/basics.tsx';
import { Icon } from '../ui/icons.tsx';
import { LabelList } from '../ui/labels.tsx';
import { Pill, type Tone } from '../ui/status.tsx';
import { Snippet } from './connect.tsx';

const PATH = PROMETHEUS + '/rules';
const ALERTS = 20;
const EXAMPLE = `# auspex.yml
rule_files:
  - rules/*.yml

# rules/targets.yml
groups:
  - name: targets
    rules:
      - alert: TargetDown
        expr: up == 0
        for: 5m
        labels:
          severity: critical
        annotations:
          summary: "{{ $labels.instance }} does not answer"
`;

const tones: Record<RuleState, Tone> = { firing: 'critical', pending: 'medium', inactive: 'ok' };

function StatePill({ state }: { state: RuleState }) {
  return <Pill tone={tones[state] ?? 'unknown'}>{tn('alert.status', state)}</Pill>;
}

function Evaluated({ of, every }: { of: Rule | RuleGroup; every?: number }) {
  const at = happened(of.lastEvaluation);
  const w = words();
  return (
    <span class="cost">
      {every !== undefined && <span>{t('rules.every', { time: duration(every, w) })}</span>}
      {at ? <><span>{t('rules.evaluated')} <Ago at={at} /></span><span>{t('explore.took', { time: duration(of.evaluationTime, w) })}</span></> : every !== undefined && <span>{t('rules.waiting')}</span>}
    </span>
  );
}

/* An alert's value: a number with the metric's unit where the expression keeps it. */
function valueOf(alert: RuleAlert, expr: string): string {
  const value = Number(alert.value);
  return Number.isFinite(value) ? quantity(value, keepsUnit(expr) ? unitOf(metricOf(expr), isRate(expr)) : 'count', words()) : alert.value;
}

function Alerts({ rule }: { rule: Rule }) {
  const [all, setAll] = useState(false);
  const alerts = alertsOf(rule);
  if (alerts.length === 0) return null;
  const shown = all ? alerts : alerts.slice(0, ALERTS);
  /* What all of them have says nothing about one. */
  const common = ['alertname', ...Object.keys(rule.labels).filter((name) => alerts.every((a) => a.labels[name] === rule.labels[name]))];
  return (
    <div class="rule-alerts">
      <table class="table stackable">
        <thead><tr><th>{t('status')}</th><th>{t('alert')}</th><th class="right">{t('value')}</th><th class="right">{t('rules.since')}</th></tr></thead>
        <tbody>{shown.map((alert) => (
          <tr key={JSON.stringify(alert.labels)}>
            <td><StatePill state={alert.state} /></td>
            <td class="main">{alert.annotations['summary'] && <span class="rule-summary">{alert.annotations['summary']}</span>}<LabelList labels={alert.labels} but={common} /></td>
            <td class="right num" data-label={t('value')} title={alert.value}>{valueOf(alert, rule.query)}</td>
            <td class="right num" data-label={t('rules.since')}><Age at={alert.activeAt} /></td>
          </tr>
        ))}</tbody>
      </table>
      {alerts.length > shown.length && (
        <div class="table-foot"><span>{t('shown', { n: shown.length, total: alerts.length })}</span><Button small onClick={() => setAll(true)}>{t('explore.all')}</Button></div>
      )}
    </div>
  );
}

function RuleItem({ rule }: { rule: Rule }) {
  const w = words();
  const annotations = Object.entries(rule.annotations ?? {});
  return (
    <li class="rule">
      <div class="rule-head">
        {rule.health === 'unknown' ? <Pill tone="unknown">{t('rules.waiting')}</Pill> : rule.state ? <StatePill state={rule.state} /> : <Pill tone="info">{t('rules.recording')}</Pill>}
        <b>{rule.name}</b>
        {rule.health === 'err' && <Pill tone="high">{t('rules.broken')}</Pill>}
        <span class="spread" /><Evaluated of={rule} />
      </div>
      {rule.lastError && <p class="bad small rule-error">{rule.lastError}</p>}
      <Link class="example rule-query" to={'/explore' + query({ expr: rule.query })} title={t('rules.explore')}><code>{rule.query}</code><Icon name="explore" size={16} /></Link>
      <div class="facts small">
        {!!rule.duration && <span>{t('rules.for')} <b>{duration(rule.duration, w)}</b></span>}
        {!!rule.keepFiringFor && <span>{t('rules.keep')} <b>{duration(rule.keepFiringFor, w)}</b></span>}
        <LabelList labels={rule.labels} />
      </div>
      {annotations.length > 0 && <dl class="rule-annotations">{annotations.map(([name, text]) => <div key={name}><dt>{name}</dt><dd>{text}</dd></div>)}</dl>}
      <Alerts rule={rule} />
    </li>
  );
}

export function RulesView() {
  const { query: place } = usePlace();
  const from = useData<{ data: { groups: RuleGroup[] } }>(PATH, { every: 10_000, on: ['alert'] });
  const view: View = VIEWS.find((v) => v === place.get('state')) ?? 'all';
  const text = place.get('q') ?? '';
  return (
    <Await from={from} rows={8}>
      {({ data: { groups } }) => {
        const fit = inOrder(groups).map((group) => ({ group, rules: group.rules.filter((rule) => fits(rule, view, text)) })).filter(({ rules }) => rules.length > 0);
        const tabs = VIEWS.map((id) => ({ id, label: t(`rules.${id}`), count: groups.reduce((sum, group) => sum + group.rules.filter((rule) => fits(rule, id, '')).length, 0) }));
        return (
          <div class="stack wide-gap">
            <div class="filters">
              <Tabs label={t('status')} now={view} onPick={(id) => setQuery({ state: id === 'all' ? null : id })} tabs={tabs} />
              <input type="search" aria-label={t('filter')} placeholder={t('filter')} value={text} onInput={(e) => setQuery({ q: e.currentTarget.value })} />
              <span class="spread" /><CopyCurl path={PATH} />
            </div>
            {fit.length === 0 && <Card><Empty icon="search" title={t('rules.nomatch')} action={<Button onClick={() => setQuery({ state: null, q: null })}>{t('filter.clear')}</Button>}>{t('incidents.nomatch.text')}</Empty></Card>}
            {fit.map(({ group, rules }) => (
              <Card key={group.file + group.name} title={group.name} count={group.rules.length} class="flush" tools={<Evaluated of={group} every={group.interval} />}>
                <p class="rule-file">{isOurs(group) ? t('rules.ours') : <span class="mono">{group.file}</span>}</p>
                <ul>{rules.map((rule, i) => <RuleItem key={rule.name + i} rule={rule} />)}</ul>
              </Card>
            ))}
            {groups.every(isOurs) && (
              <Card><Empty icon="bell" title={t('rules.none')} action={<div class="example-file"><Snippet text={EXAMPLE} /></div>}>{t('rules.none.text')}</Empty></Card>
            )}
          </div>
        );
      }}
    </Await>
  );
}
