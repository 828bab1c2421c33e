// format.test.ts - a number never appears without its unit, in any language.
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { bytes, clock, count, duration, percent, quantity, unitOf, utc, type Words } from '../src/lib/format.ts';

const en: Words = { lang: 'en', day: 'd', hour: 'h', minute: 'min', second: 's', gap: '\u00a0', none: '–' };
const ko: Words = { lang: 'ko', day: '일', hour: '시간', minute: '분', second: '초', gap: '', none: '–' };
const plain = (text: string) => text.replaceAll('\u00a0', ' ');

test('bytes step by 1024', () => {
  assert.equal(plain(bytes(0, 'en')), '0 B');
  assert.equal(plain(bytes(-0.2, 'en')), '0 B');
  assert.equal(plain(bytes(1023, 'en')), '1,023 B');
  assert.equal(plain(bytes(3.2 * 2 ** 30, 'en')), '3.2 GiB');
  assert.equal(plain(bytes(2 ** 20 * 512, 'en', '/s')), '512 MiB/s');
  assert.equal(plain(bytes(-2048, 'en')), '-2 KiB');
});

test('durations show their two largest parts', () => {
  assert.equal(plain(duration(7800, en)), '2 h 10 min');
  assert.equal(duration(7800, ko), '2시간 10분');
  assert.equal(plain(duration(59, en)), '59 s');
  assert.equal(plain(duration(3600, en)), '1 h');
  assert.equal(plain(duration(86400 * 12 + 3600, en)), '12 d');
  assert.equal(plain(duration(86400 + 3600 * 5 + 60, en)), '1 d 5 h');
  assert.equal(plain(duration(0.0123, en)), '12.3 ms');
  assert.equal(plain(duration(0.000412, en)), '412 µs');
  assert.equal(plain(duration(0, en)), '0 s');
  assert.equal(duration(Infinity, en), '–');
});

test('percent and counts keep what a person reads', () => {
  assert.equal(plain(percent(0.85, 'en')), '85 %');
  assert.equal(plain(percent(0.0123, 'en')), '1.2 %');
  assert.equal(plain(percent(0, 'en')), '0 %');
  assert.equal(plain(count(1234, 'en')), '1,234');
  assert.equal(plain(count(1_234_567, 'en')), '1.23 M');
  assert.equal(plain(count(0.30000000000000004, 'en')), '0.3');
});

test('quantity follows the unit and says nothing of what is missing', () => {
  assert.equal(plain(quantity(0.5, 'ratio', en)), '50 %');
  assert.equal(plain(quantity(90, 'percent', en)), '90 %');
  assert.equal(plain(quantity(1500, 'per_second', en)), '1,500/s');
  assert.equal(plain(quantity(250, 'milliseconds', en)), '250 ms');
  assert.equal(quantity(null, 'bytes', en), '–');
  assert.equal(quantity(NaN, 'bytes', en), '–');
});

test('the unit is read from the metric name', () => {
  assert.equal(unitOf('redis_memory_used_bytes'), 'bytes');
  assert.equal(unitOf('node_network_receive_bytes_total', true), 'bytes/s');
  assert.equal(unitOf('node_cpu_seconds_total', true), 'seconds/s');
  assert.equal(unitOf('node_load1'), 'count');
  assert.equal(unitOf('mem_fragmentation_ratio'), 'count');
  assert.equal(unitOf('net_input_bytes_per_sec'), 'bytes/s');
  assert.equal(unitOf('latest_fork_usec'), 'microseconds');
  assert.equal(unitOf('filesystem_used_percent'), 'percent');
});

test('times are local, today without a date, and UTC is exact', () => {
  const at = Date.UTC(2026, 2, 1, 5, 3, 9);
  assert.equal(utc(at), '2026-03-01 05:03:09 UTC');
  assert.equal(clock(at, 'en', at + 1000), '14:03:09'); /* the tests run in Seoul */
  assert.match(clock(at, 'en', at + 3 * 86400_000), /Mar.*14:03/);
});
