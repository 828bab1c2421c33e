// targets.ts - the targets of scrape_configs, as Prometheus' API tells them, put in the order that a person asks for.
import type { Labels } from '../types.ts';
import { seriesText } from './prometheus.ts';

export interface Target {
  labels: Labels;
  scrapePool: string;
  scrapeUrl: string;
  lastError: string;
  lastScrape: string;
  lastScrapeDuration: number;
  health: 'up' | 'down' | 'unknown';
  scrapeInterval: string;
}

export interface Targets {
  activeTargets: Target[];
  droppedTargetCounts: Record<string, number>;
}

export interface Pool {
  name: string;
  targets: Target[];
  up: number;
  down: number;
  dropped: number;
}

const order = { down: 0, unknown: 1, up: 2 };
const byText = (a: string, b: string) => (a < b ? -1 : Number(a > b));

/* poolsOf - what scrape_configs made, without our own collectors (which have no URL); what fails comes first. */
export function poolsOf({ activeTargets, droppedTargetCounts }: Targets): Pool[] {
  const scraped = activeTargets.filter((t) => t.scrapeUrl);
  const names = new Set([...Object.keys(droppedTargetCounts), ...scraped.map((t) => t.scrapePool)]);
  const pools = [...names].map((name) => {
    const targets = scraped.filter((t) => t.scrapePool === name)
      .sort((a, b) => order[a.health] - order[b.health] || byText(a.scrapeUrl, b.scrapeUrl));
    const of = (health: Target['health']) => targets.filter((t) => t.health === health).length;
    return { name, targets, up: of('up'), down: of('down'), dropped: droppedTargetCounts[name] ?? 0 };
  });
  return pools.sort((a, b) => Number(b.down > 0) - Number(a.down > 0) || byText(a.name, b.name));
}

/* hasText - whether a target's URL, labels or error have the text, in any case. */
export function hasText(target: Target, text: string): boolean {
  return `${target.scrapeUrl} ${seriesText(target.labels)} ${target.lastError}`.toLowerCase().includes(text.toLowerCase());
}

/* upOf - the series that tells a target's health over time. */
export function upOf({ labels }: Target): string {
  const named: Labels = { __name__: 'up' };
  for (const name of ['job', 'instance']) if (labels[name] !== undefined) named[name] = labels[name]!;
  return seriesText(named);
}
