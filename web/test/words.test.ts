// words.test.ts - the three tables say the same things, and every word the page asks for is in them.
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { en, type Key } from '../src/i18n/en.ts';
import { fill, slots } from '../src/i18n/fill.ts';
import { ko } from '../src/i18n/ko.ts';
import { zh } from '../src/i18n/zh.ts';

const source = join(process.env.AUSPEX_WEB!, 'src');
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((f) => /\.tsx?$/.test(f));
const code = files.filter((f) => !/^i18n.(en|ko|zh|fill)/.test(f)).map((f) => readFileSync(join(source, f), 'utf8')).join('\n');

test('fill puts values and plurals into a sentence', () => {
  assert.equal(fill('{n} {n|incident|incidents}', { n: 1 }), '1 incident');
  assert.equal(fill('{n} {n|incident|incidents}', { n: 3 }), '3 incidents');
  assert.equal(fill('{a} {b}', { a: '{b}', b: 'x' }), '{b} x');
  assert.equal(fill('{missing}'), '{missing}');
});

test('every language has the same keys and the same slots', () => {
  for (const [name, table] of Object.entries({ ko, zh })) {
    assert.deepEqual(Object.keys(table).sort(), Object.keys(en).sort(), name);
    for (const key of Object.keys(en) as Key[]) assert.deepEqual(slots(table[key]), slots(en[key]), `${name} ${key}`);
  }
});

test('no word is empty, and Korean and Chinese are written in their own script', () => {
  const same = /Redis|PostgreSQL|nginx|CPU|curl|Markdown/;
  for (const key of Object.keys(en) as Key[]) {
    for (const table of [en, ko, zh]) assert.ok(table[key].trim(), key);
    if (en[key] === '–' || (ko[key] === en[key] && same.test(en[key]))) continue;
    assert.match(ko[key], /\p{Script=Hangul}/u, `ko ${key}: ${ko[key]}`);
    assert.match(zh[key], /\p{Script=Han}/u, `zh ${key}: ${zh[key]}`);
  }
});

test('every key of the tables is used', () => {
  const prefixes = [...code.matchAll(/tn\('([a-z.]+)'/g)].map((m) => m[1] + '.')
    .concat([...code.matchAll(/t\(`([a-z]+\.)\$\{/g)].map((m) => m[1]!));
  const unused = Object.keys(en).filter((key) => !code.includes(`'${key}'`) && !prefixes.some((p) => key.startsWith(p)) && !key.startsWith('unit.'));
  assert.deepEqual(unused, []);
});
