// login.test.mjs - in by the one-time token, a password set, out, in again; the first start's guide.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { alertmanager, Daemon } from './daemon.mjs';
import { launch, SIZES, watch } from './page.mjs';

let daemon, browser;
before(async () => {
  daemon = await new Daemon().start();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await daemon?.close();
});

test('the first five minutes: token, password, guide, its light, out and in again', async () => {
  const printed = daemon.said().match(/https?:\/\/\S+\/login#token=(\S+)/);
  assert.ok(printed, `no login address was printed:\n${daemon.said()}`);
  const context = await browser.newContext({ viewport: SIZES.wide, locale: 'en-US' });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const complaints = watch(page, daemon.url);

  await page.goto(printed[0]);
  await page.getByRole('heading', { name: 'Set a password' }).waitFor();
  assert.equal(new URL(page.url()).hash, '', 'the token stays in the address');
  await page.getByLabel('New password').fill('correct horse battery');
  await page.getByLabel('Once more').fill('correct horse');
  assert.ok(await page.getByRole('button', { name: 'Set password' }).isDisabled());
  await page.getByLabel('Once more').fill('correct horse battery');
  await page.getByRole('button', { name: 'Set password' }).click();

  /* Nothing is connected yet: the guide opens by itself, its first light is green. */
  await page.getByRole('heading', { name: 'First steps' }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll('.step')[0]?.classList.contains('done'));
  assert.equal(await page.locator('.step.done').count(), 1);
  await daemon.call('POST', '/webhook', alertmanager('FirstAlert'));
  await page.waitForFunction(() => document.querySelectorAll('.step')[2]?.classList.contains('done'));

  await page.getByRole('button', { name: 'Account and display' }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.goto(daemon.url + '/incidents?status=all');
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  /* Refused replies are the browser's to report; whoever is not signed in gets them. */
  const refused = complaints.splice(0).filter((c) => !/401|WebSocket/.test(c));
  assert.deepEqual(refused, []);

  await page.getByLabel('User').fill('admin');
  await page.getByLabel('Password', { exact: true }).fill('wrong password');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('alert').waitFor();
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Incidents', exact: true }).waitFor();
  assert.equal(new URL(page.url()).search, '?status=all', 'one lands where one wanted to go');

  /* The token was good once. */
  const again = await browser.newContext({ locale: 'en-US' });
  const other = await again.newPage();
  await other.goto(printed[0]);
  await other.getByRole('alert').waitFor();
  assert.equal(new URL(other.url()).pathname, '/login');
  await again.close();
  await context.close();
});
