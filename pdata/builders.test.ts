import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  attributeSet,
  EMPTY_RESOURCE,
  EMPTY_SCOPE,
  ExponentialHistogramPointsBuilder,
  exponentialHistogram,
  HistogramPointsBuilder,
  histogram,
  NumberPointsBuilder,
  points,
  SeriesInterner,
  sum,
} from './index.ts';

const names = { name: 'x', unit: '1', description: '' };
const interner = new SeriesInterner();
for (let n = 0; n < 200; n++) interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({ n }));
const { table } = interner;

describe('number points', () => {
  test('keep their order and values while the buffers grow', () => {
    const builder = new NumberPointsBuilder({ integer: true });
    for (let n = 0; n < 200; n++) builder.add(n, n * 2);
    const { ids, values, length, time, startTime, flags } = builder.take(9n, 5n);
    assert.equal(length, 200);
    assert.deepEqual(
      [...ids],
      Array.from({ length: 200 }, (_, n) => n),
    );
    assert.deepEqual(
      [...values],
      Array.from({ length: 200 }, (_, n) => n * 2),
    );
    assert.deepEqual([time, startTime, flags], [9n, 5n, 0]);
    assert.equal(builder.length, 0);
  });

  test('that were taken are not touched by what comes later', () => {
    const builder = new NumberPointsBuilder({ integer: false });
    builder.add(1, 1.5, 3n, 2n, 1);
    const taken = builder.take(9n, 5n);
    builder.add(2, 2.5);
    const later = builder.take(10n, 6n);
    assert.deepEqual([[...taken.ids], [...taken.values], taken.time], [[1], [1.5], BigUint64Array.of(3n)]);
    assert.deepEqual([[...later.ids], [...later.values], later.time, later.flags], [[2], [2.5], 10n, 0]);
  });

  test('have a time and flags of their own where they are given, also late', () => {
    const builder = new NumberPointsBuilder({ integer: true });
    for (let n = 0; n < 130; n++) builder.add(n, n);
    builder.add(130, 1, 77n, 66n, 1);
    builder.add(131, 1);
    const { time, startTime, flags } = builder.take(9n, 5n);
    assert.deepEqual([...(time as BigUint64Array).slice(128)], [9n, 9n, 77n, 9n]);
    assert.deepEqual([...(startTime as BigUint64Array).slice(128)], [5n, 5n, 66n, 5n]);
    assert.deepEqual([...(flags as Uint32Array).slice(128)], [0, 0, 1, 0]);
  });

  test('beyond 2^53 make a column of bigints, or several points', () => {
    const wide = new NumberPointsBuilder({ integer: true });
    wide.add(0, 1);
    wide.add(1, 2n ** 60n);
    assert.deepEqual(wide.take(1n, 0n).values, BigInt64Array.of(1n, 2n ** 60n));
    const split = new NumberPointsBuilder({ integer: true, wide: 'points' });
    split.add(1, -(2n ** 54n));
    split.add(2, 7n);
    const { ids, values } = split.take(1n, 0n);
    assert.deepEqual([...ids], [1, 1, 1, 2]);
    assert.equal(
      [...(values as Float64Array)].slice(0, 3).reduce((total, part) => total + BigInt(part), 0n),
      -(2n ** 54n),
    );
    for (const value of values) assert.ok(Number.isSafeInteger(value));
  });

  test('of ints refuse what is none', () => {
    const builder = new NumberPointsBuilder({ integer: true });
    assert.throws(() => builder.add(0, 1.5), /1.5 is not a safe integer/);
    assert.throws(() => builder.add(0, 2 ** 53), /give integers beyond 2\^53 as bigint/);
    assert.throws(() => builder.add(0, 2n ** 63n), /more than 64 bits/);
    assert.equal(builder.length, 0);
  });
});

describe('histogram points', () => {
  test('keep counts by row, and smallest and largest values where there are any', () => {
    const builder = new HistogramPointsBuilder([10, 100]);
    for (let n = 0; n < 40; n++) builder.add(n, [n, 0, 1], n * 3);
    builder.add(40, [9, 1, 2, 3], 5, 7n, 6n, 0, 1, 4, 1);
    const metric = histogram(names, table, builder.take(9n, 5n), { temporality: 'delta' });
    const rows = [...points(metric)];
    assert.deepEqual([[...rows[39]!.counts], rows[39]!.sum, rows[39]!.min], [[39, 0, 1], 117, Number.NaN]);
    assert.deepEqual(
      [[...rows[40]!.counts], rows[40]!.count, rows[40]!.min, rows[40]!.max, rows[40]!.time],
      [[1, 2, 3], 6, 1, 4, 7n],
    );
    assert.equal('min' in builder.take(9n, 5n), false);
  });

  test('refuse bounds that do not ascend, and rows that are too short', () => {
    assert.throws(() => new HistogramPointsBuilder([1, 1]), /ascending; number 1 is 1/);
    assert.throws(() => new HistogramPointsBuilder([1, Number.POSITIVE_INFINITY]), /finite/);
    const builder = new HistogramPointsBuilder([10]);
    assert.throws(() => builder.add(0, [1], 1), /has 2 counts, not 1/);
    assert.equal(builder.length, 0);
  });
});

test('exponential points keep buckets of any length', () => {
  const builder = new ExponentialHistogramPointsBuilder();
  for (let n = 0; n < 30; n++) {
    builder.add(n, { scale: n, positive: { offset: -n, counts: new Array(n).fill(1) }, sum: n });
  }
  builder.add(30, {
    scale: 0,
    zeroCount: 2,
    zeroThreshold: 0.5,
    negative: { offset: 3, counts: [4] },
    sum: -1,
    min: -9,
    max: 0,
  });
  const metric = exponentialHistogram(names, table, builder.take(9n, 5n), { temporality: 'delta' });
  const rows = [...points(metric)];
  for (let n = 0; n < 30; n++) {
    const { scale, positive, negative, count } = rows[n]!;
    assert.deepEqual(
      [scale, positive.offset, positive.counts.length, negative.counts.length, count],
      [n, n === 0 ? 0 : -n, n, 0, n],
    );
  }
  const last = rows[30]!;
  assert.deepEqual([last.count, last.zeroThreshold, last.min, [...last.negative.counts]], [6, 0.5, -9, [4]]);
});

test('a metric of a definition carries it, a foreign one does not', () => {
  const definition = {
    name: 'ebpf.calls',
    unit: '{call}',
    seedName: 'ebpf_calls',
    kind: 'counter',
    description: 'Calls.',
    exactness: 'exact',
    attributes: {},
  } as const;
  const none = new NumberPointsBuilder({ integer: true }).take(0n, 0n);
  const options = { monotonic: true, temporality: 'delta' } as const;
  assert.equal(sum(definition, table, none, options).definition, definition);
  assert.equal(sum(names, table, none, options).definition, undefined);
});
