// page.mjs - a real Chromium on the page: signed in, its complaints collected, its accessibility judged.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { ROOT } from './daemon.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const SHOTS = join(ROOT, 'build/screenshots');

export const SIZES = { wide: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

export function launch() {
  if (!existsSync(CHROMIUM)) throw new Error(`no ${CHROMIUM}: apt-get install chromium`);
  mkdirSync(SHOTS, { recursive: true });
  return chromium.launch({
    executablePath: CHROMIUM,
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--force-color-profile=srgb'],
  });
}

/* signedIn - a context that has a session, as a browser that was here before. */
export async function signedIn(browser, daemon, { size = 'wide', scheme = 'light', locale = 'en-US', token = daemon.admin, seen = true } = {}) {
  const context = await browser.newContext({ viewport: SIZES[size], colorScheme: scheme, locale, timezoneId: 'Asia/Seoul', reducedMotion: 'reduce' });
  context.setDefaultTimeout(15_000);
  if (seen) await context.addInitScript(() => localStorage.setItem('auspex.guide', 'seen'));
  const reply = await context.request.post(daemon.url + '/api/v1/login', { data: { token }, headers: { Origin: daemon.url } });
  if (!reply.ok()) throw new Error(`login: ${reply.status()} ${await reply.text()}`);
  return context;
}

/* watch - what the page complains of: console errors, exceptions, requests to anywhere else. */
export function watch(page, origin) {
  const complaints = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error.stack ?? error}`));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && !['blob:', 'data:'].includes(url.protocol)) complaints.push(`left the origin: ${request.url()}`);
  });
  return complaints;
}

/* settled - content instead of skeletons, charts drawn. */
export async function settled(page) {
  await page.waitForFunction(() => {
    const content = document.getElementById('content');
    return content?.querySelector('h1') && !content.querySelector('.skeleton, .waiting') && document.fonts.status === 'loaded';
  });
}

/* violations - what axe calls serious or critical, a line each. */
export async function violations(page) {
  /* By the debugger's door: the content policy forbids an injected script element. */
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: AXE });
  await session.detach();
  const result = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  return result.violations.filter((v) => ['serious', 'critical'].includes(v.impact))
    .flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(' ')}: ${n.failureSummary?.split('\n')[1]?.trim()}`));
}

/* overflow - by how many pixels the page is wider than the screen. */
export const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
