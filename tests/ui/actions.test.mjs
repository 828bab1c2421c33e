// actions.test.mjs - the dangerous part: a plan before its button, approval by another person, the verified outcome.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { Daemon, Redis, until } from './daemon.mjs';
import { launch, settled, signedIn, violations, watch } from './page.mjs';

const ACTION = 'redis_raise_maxmemory';
let daemon, redis, browser, operator, approver, page, complaints;
const maxmemory = () => Number(redis.cli('CONFIG', 'GET', 'maxmemory').split('\n')[1]);

before(async () => {
  daemon = await new Daemon().start();
  redis = await new Redis().start('--maxmemory', '32mb');
  const { connection } = await daemon.call('POST', '/api/v1/monitor/connect', { host: '127.0.0.1', port: redis.port, name: 'cache-main' });
  await daemon.call('POST', '/api/v1/monitor/start', { connection, interval_s: 1 });
  await until(async () => (await daemon.call('GET', '/api/v1/resources')).resources.some((r) => r.kind === 'redis_instance'), 'Redis is a resource');
  browser = await launch();
  operator = await signedIn(browser, daemon, { token: daemon.token('operator', 'kim') });
  approver = await signedIn(browser, daemon, { token: daemon.token('approver', 'lee') });
  page = await operator.newPage();
  complaints = watch(page, daemon.url);
});

after(async () => {
  await browser?.close();
  await daemon?.close();
  await redis?.close();
});

test('an operator sees the plan, with its rollback, before anything can be asked for', async () => {
  await page.goto(`${daemon.url}/actions`);
  await settled(page);
  await page.locator('tr').filter({ hasText: ACTION }).getByRole('button', { name: 'Plan…' }).click();
  const dialog = page.getByRole('dialog', { name: ACTION });
  assert.equal(await dialog.getByRole('button', { name: 'Request this plan' }).count(), 0);
  assert.ok(await dialog.getByRole('button', { name: 'Show the plan' }).isDisabled(), 'the instance is not chosen yet');
  await dialog.getByLabel('instance').selectOption({ index: 1 });
  await dialog.getByRole('button', { name: 'Show the plan' }).click();
  await dialog.locator('.plan').waitFor();
  assert.match(await dialog.locator('.plan').innerText(), /maxmemory/);
  assert.match(await dialog.locator('.plan').innerText(), new RegExp(String(redis.port)));
  assert.deepEqual(await violations(page), []);
  /* Another parameter is another plan. */
  await dialog.getByLabel('ratio').fill('1.25');
  assert.equal(await dialog.locator('.plan').count(), 0);
  await dialog.getByRole('button', { name: 'Show the plan' }).click();
  await dialog.getByRole('button', { name: 'Request this plan' }).click();
  await page.waitForFunction(() => location.pathname.startsWith('/actions/executions/'));
  await settled(page);
  assert.equal(maxmemory(), 32 * 1024 * 1024, 'nothing ran yet');
});

test('another person approves; it runs, is verified, and the page tells so by itself', async () => {
  const other = await approver.newPage();
  const said = watch(other, daemon.url);
  await other.goto(`${daemon.url}/actions/approvals`);
  const card = other.locator('.card').filter({ hasText: ACTION });
  await card.getByRole('button', { name: 'Approve and run' }).waitFor();
  assert.match(await card.innerText(), /token kim/);
  await card.getByLabel('Reason').fill('the host has room');
  await card.getByRole('button', { name: 'Approve and run' }).click();
  await other.waitForFunction(() => location.pathname.startsWith('/actions/executions/'));
  await page.locator('.page-head .pill').getByText('fixed', { exact: true }).waitFor({ timeout: 60_000 });
  assert.equal(maxmemory(), 40 * 1024 * 1024);
  assert.match(await page.locator('#content').innerText(), /token lee/);
  assert.deepEqual(await violations(page), []);
  assert.deepEqual(said, []);
  await other.close();
});

test('while STOP is engaged nothing starts, and the page says why', async () => {
  await daemon.call('POST', '/api/v1/stop', { engaged: true, reason: 'hands off' });
  await page.locator('.banner.stopped').getByText('hands off').waitFor();
  await daemon.call('POST', '/api/v1/stop', { engaged: false, reason: 'done' });
  await page.locator('.banner.stopped').waitFor({ state: 'detached' });
});

test('the page itself never complained', () => assert.deepEqual(complaints, []));
