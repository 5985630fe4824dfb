import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  attributeSet,
  defineMetric,
  EMPTY_RESOURCE,
  EMPTY_SCOPE,
  type Explanation,
  type Metric,
  metricBatch,
  NumberPointsBuilder,
  SeriesInterner,
  sum,
} from 'bpflow/sdk';
import { Served } from './test/served.ts';

const CALLS = defineMetric({
  name: 'ebpf.calls',
  unit: '{call}',
  seedName: 'ebpf_calls',
  kind: 'counter',
  description: 'Calls.',
  exactness: 'exact',
  attributes: { 'call.name': 'call' },
});

function calls(values: Readonly<Record<string, number>>, own = true): Metric {
  const interner = new SeriesInterner();
  const builder = new NumberPointsBuilder({ integer: true });
  for (const [name, value] of Object.entries(values)) {
    builder.add(interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({ 'call.name': name })), value);
  }
  const definition = own ? CALLS : { name: 'calls', unit: '', description: 'Calls.' };
  const options = { monotonic: true, temporality: own ? 'cumulative' : 'delta' } as const;
  return sum(definition, interner.table, builder.take(2n, 1n), options);
}

function explained(metrics: readonly Metric[], metric: string, labels: object = {}, names: readonly string[] = []) {
  const { exporter, scope } = new Served();
  void exporter.consume.metrics!(metricBatch([...metrics]), new AbortController().signal);
  const query = { metric, labels: JSON.stringify(labels), names: JSON.stringify(names) };
  return scope.view('explain', query) as Explanation;
}

test('the line of a series is told, by its name on the page and by names that others have told', () => {
  const metrics = [calls({ read: 7, 'a "b"\n': 8 })];
  for (const told of [
    explained(metrics, 'ebpf_calls', { call: 'read' }),
    explained(metrics, 'ebpf.calls', { call: 'read' }, ['ebpf_calls']),
    explained(metrics, 'ebpf_calls_total', { call: 'read' }),
  ]) {
    assert.deepEqual(told.series, [{ series: 'ebpf_calls{call="read"}', facts: [['exported', '7']] }]);
    assert.deepEqual(told.facts, [['page', 'ebpf_calls, counter: Calls.']]);
  }
  const [quoted] = explained(metrics, 'ebpf_calls', { call: 'a "b"\n' }).series;
  assert.deepEqual(quoted?.facts, [['exported', '8']]);
  assert.deepEqual(explained(metrics, 'ebpf_calls', { call: 'none' }).series, []);
});

test('no more lines are told than a terminal shows; the rest is counted', () => {
  const values = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`call ${i}`, i]));
  const { series, more } = explained([calls(values)], 'ebpf_calls');
  assert.deepEqual([series.length, more], [20, 10]);
});

test('what is not on the page is not known, unless it was left out: then the reason is told', () => {
  assert.equal(explained([calls({ read: 1 })], 'others').known, false);
  const leftOut = explained([calls({ read: 1 }, false)], 'calls');
  assert.equal(leftOut.known, true);
  assert.match(leftOut.reason, /^It is left out of the page: its values are deltas/);
});
