// pages.test.mjs - every page in two sizes and two themes on real data: no complaint, accessible, within the screen, photographed.
import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { alertmanager, Daemon, Redis, until } from './daemon.mjs';
import { Exporters } from './exporters.mjs';
import { launch, overflow, settled, SHOTS, signedIn, SIZES, violations, watch } from './page.mjs';

let exporters, daemon, redis, browser, incident, execution;

before(async () => {
  exporters = await new Exporters().start();
  daemon = await new Daemon(exporters.config).start();
  redis = await new Redis().start('--maxmemory', '24mb', '--maxmemory-policy', 'noeviction');
  const { connection } = await daemon.call('POST', '/api/v1/monitor/connect', { host: '127.0.0.1', port: redis.port, name: 'cache-main', test: true });
  await daemon.call('POST', '/api/v1/monitor/start', { connection, interval_s: 1 });
  /* Full to the brim, then writes that are refused: out of memory, seen by the product itself. */
  for (let i = 0; i < 24; i++) redis.cli('EVAL', "for i = 1, 300 do redis.pcall('SET', KEYS[1] .. i, string.rep('x', 4000)) end", '1', `key:${i}:`);
  for (let i = 0; i < 30; i++) redis.cli('SET', `late:${i}`, 'x');
  await daemon.call('POST', '/webhook', alertmanager('HighLatency', {}, { summary: 'p99 of api-gateway is above 5 s' }));
  await daemon.call('POST', '/webhook', alertmanager('QueueGrows', { severity: 'warning', service: 'worker', instance: 'web-2' }, { summary: 'The queue of worker grows' }));
  for (const [server, type, value] of [['web-1', 'disk_full', 93.5], ['web-2', 'mem_leak', 81], ['web-3', 'cpu_spike', 61]]) {
    await daemon.call('POST', '/api/predict-fail/analyze', { server_name: server, signal_type: type, value, with_insight: false });
  }
  incident = (await until(async () => {
    const { incidents } = await daemon.call('GET', '/api/v1/incidents');
    return incidents.length > 2 && incidents.find((i) => /redis/i.test(`${i.title} ${i.resource}`));
  }, 'the alerts and Redis become incidents', 60_000)).id;
  await until(async () => Object.values((await daemon.call('GET', '/api/v1/monitor/metrics?minutes=15')).series)[0]?.length > 3, 'Redis has a history');
  execution = await someExecution(connection);
  await exporters.judged(daemon);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await daemon?.close();
  await redis?.close();
  await exporters?.close();
});

/* An execution from its request to its verified end: asked for by one, approved by another. */
async function someExecution(connection) {
  const { resources } = await daemon.call('GET', '/api/v1/resources');
  const instance = resources.find((r) => r.kind === 'redis_instance')?.id ?? connection;
  const asked = await daemon.call('POST', '/api/v1/remediation/execute', { incident_id: incident, action: 'redis_bgsave', parameters: { instance } });
  const { approvals } = await daemon.call('GET', '/api/v1/approvals');
  const mine = approvals.find((a) => a.execution_id === asked.execution_id);
  await daemon.call('POST', `/api/v1/approvals/${mine.id}`, { decision: 'approve', reason: 'a snapshot before anything else', hash: mine.hash }, daemon.token('approver', 'lee'));
  await until(async () => (await daemon.call('GET', `/api/v1/executions/${asked.execution_id}`)).state === 'fixed', 'the snapshot is verified', 60_000);
  return asked.execution_id;
}

const PAGES = {
  now: () => '/', incidents: () => '/incidents?status=all', incident: () => `/incidents/${incident}`, predictions: () => '/predictions?risk=0',
  explore: () => '/explore?range=15m&expr=' + encodeURIComponent('sum by (mode) (rate(node_cpu_seconds_total[1m]))'),
  'explore-table': () => '/explore?tab=table&expr=' + encodeURIComponent('node_filesystem_avail_bytes'),
  'explore-explain': () => '/explore?tab=explain&expr=' + encodeURIComponent('sum(rate(node_cpu_seconds_total{mode!="idle"}[1m])) / 2'),
  redis: () => '/redis', actions: () => '/actions', approvals: () => '/actions/approvals', executions: () => '/actions/executions',
  execution: () => `/actions/executions/${execution}`, settings: () => '/settings', sources: () => '/settings/sources', access: () => '/settings/access',
  targets: () => '/settings/targets', rules: () => '/settings/rules',
  guide: () => '/guide',
};

