// promql.test.ts - what the editor reads of an expression, and what the page makes of the server's answers.
import { strict as assert } from 'node:assert';
import { test } from 'node:test';
import { isRate, keepsUnit, metricOf, seconds, tokens, wanted } from '../src/lib/promql.ts';
import { childrenOf, points, selectorText, seriesText, stepOf, usesMetric } from '../src/lib/prometheus.ts';

const kinds = (text: string) => tokens(text).filter((t) => t.kind !== 'space').map((t) => `${t.kind}:${t.text}`).join(' ');

/* The cursor stands where | is. */
const at = (text: string) => wanted(text.replace('|', ''), text.indexOf('|'));

test('tokens are the whole text, each with its kind', () => {
  const text = 'sum by (job) (rate(http_requests_total{code=~"5..",job!="a"}[5m] offset 1h)) / 2 # half';
  assert.equal(tokens(text).map((t) => t.text).join(''), text);
  assert.equal(kinds('sum by (job) (rate(m{code=~"5.."}[5m])) / 2'),
    'function:sum keyword:by bracket:( label:job bracket:) bracket:( function:rate bracket:( name:m bracket:{ label:code operator:=~ string:"5.." bracket:} bracket:[ duration:5m bracket:] bracket:) bracket:) operator:/ number:2');
  assert.equal(kinds('a and on (x) group_left (y) b'), 'name:a keyword:and keyword:on bracket:( label:x bracket:) keyword:group_left bracket:( label:y bracket:) name:b');
  assert.equal(kinds("{'un.closed"), "bracket:{ string:'un.closed");
  assert.equal(tokens('위험 "').map((t) => t.text).join(''), '위험 "');
});

test('what is wanted depends on where the cursor stands', () => {
  assert.deepEqual(at('node_c|'), { what: 'expression', typed: 'node_c', from: 0 });
  assert.deepEqual(at('rate(http_|'), { what: 'expression', typed: 'http_', from: 5 });
  assert.equal(at('1 + |'), null);
  assert.deepEqual(at('up{|'), { what: 'label', typed: '', from: 3, metric: 'up', matchers: '' });
  assert.deepEqual(at('up{jo|}'), { what: 'label', typed: 'jo', from: 3, metric: 'up', matchers: '' });
  assert.deepEqual(at('up{job="a",in|'), { what: 'label', typed: 'in', from: 11, metric: 'up', matchers: 'job="a"' });
  assert.deepEqual(at('up{job="no|'), { what: 'value', typed: 'no', from: 7, label: 'job', metric: 'up', matchers: '' });
  assert.deepEqual(at('up{job=|'), { what: 'value', typed: '', from: 7, label: 'job', metric: 'up', matchers: '' });
  assert.equal(at('up{job="node"|'), null);
  assert.deepEqual(at('sum by (|) (up)'), { what: 'label', typed: '', from: 8, metric: 'up', matchers: '' });
  assert.deepEqual(at('sum by (a, in|) (up)'), { what: 'label', typed: 'in', from: 11, metric: 'up', matchers: '' });
  assert.deepEqual(at('rate(up[|'), { what: 'duration', typed: '', from: 8 });
  assert.deepEqual(at('rate(up[5|'), { what: 'duration', typed: '5', from: 8 });
  assert.equal(at('up # co|'), null);
});

test('an expression says which unit its numbers have', () => {
  assert.equal(metricOf('sum by (job) (rate(x_bytes_total{a="b"}[5m]))'), 'x_bytes_total');
  assert.equal(metricOf('1 + 1'), '');
  assert.ok(isRate('sum(rate(x[5m]))') && !isRate('sum(x)'));
  assert.ok(keepsUnit('max(x_bytes)') && !keepsUnit('x_bytes / y_bytes') && !keepsUnit('count(x_bytes)'));
  assert.equal(seconds('1h30m'), 5400);
  assert.equal(seconds('h'), null);
  assert.ok(usesMetric('{a="b"}') && !usesMetric('1 + vector(2)'));
});

test('a range has a value or a gap at every step', () => {
  assert.deepEqual(points({ metric: {}, values: [[10, '1'], [30, 'NaN'], [40, '-2.5']] }, { from: 10, to: 40, step: 10 }), [[10, 1], [20, null], [30, null], [40, -2.5]]);
  assert.equal(stepOf(0, 3600), 10);
  assert.equal(stepOf(0, 7 * 86400), 1800);
  assert.ok((400 * 86400) / stepOf(0, 400 * 86400) <= 500);
});

test('series and selectors are written as PromQL', () => {
  assert.equal(seriesText({ __name__: 'up', job: 'a"b', instance: 'x:1' }), 'up{instance="x:1", job="a\\"b"}');
  assert.equal(seriesText({ __name__: 'my.metric', 'a b': 'c' }), '{"my.metric", "a b"="c"}');
  assert.equal(seriesText({ __name__: 'up' }), 'up');
  assert.equal(seriesText({}), '{}');
  assert.equal(selectorText({ type: 'vectorSelector', name: 'up', matchers: [{ name: '__name__', type: '=', value: 'up' }, { name: 'job', type: '=~', value: 'a|b' }] }), 'up{job=~"a|b"}');
  const leaf = { type: 'numberLiteral', val: '1' };
  assert.deepEqual(childrenOf({ type: 'binaryExpr', lhs: leaf, rhs: leaf, matching: null }), [leaf, leaf]);
  assert.deepEqual(childrenOf({ type: 'call', args: [leaf] }), [leaf]);
});
