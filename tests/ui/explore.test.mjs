// explore.test.mjs - asking the metrics: typed with completion, run, zoomed, shared, and told what is wrong.
import { strict as assert } from 'node:assert';
import { after, before, test } from 'node:test';
import { Daemon, until } from './daemon.mjs';
import { launch, settled, signedIn } from './page.mjs';

let daemon, browser, context;

before(async () => {
  daemon = await new Daemon().start();
  browser = await launch();
  context = await signedIn(browser, daemon);
  /* The last step of an hour's chart lies up to 10 s back. */
  await until(async () => (await daemon.call('GET', '/prometheus/api/v1/query?query=' + encodeURIComponent('rate(node_cpu_seconds_total[1m] offset 10s)'))).data.result.length > 0,
    'the host has a history', 60_000);
});

after(async () => {
  await browser?.close();
  await daemon?.close();
});

const open = async (path) => {
  const page = await context.newPage();
  await page.goto(daemon.url + path);
  await settled(page);
  return page;
};

test('an expression is typed with the help of completion, and its address is the question', async () => {
  const page = await open('/explore');
  const field = page.getByRole('combobox', { name: 'PromQL expression' });
  await field.pressSequentially('rate(node_cpu_sec');
  await page.getByRole('option', { name: /node_cpu_seconds_total/ }).waitFor();
  await field.press('Enter');
  await field.pressSequentially('{mo');
  await page.getByRole('option', { name: /mode/ }).waitFor();
  await field.press('Tab');
  await field.pressSequentially('="us');
  await page.getByRole('option', { name: /user/ }).waitFor();
  await field.press('Enter');
  await field.pressSequentially('}[1m])');
  await field.press('Escape');
  await field.press('Enter');
  assert.equal(await field.inputValue(), 'rate(node_cpu_seconds_total{mode="user"}[1m])');
  await page.locator('.plot canvas').waitFor();
  assert.equal(new URL(page.url()).searchParams.get('expr'), 'rate(node_cpu_seconds_total{mode="user"}[1m])');
  await page.getByText(/samples read/).waitFor();
  await page.close();
});

test('functions are offered with what they do', async () => {
  const page = await open('/explore');
  await page.getByRole('combobox', { name: 'PromQL expression' }).pressSequentially('histogram_quan');
  const option = page.getByRole('option', { name: /histogram_quantile/ }).first();
  await option.waitFor();
  assert.ok((await option.innerText()).length > 'f histogram_quantile'.length + 10);
  await option.click();
  assert.match(await page.getByRole('combobox', { name: 'PromQL expression' }).inputValue(), /^histogram_quantiles?\(\)$/);
  await page.close();
});

test('what is wrong with an expression is said where it is', async () => {
  const page = await open('/explore?expr=' + encodeURIComponent('sum('));
  await page.getByText(/1:5: parse error/).waitFor();
  await page.close();
});

test('dragging over the chart looks at that stretch of time', async () => {
  const page = await open('/explore?range=15m&expr=up');
  const plot = page.locator('.plot .u-over');
  await plot.waitFor();
  const box = await plot.boundingBox();
  await page.mouse.move(box.x + box.width * 0.5, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.8, box.y + 40, { steps: 5 });
  await page.mouse.up();
  await page.waitForFunction(() => new URLSearchParams(location.search).has('from'));
  const query = new URL(page.url()).searchParams;
  const seconds = Number(query.get('to')) - Number(query.get('from'));
  assert.ok(seconds > 200 && seconds < 350, `${seconds} s of 900`);
  await page.close();
});

test('a table has a column for each label, and says when nothing is there', async () => {
  const page = await open('/explore?tab=table&expr=' + encodeURIComponent('node_cpu_seconds_total'));
  await page.getByRole('columnheader', { name: 'mode' }).waitFor();
  assert.ok(await page.getByRole('row').count() > 8);
  await page.close();
  const empty = await open('/explore?tab=table&expr=no_such_metric');
  await empty.getByText('No series has a value at this time').waitFor();
  await empty.close();
});
