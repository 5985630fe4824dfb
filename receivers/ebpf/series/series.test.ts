import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  attributeSet,
  createScope,
  defineMetric,
  EMPTY_RESOURCE,
  flagsAt,
  type Metric,
  NO_RECORDED_VALUE,
  SeriesInterner,
} from 'bpflow/sdk';
import { EXPLICIT_BOUNDS, HISTOGRAM_COUNTERS, PendingHistogram } from './histograms.ts';
import { SeriesSet } from './series.ts';
import { PendingSum } from './sums.ts';

const calls = defineMetric({
  name: 'test.calls',
  unit: '{call}',
  seedName: 'test_calls',
  kind: 'counter',
  description: 'Calls.',
  exactness: 'exact',
  attributes: { name: 'name' },
});
const wait = defineMetric({ ...calls, name: 'test.wait', unit: 'ns', seedName: 'test_wait_ns', kind: 'histogram' });

test('what several keys count for one series is added, and handed on until it is accepted', () => {
  const sum = new PendingSum(calls, newSeries());
  const a = open(sum.series, 'a');
  assert.equal(open(sum.series, 'a'), a);
  sum.add(a, 3);
  sum.add(a, 4);
  assert.deepEqual(rows(sum.build(2n, 1n)), { a: 7 });
  sum.add(open(sum.series, 'b'), 1);
  assert.deepEqual(rows(sum.build(3n, 1n)), { a: 7, b: 1 });
  sum.accepted();
  assert.equal(sum.build(4n, 3n), undefined);
});

test('a series ends with a point without a value when its last feeder has ended, and once', () => {
  const sum = new PendingSum(calls, newSeries());
  const a = open(sum.series, 'a');
  open(sum.series, 'a');
  sum.series.close(a);
  assert.equal(sum.build(2n, 1n), undefined);
  sum.series.close(a);
  assert.deepEqual(endings(sum.build(2n, 1n)), ['a']);
  assert.deepEqual(endings(sum.build(2n, 1n)), ['a']);
  assert.equal(sum.accepted(), 1);
  assert.equal(sum.build(3n, 2n), undefined);
});

test('what a series still has to tell comes before its end', () => {
  const sum = new PendingSum(calls, newSeries());
  const a = open(sum.series, 'a');
  sum.add(a, 5);
  sum.series.close(a);
  const first = sum.build(2n, 1n);
  assert.deepEqual([rows(first), endings(first)], [{ a: 5 }, []]);
  sum.accepted();
  assert.deepEqual(endings(sum.build(3n, 2n)), ['a']);
});

test('a series that comes back before its end was told has not ended', () => {
  const sum = new PendingSum(calls, newSeries());
  sum.series.close(open(sum.series, 'a'));
  const a = open(sum.series, 'a');
  assert.equal(sum.build(2n, 1n), undefined);
  sum.add(a, 1);
  assert.deepEqual(rows(sum.build(2n, 1n)), { a: 1 });
});

test('an ended series leaves its place to a new one, and ids follow the table', () => {
  const interner = new SeriesInterner();
  const sum = new PendingSum(calls, new SeriesSet(interner, createScope('test')));
  const a = open(sum.series, 'a');
  sum.series.close(a);
  sum.build(2n, 1n);
  sum.accepted();
  assert.equal(open(sum.series, 'b'), a);
  sum.add(a, 2);
  interner.rotate();
  assert.deepEqual(rows(sum.build(3n, 2n)), { b: 2 });
});

test('explicit histograms have bounds at powers of two and everything in them', () => {
  const histogram = new PendingHistogram(wait, newSeries(), 'explicit');
  const series = open(histogram.series, 'a');
  histogram.add(series, kernelHistogram({ sum: 1000, zero: 1, buckets: { 0: 2, 8: 4, 9: 8, 34: 16, 35: 32, 47: 64 } }));
  const metric = histogram.build(2n, 1n);
  assert.equal(metric?.kind, 'histogram');
  const { bounds, counts, sums } = metric.points;
  assert.deepEqual([bounds[0], bounds.at(-1), bounds.length], [256, 2 ** 34, EXPLICIT_BOUNDS.length]);
  assert.deepEqual([counts[0], counts[1], counts.at(-2), counts.at(-1)], [7, 8, 16, 96]);
  assert.equal(sums[0], 1000);
});

test('exponential histograms of scale 0 have the same buckets: (2^i, 2^(i+1)]', () => {
  const histogram = new PendingHistogram(wait, newSeries(), 'exponential');
  const series = open(histogram.series, 'a');
  histogram.add(series, kernelHistogram({ sum: 9, zero: 1, buckets: { 0: 2, 3: 4 } }));
  const metric = histogram.build(2n, 1n);
  assert.equal(metric?.kind, 'exponential_histogram');
  const { scale, positive, zeroCount, sums } = metric.points;
  assert.deepEqual([scale[0], positive.offset[0], zeroCount[0], sums[0]], [0, -1, 1, 9]);
  assert.deepEqual([...positive.counts], [2, 0, 0, 4]);
});

for (const form of ['explicit', 'exponential'] as const) {
  test(`${form} histograms end as counters do`, () => {
    const histogram = new PendingHistogram(wait, newSeries(), form);
    const series = open(histogram.series, 'a');
    histogram.add(series, kernelHistogram({ sum: 1, zero: 0, buckets: { 0: 1 } }));
    histogram.build(2n, 1n);
    histogram.accepted();
    histogram.series.close(series);
    assert.deepEqual(endings(histogram.build(3n, 2n)), ['a']);
    assert.equal(histogram.accepted(), 1);
    assert.equal(histogram.build(4n, 3n), undefined);
  });
}

function newSeries(): SeriesSet {
  return new SeriesSet(new SeriesInterner(), createScope('test'));
}

function open(series: SeriesSet, name: string): number {
  return series.open(name, () => ({ resource: EMPTY_RESOURCE, attributes: attributeSet({ name }) }));
}

function kernelHistogram(values: { sum: number; zero: number; buckets: Record<number, number> }): Float64Array {
  const row = new Float64Array(HISTOGRAM_COUNTERS);
  row[0] = values.sum;
  row[1] = values.zero;
  for (const [bucket, count] of Object.entries(values.buckets)) row[2 + Number(bucket)] = count;
  return row;
}

function rows(metric: Metric | undefined): Record<string, number> {
  assert.equal(metric?.kind, 'sum');
  const values: Record<string, number> = {};
  for (let i = 0; i < metric.points.length; i++) {
    if (flagsAt(metric.points.flags, i) === 0) values[nameOf(metric, i)] = Number(metric.points.values[i]);
  }
  return values;
}

function endings(metric: Metric | undefined): string[] {
  if (metric === undefined) return [];
  const points = Array.from({ length: metric.points.length }, (_, i) => i);
  return points.filter((i) => flagsAt(metric.points.flags, i) === NO_RECORDED_VALUE).map((i) => nameOf(metric, i));
}

function nameOf(metric: Metric, i: number): string {
  return String(metric.series.attributes(metric.points.ids[i]!).get('name'));
}
