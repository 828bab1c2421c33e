// targets.test.mjs - scrape targets and rules: what fails is found, each leads to its samples, and an empty page says what to do.
import { strict as assert } from 'node:assert';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Daemon, until } from './daemon.mjs';
import { Exporters } from './exporters.mjs';
import { launch, overflow, settled, SHOTS, signedIn, SIZES, violations, watch } from './page.mjs';

let exporters, daemon, browser, context;

before(async () => {
  exporters = await new Exporters().start();
  daemon = await new Daemon(exporters.config).start();
  await exporters.judged(daemon);
  browser = await launch();
  context = await signedIn(browser, daemon);
});

after(async () => {
  await browser?.close();
  await daemon?.close();
  await exporters?.close();
});

const open = async (path) => {
  const page = await context.newPage();
  await page.goto(daemon.url + path);
  await settled(page);
  return page;
};

const expr = (page) => new URL(page.url()).searchParams.get('expr');

test('only targets of scrape_configs are shown, those that fail with what they said', async () => {
  const page = await open('/settings/targets');
  assert.deepEqual(await page.locator('.card h2').allInnerTexts(), ['web', 'worker', 'queue']);
  assert.equal(await page.locator('tbody tr').count(), 4);
  const failing = page.locator('tbody tr', { hasText: exporters.failing });
  assert.match(await failing.innerText(), /down[\s\S]*503[\s\S]*ago/i);
  assert.match(await page.getByRole('region', { name: 'queue' }).innerText(), /1 of 1 up\s+2 dropped/i);
  await page.getByRole('button', { name: /^Unhealthy/ }).click();
  assert.equal(await page.locator('tbody tr').count(), 2);
  assert.equal(new URL(page.url()).searchParams.get('health'), 'down');
  await page.getByRole('searchbox', { name: 'Filter' }).fill('worker');
  assert.equal(await page.locator('tbody tr').count(), 1);
  await page.close();
});

test('a target leads to its samples', async () => {
  /* The last step of an hour's chart lies up to 10 s back. */
  await until(async () => (await daemon.call('GET', '/prometheus/api/v1/query?query=' + encodeURIComponent('up{job="web"} offset 10s'))).data.result.length > 0, 'up has a history', 30_000);
  const page = await open('/settings/targets');
  await page.getByRole('link', { name: `Samples: http://${exporters.failing}/metrics` }).click();
  assert.equal(expr(page), `up{instance="${exporters.failing}", job="web"}`);
  await page.locator('.plot canvas').waitFor();
  await page.close();
});

test('rules tell their state, their alerts with value and age, and why one cannot be evaluated', async () => {
  const page = await open('/settings/rules');
  const rule = (name) => page.locator('.rule').filter({ has: page.locator('.rule-head b', { hasText: new RegExp(`^${name}$`) }) });
  assert.match(await rule('TargetDown').innerText(), /firing/i);
  assert.equal(await rule('TargetDown').locator('tbody tr').count(), 2);
  assert.match(await rule('TargetDown').innerText(), new RegExp(`web on ${exporters.failing} does not answer`));
  assert.match(await rule('QueueGrows').innerText(), /pending[\s\S]*for 2\sh[\s\S]*2\.5\sGiB/i);
  assert.match(await rule('job:requests:per_queue').innerText(), /cannot be evaluated[\s\S]*many-to-/i);
  await page.getByRole('button', { name: /^Failing/ }).click();
  assert.deepEqual(await page.locator('.rule-head b').allInnerTexts(), ['job:requests:per_queue']);
  await page.getByRole('button', { name: /^Pending/ }).click();
  await page.locator('.rule-query').first().click();
  assert.match(expr(page), /queue_bytes > |sum by \(job\)/);
  await page.close();
});

test('both are found by search, and rules from the incidents', async () => {
  const page = await open('/incidents');
  await page.getByRole('link', { name: 'Rules' }).click();
  await page.locator('.rule').first().waitFor();
  await page.keyboard.press('/');
  await page.getByRole('combobox').fill('scrape');
  await page.keyboard.press('Enter');
  await page.locator('.table.targets').first().waitFor();
  await page.close();
});

test('without configuration a page says what to paste; without an answer, what failed', async () => {
  const bare = await new Daemon().start();
  try {
    for (const size of Object.keys(SIZES)) {
      for (const scheme of ['light', 'dark']) {
        const mine = await signedIn(browser, bare, { size, scheme });
        const page = await mine.newPage();
        const complaints = watch(page, bare.url);
        for (const [name, text] of [['targets', 'scrape_configs:'], ['rules', 'rule_files:']]) {
          await page.goto(`${bare.url}/settings/${name}`);
          await page.getByText(text).waitFor();
          await page.screenshot({ path: join(SHOTS, `${name}-empty-${size}-${scheme}.png`) });
          assert.ok(await overflow(page) <= 0);
          assert.deepEqual(await violations(page), []);
        }
        assert.deepEqual(complaints, []);
        await mine.close();
      }
    }
    const mine = await signedIn(browser, bare);
    const page = await mine.newPage();
    await page.route('**/prometheus/api/v1/targets', (route) => route.fulfill({ status: 503, contentType: 'application/json', body: '{"status":"error","error":"out of memory"}' }));
    await page.goto(bare.url + '/settings/targets');
    await page.locator('.problem').getByText('out of memory').waitFor();
    await page.unroute('**/prometheus/api/v1/targets');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('Nothing is scraped yet').waitFor();
  } finally {
    await bare.close();
  }
});