for (const size of Object.keys(SIZES)) {
  for (const scheme of ['light', 'dark']) {
    test(`every page at ${size}, ${scheme}`, async (t) => {
      const context = await signedIn(browser, daemon, { size, scheme });
      for (const [name, path] of Object.entries(PAGES)) {
        await t.test(name, async () => {
          const page = await context.newPage();
          const complaints = watch(page, daemon.url);
          const reply = await page.goto(daemon.url + path());
          assert.match(reply.headers()['content-security-policy'], /default-src 'self'/);
          await settled(page);
          await page.screenshot({ path: join(SHOTS, `${name}-${size}-${scheme}.png`) });
          assert.equal(await page.locator('#content .problem').count(), 0, await page.locator('#content .problem').allInnerTexts().then(String));
          assert.ok(await overflow(page) <= 0, `${await overflow(page)} px wider than the screen`);
          assert.deepEqual(await violations(page), []);
          assert.deepEqual(complaints, []);
          await page.close();
        });
      }
      await context.close();
    });
  }
}

test("the reader of the API's document", async () => {
  for (const size of Object.keys(SIZES)) {
    for (const scheme of ['light', 'dark']) {
      const context = await signedIn(browser, daemon, { size, scheme });
      const page = await context.newPage();
      const complaints = watch(page, daemon.url);
      await page.goto(daemon.url + '/docs');
      await page.getByText('/api/v1/incidents', { exact: true }).first().waitFor();
      await page.screenshot({ path: join(SHOTS, `docs-${size}-${scheme}.png`) });
      assert.ok(await overflow(page) <= 0);
      assert.deepEqual(await violations(page), []);
      assert.deepEqual(complaints, []);
      await context.close();
    }
  }
});

test('axe does see what is wrong', async () => {
  const context = await signedIn(browser, daemon);
  const page = await context.newPage();
  await page.goto(daemon.url + '/settings');
  await settled(page);
  await page.evaluate(() => document.getElementById('content').append(document.createElement('button')));
  assert.match((await violations(page)).join(), /button-name/);
  await context.close();
});

test('the login page, in both sizes and themes', async () => {
  for (const size of Object.keys(SIZES)) {
    for (const scheme of ['light', 'dark']) {
      const context = await browser.newContext({ viewport: SIZES[size], colorScheme: scheme, reducedMotion: 'reduce' });
      const page = await context.newPage();
      await page.goto(daemon.url + '/login');
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
      await page.screenshot({ path: join(SHOTS, `login-${size}-${scheme}.png`) });
      assert.ok(await overflow(page) <= 0);
      assert.deepEqual(await violations(page), []);
      await context.close();
    }
  }
});

test('the languages, photographed; nothing runs out of its place', async () => {
  for (const [locale, word] of [['ko-KR', '현황'], ['zh-CN', '现状']]) {
    for (const size of Object.keys(SIZES)) {
      const context = await signedIn(browser, daemon, { size, locale });
      const page = await context.newPage();
      const complaints = watch(page, daemon.url);
      for (const name of ['now', 'incident', 'redis', 'predictions', 'targets', 'rules']) {
        await page.goto(daemon.url + PAGES[name]());
        await settled(page);
        assert.ok((await page.locator('nav').innerText()).includes(word));
        assert.ok(await overflow(page) <= 0, `${name} ${locale} ${size}`);
        await page.screenshot({ path: join(SHOTS, `${name}-${size}-${locale.slice(0, 2)}.png`) });
      }
      assert.deepEqual(complaints, []);
      await context.close();
    }
  }
});

test('from 360 pixels to 4K no page scrolls sideways', async () => {
  const context = await signedIn(browser, daemon);
  const page = await context.newPage();
  for (const [name, path] of Object.entries(PAGES)) {
    await page.goto(daemon.url + path());
    await settled(page);
    for (const [width, height] of [[360, 740], [768, 1024], [1180, 800], [2560, 1440], [3840, 2160]]) {
      await page.setViewportSize({ width, height });
      assert.ok(await overflow(page) <= 0, `${name} at ${width}: ${await overflow(page)} px too wide`);
    }
  }
  await context.close();
});
