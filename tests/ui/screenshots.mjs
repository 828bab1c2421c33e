// screenshots.mjs - docs/screenshots, made anew from the tour: `node tests/ui/screenshots.mjs`, after ./run build and npm ci here.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, until } from './daemon.mjs';
import { launch, settled, SIZES } from './page.mjs';

const BINARY = process.env.AUSPEX_BINARY ?? join(ROOT, 'build/release/auspex');
const OUT = join(ROOT, 'docs/screenshots');

/* What the README shows: path, name, scheme. The third incident is the one with clients by address. */
const PAGES = [
  ['/', 'now', 'light'],
  ['/incidents/1', 'incident', 'dark'],
  ['/explore?range=15m&expr=' + encodeURIComponent('sum by (mode) (rate(node_cpu_seconds_total{mode!="idle"}[30s]))'), 'explore', 'light'],
  ['/redis', 'redis', 'light'],
  ['/actions', 'actions', 'dark'],
];

mkdirSync(OUT, { recursive: true });
const demo = spawn(BINARY, ['demo', '--keep'], { stdio: ['ignore', 'pipe', 'pipe'] });
let said = '';
demo.stdout.on('data', (text) => (said += text));
demo.stderr.on('data', (text) => (said += text));
const browser = await launch();
try {
  const [, url, token] = await until(() => /(http:\/\/[^\s/]+)\/login#token=(\w+)/.exec(said), 'the demo prints its address', 60_000);
  await until(() => said.includes('4 of 4 verified'), 'the tour ends', 120_000);
  const context = await browser.newContext({ viewport: SIZES.wide, locale: 'en-US', reducedMotion: 'reduce' });
  await context.addInitScript(() => localStorage.setItem('auspex.guide', 'seen'));
  await context.request.post(`${url}/api/v1/login`, { data: { token }, headers: { Origin: url } });
  for (const [path, name, colorScheme] of PAGES) {
    const page = await context.newPage();
    await page.emulateMedia({ colorScheme });
    await page.goto(url + path);
    await settled(page);
    await page.screenshot({ path: join(OUT, `${name}.png`) });
    await page.close();
  }
} finally {
  await browser.close();
  demo.kill('SIGTERM');
}
