// series.test.ts - the arithmetic behind charts and the small readings of text.
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { csvOf, extent, merge, seriesName, trend } from '../src/lib/series.ts';
import { match, rank, typed, whereOf } from '../src/lib/text.ts';
import type { Point } from '../src/types.ts';

test('merge keeps only the times that every series has', () => {
  const a: Point[] = [[1, 10], [2, 20], [3, null]];
  const b: Point[] = [[2, 2], [1, 1], [3, 3]];
  assert.deepEqual(merge([a, b], ([x, y]) => x! + y!), [[1, 11], [2, 22]]);
  assert.deepEqual(merge([], () => 0), []);
});

test('a trend goes through the middle of its points and on to the limit', () => {
  const points: Point[] = [[0, 0], [3600, 10], [7200, 20]];
  assert.deepEqual(trend(points, 10, 14400), [[0, 0], [7200, 20], [14400, 40]]);
  assert.deepEqual(trend([[0, null]], 10, 100), []);
});

test('extent ignores gaps', () => {
  assert.deepEqual(extent({ name: 'x', points: [[1, 5], [2, null], [3, -1], [4, 2]] }), { last: 2, min: -1, max: 5 });
  assert.deepEqual(extent({ name: 'x', points: [] }), { last: null, min: null, max: null });
});

test('csv has a row for each time and quotes names', () => {
  assert.equal(csvOf([{ name: 'a,"b"', points: [[0, 1]] }, { name: 'c', points: [[0, 2], [60, 3]] }]),
    'timestamp,"a,""b""",c\n1970-01-01T00:00:00.000Z,1,2\n1970-01-01T00:01:00.000Z,,3\n');
});

test('series are named by what tells them apart', () => {
  const all = [{ job: 'n', device: 'sda' }, { job: 'n', device: 'sdb' }];
  assert.equal(seriesName(all[0]!, all, 'x'), 'sda');
  assert.equal(seriesName({ job: 'n' }, [{ job: 'n' }], 'Load'), 'Load');
});

test('paths match by their parts', () => {
  assert.deepEqual(match('/incidents/:id', '/incidents/a%2Fb'), { id: 'a/b' });
  assert.equal(match('/incidents/:id', '/incidents'), null);
  assert.deepEqual(match('/', '/'), {});
});

test('a search ranks beginnings before middles', () => {
  assert.equal(rank('redis cache', 'red'), 0);
  assert.equal(rank('my redis', 'red'), 1);
  assert.equal(rank('incredible', 'red'), 2);
  assert.equal(rank('disk', 'red'), null);
});

test('form text becomes what the parameter is', () => {
  assert.equal(typed({ type: 'number' }, '1.2'), 1.2);
  assert.equal(typed({ type: 'number' }, 'x'), 'x');
  assert.equal(typed({ type: 'bool' }, 'true'), true);
  assert.equal(typed({ type: 'string' }, '12'), '12');
});

test('a signal is told where it is, without the kind', () => {
  assert.equal(whereOf({ resource: 'filesystem:db1:/var', server_name: 'db1' }), 'db1:/var');
  assert.equal(whereOf({ resource: 'redis:127.0.0.1:6379', server_name: 'db1' }), '127.0.0.1:6379');
  assert.equal(whereOf({ resource: null, server_name: 'db1' }), 'db1');
  assert.equal(whereOf({ server_name: 'db1' }), 'db1');
});
