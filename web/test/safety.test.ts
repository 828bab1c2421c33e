// safety.test.ts - text from outside is only ever text: no way to markup or code exists in the sources.
import { strict as assert } from 'node:assert';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { asCurl, query } from '../src/lib/api.ts';
import { safeNext } from '../src/lib/text.ts';

const root = process.env.AUSPEX_WEB!;
const source = join(root, 'src');
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((f) => /\.(tsx?|css|html)$/.test(f));

test('no source makes markup or code out of text, or leaves the origin', () => {
  assert.ok(files.length > 20);
  const banned = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySet|\beval\(|new Function\(|srcdoc|javascript:|\bstyle="|data:image|@import url|(?:href|src|action)=["']https?:/;
  for (const file of files) {
    const found = readFileSync(join(source, file), 'utf8').match(banned);
    assert.equal(found?.[0], undefined, file);
  }
});

test('the page itself has no inline script or style', () => {
  const html = readFileSync(join(source, 'index.html'), 'utf8');
  assert.doesNotMatch(html, /<style|\son\w+=|<script(?![^>]*\ssrc=)/);
});

test('a curl line survives quotes in its body', () => {
  assert.equal(asCurl('http://h:1', '/api/v1/stop', 'POST', { reason: "it's $HOME" }),
    `curl -sS -X POST -H "Authorization: Bearer $AUSPEX_TOKEN" -H 'Content-Type: application/json' -d '{"reason":"it'\\''s $HOME"}' 'http://h:1/api/v1/stop'`);
  assert.equal(asCurl('http://h:1', '/a'), `curl -sS -H "Authorization: Bearer $AUSPEX_TOKEN" 'http://h:1/a'`);
});

test('after the login one lands on this server only', () => {
  assert.equal(safeNext('/incidents/3?tab=x'), '/incidents/3?tab=x');
  for (const bad of [null, '', '//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:alert(1)', '/login?next=/']) assert.equal(safeNext(bad), '/');
});

test('a query holds only what is set', () => {
  assert.equal(query({ a: 1, b: '', c: null, d: undefined, e: 'x y' }), '?a=1&e=x+y');
  assert.equal(query({}), '');
});
