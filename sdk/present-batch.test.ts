import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  attributeSet,
  createResource,
  defineMetric,
  EMPTY_SCOPE,
  ExponentialHistogramPointsBuilder,
  exponentialHistogram,
  HistogramPointsBuilder,
  histogram,
  type MetricBatch,
  metricBatch,
  NumberPointsBuilder,
  presentBatch,
  SeriesInterner,
  sum,
} from 'bpflow/sdk';
import { metricsOf, sampleBatch } from 'bpflow/testing';

const LATENCY = defineMetric({
  name: 'ebpf.test.duration',
  unit: 'ns',
  otelUnit: 's',
  seedName: 'ebpf_test_latency_ns',
  kind: 'histogram',
  description: 'How long it takes.',
  exactness: { estimated: 'one in two is timed.' },
  attributes: { 'ebpf.test.name': 'test' },
});

const TIME = defineMetric({
  name: 'ebpf.test.time',
  unit: 'ns',
  otelUnit: 's',
  seedName: 'ebpf_test_time_ns',
  kind: 'counter',
  description: 'Time spent.',
  exactness: 'exact',
  attributes: { 'ebpf.test.name': 'test' },
});

const interner = new SeriesInterner();
const ids = ['read', 'write'].map((name) =>
  interner.intern(createResource({ 'host.name': 'h' }), EMPTY_SCOPE, attributeSet({ 'ebpf.test.name': name, cpu: 1 })),
);

function own(): MetricBatch {
  const buckets = new HistogramPointsBuilder([1000, 2000]);
  const numbers = new NumberPointsBuilder({ integer: true });
  const exponential = new ExponentialHistogramPointsBuilder();
  for (const id of ids) {
    buckets.add(id, [1, 2, 3], 123);
    numbers.add(id, 123);
    exponential.add(id, { scale: 0, zeroCount: 0, positive: { offset: 3, counts: [1] }, sum: 9 });
  }
  return metricBatch([
    histogram(LATENCY, interner.table, buckets.take(2n, 1n), { temporality: 'delta' }),
    sum(TIME, interner.table, numbers.take(2n, 1n), { monotonic: true, temporality: 'delta' }),
    exponentialHistogram(LATENCY, interner.table, exponential.take(2n, 1n), { temporality: 'delta' }),
  ]);
}

test('under OTel names values are in seconds, correctly rounded', () => {
  const [latency, , time, , exponential] = metricsOf(presentBatch(own(), 'otel'));
  assert.deepEqual(latency!.bounds, [0.000001, 0.000002]);
  assert.equal(latency!.sum, 1.23e-7);
  assert.deepEqual([latency!.name, latency!.unit], ['ebpf.test.duration', 's']);
  assert.deepEqual([time!.name, time!.unit, time!.value], ['ebpf.test.time', 's', 1.23e-7]);
  assert.deepEqual([exponential!.name, exponential!.unit, exponential!.sum], ['ebpf.test.duration', 'ns', 9]);
  assert.deepEqual(latency!.attributes, { 'ebpf.test.name': 'read', cpu: 1 });
});

test('seconds are doubles, what is not scaled stays what it is', () => {
  const [, time] = presentBatch(own(), 'otel').metrics;
  assert.ok(time!.kind === 'sum' && !time!.points.integer);
  const [, seed] = presentBatch(own(), 'seed').metrics;
  assert.ok(seed!.kind === 'sum' && seed!.points.integer);
});

test('under seed names attributes have the labels, and series their tables', () => {
  const batch = own();
  const shown = presentBatch(batch, 'seed');
  const [latency, , time] = metricsOf(shown);
  assert.deepEqual([latency!.name, latency!.unit, latency!.sum], ['ebpf_test_latency_ns', 'ns', 123]);
  assert.deepEqual([time!.name, time!.value], ['ebpf_test_time_ns', 123]);
  assert.deepEqual(latency!.attributes, { cpu: 1, test: 'read' });
  assert.equal(presentBatch(batch, 'seed').metrics[1]!.series, shown.metrics[1]!.series);
});

test('nothing shown has a definition, and an estimate says so', () => {
  const shown = presentBatch(own(), 'otel');
  assert.ok(shown.metrics.every((metric) => !('definition' in metric)));
  assert.equal(shown.metrics[0]!.description, 'How long it takes. Estimated: one in two is timed.');
});

test('foreign metrics are untouched, alone and among others', () => {
  const foreign = sampleBatch('metrics');
  assert.equal(presentBatch(foreign, 'seed'), foreign);
  const mixed = presentBatch(metricBatch([...own().metrics, ...foreign.metrics]), 'seed');
  assert.deepEqual(mixed.metrics.slice(3), foreign.metrics);
});
