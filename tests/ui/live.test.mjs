// live.test.mjs - the page lives: events appear, a lost connection is said and comes back; keys, STOP, people's words.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { alertmanager, Daemon, until } from './daemon.mjs';
import { launch, settled, signedIn, violations, watch } from './page.mjs';

let daemon, browser, context, page, complaints;
before(async () => {
  daemon = await new Daemon().start();
  browser = await launch();
  context = await signedIn(browser, daemon);
  page = await context.newPage();
  complaints = watch(page, daemon.url);
});
after(async () => {
  await browser?.close();
  await daemon?.close();
});

test('an alert becomes an incident on the screen without a reload, and its text stays text', async () => {
  await page.goto(daemon.url + '/incidents');
  await page.getByText('No open incident').waitFor();
  await page.locator('.live.on').waitFor();
  const hostile = '<img src=x onerror="document.title=1"><script>window.hacked=1</script>';
  await daemon.call('POST', '/webhook', alertmanager('Hostile', { service: 'shop' }, { summary: hostile, description: hostile }));
  await page.locator('tbody tr').first().waitFor();
  await page.locator('tbody a').first().click();
  await settled(page);
  assert.ok((await page.locator('#content').innerText()).includes('onerror'), 'the summary is shown as it came');
  assert.equal(await page.locator('#content img, #content script').count(), 0);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
});

test('acknowledging asks for a word and shows it in the timeline', async () => {
  await page.getByRole('button', { name: 'Acknowledge' }).click();
  await page.getByRole('dialog').getByLabel('Comment').fill('looking at the gateway');
  assert.deepEqual(await violations(page), []);
  await page.getByRole('dialog').getByRole('button', { name: 'Acknowledge' }).click();
  await page.locator('.timeline-card').getByText('looking at the gateway').waitFor();
  await page.locator('.page-head .status').getByText('acknowledged').waitFor();
  const { incidents } = await daemon.call('GET', '/api/v1/incidents');
  assert.equal(incidents.find((i) => i.status === 'acknowledged') !== undefined, true);
});

test('keys lead everywhere, and the search finds an incident', async () => {
  for (const [key, path] of [['n', '/'], ['i', '/incidents'], ['p', '/predictions'], ['r', '/redis'], ['a', '/actions'], ['s', '/settings']]) {
    await page.keyboard.press('g');
    await page.keyboard.press(key);
    await page.waitForFunction((p) => location.pathname === p, path);
  }
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.keyboard.press('/');
  await page.keyboard.type('red');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.keyboard.press('/');
  const { incidents } = await daemon.call('GET', '/api/v1/incidents');
  await page.getByRole('combobox', { name: 'Search' }).fill(incidents[0].title.slice(0, 12));
  await page.locator('[role="option"]').filter({ hasText: incidents[0].title }).first().waitFor();
  assert.deepEqual(await violations(page), []);
  while (!(await page.locator('[role="option"][aria-selected="true"]').innerText()).includes(incidents[0].title)) await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.waitForFunction((id) => location.pathname === `/incidents/${id}`, incidents[0].id);
});

test('the whole frame is reached by Tab, and focus is seen', async () => {
  await page.goto(daemon.url + '/actions');
  await settled(page);
  const reached = [];
  for (let i = 0; i < 12; i++) {
    await page.keyboard.press('Tab');
    reached.push(await page.evaluate(() => {
      const at = document.activeElement;
      const style = getComputedStyle(at);
      return { name: at.textContent.trim() || at.getAttribute('aria-label'), seen: style.outlineStyle !== 'none' || at.classList.contains('skip') };
    }));
  }
  for (const name of ['Skip to content', 'Incidents', 'Settings', 'STOP']) assert.ok(reached.some((r) => r.name?.startsWith(name)), `${name}: ${JSON.stringify(reached)}`);
  assert.deepEqual(reached.filter((r) => !r.seen), []);
});

test('the language changes at once and is kept', async () => {
  await page.getByRole('button', { name: 'Account and display' }).click();
  await page.locator('#account-menu select[name="language"]').selectOption('ko');
  await page.locator('nav').getByText('인시던트').waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'ko');
  await page.reload();
  await page.locator('nav').getByText('인시던트').waitFor();
  await page.locator('.avatar').click();
  await page.locator('#account-menu select[name="language"]').selectOption('en');
  await page.locator('nav').getByText('Incidents').waitFor();
});

test('the theme can be chosen against the system', async () => {
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.locator('#account-menu select[name="theme"]').selectOption('dark');
  await page.waitForFunction((was) => getComputedStyle(document.body).backgroundColor !== was, light);
  await page.locator('#account-menu select[name="theme"]').selectOption('system');
  assert.equal(await background(), light);
  await page.keyboard.press('Escape');
});

test('STOP wants a reason, stands on every page and over a restart, and is released', async () => {
  await page.goto(daemon.url + '/incidents');
  await page.locator('.stop-button').click();
  const dialog = page.getByRole('dialog');
  assert.ok(await dialog.getByRole('button', { name: 'Stop everything' }).isDisabled());
  await dialog.getByLabel('Reason').fill('migration tonight');
  await dialog.getByRole('button', { name: 'Stop everything' }).click();
  await page.locator('.banner.stopped').getByText('migration tonight').waitFor();
  assert.equal((await daemon.call('GET', '/api/v1/stop')).engaged, true);
  assert.deepEqual(await violations(page), []);

  complaints.length = 0;
  await daemon.kill();
  await page.locator('.banner.lost').waitFor();
  assert.match(await page.locator('.banner.lost').innerText(), /\d+\s+s old/);
  await daemon.start();
  await page.locator('.banner.lost').waitFor({ state: 'detached', timeout: 30_000 });
  complaints.length = 0; /* refused connections while the server was away are the browser's to report */

  await page.goto(daemon.url + '/predictions');
  await page.locator('.banner.stopped').getByText('migration tonight').waitFor();
  await page.locator('.banner.stopped').getByRole('button', { name: 'Release' }).click();
  await dialog.getByLabel('Reason').fill('done');
  await dialog.getByRole('button', { name: 'Release', exact: true }).click();
  await page.locator('.banner.stopped').waitFor({ state: 'detached' });
  assert.equal((await daemon.call('GET', '/api/v1/stop')).engaged, false);
});

test('what happened while the connection was gone is there when it is back', async () => {
  await page.goto(daemon.url + '/incidents?status=all');
  await settled(page);
  const before = await page.locator('tbody tr').count();
  await daemon.kill();
  await daemon.start();
  await daemon.call('POST', '/webhook', alertmanager('WhileAway', { service: 'billing', instance: 'db-9' }));
  await until(async () => (await page.locator('tbody tr').count()) > before, 'the new incident is in the list', 30_000);
  complaints.length = 0;
});

test('a viewer sees everything and is offered nothing that he may not do', async () => {
  const viewer = await signedIn(browser, daemon, { token: daemon.token('viewer', 'looker') });
  const other = await viewer.newPage();
  const said = watch(other, daemon.url);
  await other.goto(daemon.url + '/incidents?status=all');
  await other.locator('tbody a').first().click();
  await settled(other);
  assert.equal(await other.getByRole('button', { name: 'Resolve' }).count(), 0);
  await other.goto(daemon.url + '/settings');
  await settled(other);
  assert.equal(await other.getByRole('button', { name: 'Users and tokens' }).count(), 0);
  assert.deepEqual(said, []);
  await viewer.close();
});

test('the page itself never complained', () => assert.deepEqual(complaints, []));
