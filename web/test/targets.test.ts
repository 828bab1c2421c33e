// targets.test.ts - scrape targets and rules in the order and words that a person asks for.
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { alertsOf, fits, happened, inOrder, type Rule, type RuleAlert } from '../src/lib/rules.ts';
import { hasText, poolsOf, upOf, type Target } from '../src/lib/targets.ts';

const target = (scrapePool: string, instance: string, health: Target['health'], more: Partial<Target> = {}): Target => ({
  scrapePool, health, scrapeUrl: `http://${instance}/metrics`, labels: { job: scrapePool, instance }, lastError: '',
  lastScrape: '2026-01-01T00:00:00Z', lastScrapeDuration: 0.01, scrapeInterval: '15s', ...more,
});

test('pools: our own collectors are none, what fails stands first, dropped ones are counted', () => {
  const pools = poolsOf({
    activeTargets: [target('api', 'a:1', 'up'), target('node', 'b:2', 'up'), target('node', 'c:3', 'down'), target('node', 'a:1', 'unknown'), target('host', '', 'up', { scrapeUrl: '' })],
    droppedTargetCounts: { api: 2, node: 0, gone: 5 },
  });
  assert.deepEqual(pools.map((p) => [p.name, p.up, p.down, p.dropped]), [['node', 1, 1, 0], ['api', 1, 0, 2], ['gone', 0, 0, 5]]);
  assert.deepEqual(pools[0]!.targets.map((t) => t.health), ['down', 'unknown', 'up']);
});

test('a target is found by its labels and by what it said', () => {
  const one = target('api', 'web-1:80', 'down', { lastError: 'Connection refused' });
  assert.ok(hasText(one, 'WEB-1') && hasText(one, 'refused') && hasText(one, ''));
  assert.ok(!hasText(one, 'web-2'));
});

test('the samples of a target are asked by job and instance, quoted as PromQL wants them', () => {
  assert.equal(upOf(target('a"b', 'web-1:80', 'up', { labels: { job: 'a"b', instance: 'web-1:80', team: 'x' } })), 'up{instance="web-1:80", job="a\\"b"}');
  assert.equal(upOf(target('a', 'i', 'up', { labels: { instance: 'i' } })), 'up{instance="i"}');
});

const rule = (more: Partial<Rule>): Rule => ({
  type: 'alerting', name: 'HighLatency', query: 'job:latency > 1', labels: { severity: 'page' }, health: 'ok', lastEvaluation: '2026-01-01T00:00:00Z', evaluationTime: 0, state: 'inactive', ...more,
});

test('a view of rules has those of its state, or those that fail', () => {
  assert.ok(fits(rule({ state: 'firing' }), 'firing', '') && !fits(rule({}), 'firing', ''));
  assert.ok(fits(rule({ health: 'err' }), 'failing', '') && !fits(rule({ health: 'unknown' }), 'failing', ''));
  assert.ok(fits(rule({}), 'all', 'LATENCY') && fits(rule({}), 'all', 'page') && !fits(rule({}), 'all', 'disk'));
});

test('alerts that fire stand before those that wait, the oldest first', () => {
  const alert = (state: RuleAlert['state'], activeAt: string): RuleAlert => ({ labels: {}, annotations: {}, state, activeAt, value: '1' });
  const list = [alert('pending', '2026-01-01T00:00:00Z'), alert('firing', '2026-01-01T02:00:00Z'), alert('firing', '2026-01-01T01:00:00Z')];
  assert.deepEqual(alertsOf(rule({ alerts: list })).map((a) => a.activeAt.slice(11, 13)), ['01', '02', '00']);
  assert.deepEqual(alertsOf(rule({})), []);
});

test('groups that need someone stand first, ours last', () => {
  const group = (name: string, more: Partial<Rule>, file = '/etc/rules.yml') => ({ name, file, interval: 15, lastEvaluation: '', evaluationTime: 0, rules: [rule({}), rule(more)] });
  const list = [group('ours', {}, 'content/rules/host.yml'), group('calm', {}), group('pending', { state: 'pending' }), group('failing', { health: 'err' }), group('firing', { state: 'firing' })];
  assert.deepEqual(inOrder(list).map((g) => g.name), ['firing', 'failing', 'pending', 'calm', 'ours']);
});

test("Go's zero time is never", () => {
  assert.equal(happened('0001-01-01T00:00:00Z'), null);
  assert.equal(happened('2026-01-01T00:00:00Z'), '2026-01-01T00:00:00Z');
});
