import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type BpfMap, createScope, type Metric, SeriesInterner, type StructMember } from 'bpflow/sdk';
import { fakeBpf } from 'bpflow/testing';
import type { DescribedMetric } from './description.ts';
import { MapMetric } from './map-metric.ts';
import { MapSource } from './map-source.ts';

const COUNTER: DescribedMetric = {
  kind: 'counter',
  unit: '{thing}',
  description: 'Things.',
  map: 'things',
  labels: {},
};
const member = (name: string, offset: number, size: number, more: Partial<StructMember> = {}): StructMember => ({
  name,
  offset,
  size,
  type: '__u64',
  kind: 'uint',
  ...more,
});
const struct = (name: string, size: number, ...members: readonly StructMember[]) => ({ name, size, members });

/** Metrics of a map: `write` sets an entry, `read` tells the points by their labels; null: the series has ended. */
function observed(type: string, metrics: Readonly<Record<string, Partial<DescribedMetric>>>, layout: Layout) {
  const { key, value } = layout;
  const bpf = fakeBpf({
    possibleCpus: 2,
    objects: {
      o: {
        maps: { things: { type, keySize: key.size, valueSize: value.size } },
        mapLayouts: { things: { key, value } },
      },
    },
  });
  const object = bpf.open('/o.bpf.o');
  object.load();
  const map: BpfMap = object.map('things');
  const shapes = Object.entries(metrics).map(
    ([name, described]) => new MapMetric(name, { ...COUNTER, ...described }, object.mapLayout('things')),
  );
  const context = { interner: new SeriesInterner(), scope: createScope('test', '1'), batch: true };
  const source = new MapSource(map, shapes, context);
  return {
    map,
    write: (key: Uint8Array, ...cpus: readonly Uint8Array[]) => map.update(key, joined(cpus, map.stride)),
    read: () => {
      source.collect();
      const built = source.metrics.flatMap((metric) => metric.build(2n, 1n) ?? []);
      const told = Object.fromEntries(built.map((metric) => [metric.name, pointsOf(metric)]));
      for (const metric of source.metrics) metric.accepted();
      return told;
    },
    usage: () => source.usage(),
  };
}

type Layout = { readonly key: ReturnType<typeof struct>; readonly value: ReturnType<typeof struct> };

const PLAIN: Layout = {
  key: struct('', 4, member('', 0, 4, { type: '__u32' })),
  value: struct('', 8, member('', 0, 8)),
};
const u32 = (...values: readonly number[]) => new Uint8Array(Uint32Array.from(values).buffer);
const u64 = (...values: readonly bigint[]) => new Uint8Array(BigUint64Array.from(values).buffer);

describe('a counter', () => {
  test('is what an entry has grown by, over all CPUs, exact beyond 2^53', () => {
    const { write, read } = observed('percpu_hash', { 'a.things': { labels: { kind: {} } } }, PLAIN);
    for (let total = 1n; total <= 16n; total++) {
      write(u32(7), u64(total * 2n ** 50n - 1n), u64(1n));
      assert.deepEqual(read(), { 'a.things': { 'kind=7': 2 ** 50 } });
    }
    write(u32(7), u64(2n ** 54n + 1n), u64(2n));
    write(u32(8), u64(0n), u64(0n));
    assert.deepEqual(read(), { 'a.things': { 'kind=7': 3 } });
    assert.deepEqual(read(), {});
  });

  test('that grows by what nobody can have counted does not, and others do', () => {
    const { write, read } = observed('hash', { 'a.things': { labels: { kind: {} } } }, PLAIN);
    write(u32(7), u64(2n ** 64n - 1n));
    write(u32(8), u64(2n ** 62n));
    write(u32(9), u64(5n));
    assert.deepEqual(read(), { 'a.things': { 'kind=9': 5 } });
  });

  test('whose entry is deleted ends; one that comes back, or has less, counts from 0', () => {
    const { map, write, read } = observed('hash', { 'a.things': { labels: { kind: {} } } }, PLAIN);
    write(u32(7), u64(10n));
    read();
    map.delete(u32(7));
    assert.deepEqual(read(), { 'a.things': { 'kind=7': null } });
    write(u32(7), u64(4n));
    assert.deepEqual(read(), { 'a.things': { 'kind=7': 4 } });
    write(u32(7), u64(3n));
    assert.deepEqual(read(), { 'a.things': { 'kind=7': 3 } });
  });

  test('of keys that differ in what is no label is their sum, and ends with the last of them', () => {
    const layout = { ...PLAIN, key: struct('key', 8, member('kind', 0, 4), member('cpu', 4, 4)) };
    const { map, write, read, usage } = observed('hash', { 'a.things': { labels: { kind: {} } } }, layout);
    write(u32(1, 0), u64(5n));
    write(u32(1, 1), u64(6n));
    assert.deepEqual(read(), { 'a.things': { 'kind=1': 11 } });
    assert.deepEqual(
      usage().map(({ entries }) => entries),
      [2],
    );
    map.delete(u32(1, 0));
    assert.deepEqual(read(), {});
    map.delete(u32(1, 1));
    assert.deepEqual(read(), { 'a.things': { 'kind=1': null } });
  });
});

test('a gauge is what stands now, with its sign', () => {
  const value = struct('', 4, member('', 0, 4, { kind: 'int', type: '__s32' }));
  const { write, read } = observed(
    'array',
    { 'a.level': { kind: 'gauge', labels: { slot: {} } } },
    { ...PLAIN, value },
  );
  write(u32(2), u32(-5));
  assert.deepEqual(read(), { 'a.level': { 'slot=2': -5 } });
  assert.deepEqual(read(), { 'a.level': { 'slot=2': -5 } });
  write(u32(2), u32(0));
  assert.deepEqual(read(), { 'a.level': { 'slot=2': 0 } });
});

test('several metrics are of one map, each of its member', () => {
  const value = struct('counts', 12, member('things', 0, 8), member('errors', 8, 2), member('level', 10, 1));
  const { write, read } = observed(
    'hash',
    { 'a.things': { value: 'things' }, 'a.errors': { value: 'errors' }, 'a.level': { kind: 'gauge', value: 'level' } },
    { ...PLAIN, value },
  );
  write(u32(1), Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9, 0));
  assert.deepEqual(read(), { 'a.things': { '': 3 }, 'a.errors': { '': 256 }, 'a.level': { '': 9 } });
});

describe('a histogram', () => {
  const value = struct('times', 40, member('slots', 0, 32, { length: 4 }), member('sum', 32, 8));
  const layout = { ...PLAIN, value };

  test('of slots by powers of two has the bounds of whole numbers', () => {
    const { write, read } = observed('hash', { 'a.times': { kind: 'histogram', value: 'slots', sum: 'sum' } }, layout);
    write(u32(1), u64(1n, 2n, 0n, 4n, 99n));
    assert.deepEqual(read(), { 'a.times': { '': { bounds: [1, 3, 7], counts: [1, 2, 0, 4], sum: 99 } } });
    write(u32(1), u64(1n, 2n, 1n, 4n, 104n));
    assert.deepEqual(read(), { 'a.times': { '': { bounds: [1, 3, 7], counts: [0, 0, 1, 0], sum: 5 } } });
    assert.deepEqual(read(), {});
  });

  test('has the bounds that are given, and a sum only where there is one', () => {
    const { map, write, read } = observed(
      'hash',
      { 'a.times': { kind: 'histogram', value: 'slots', bounds: [10, 20, 50] } },
      layout,
    );
    write(u32(1), u64(0n, 2n, 0n, 0n, 99n));
    assert.deepEqual(read(), { 'a.times': { '': { bounds: [10, 20, 50], counts: [0, 2, 0, 0], sum: Number.NaN } } });
    map.delete(u32(1));
    assert.deepEqual(read(), { 'a.times': { '': null } });
  });
});

function joined(cpus: readonly Uint8Array[], stride: number): Uint8Array {
  const all = new Uint8Array(stride);
  for (const [i, bytes] of cpus.entries()) all.set(bytes, (i * stride) / cpus.length);
  return all;
}

function pointsOf(metric: Metric): Record<string, unknown> {
  const { points, series } = metric;
  return Object.fromEntries(
    Array.from({ length: points.length }, (_, i) => {
      const attributes = Object.entries(series.attributes(points.ids[i]!).toObject());
      return [attributes.map((pair) => pair.join('=')).join(), valueAt(metric, i)];
    }),
  );
}

function valueAt(metric: Metric, i: number): unknown {
  const { flags } = metric.points;
  if ((typeof flags === 'number' ? flags : flags[i]!) !== 0) return null;
  if (metric.kind === 'histogram') {
    const { bounds, counts, sums } = metric.points;
    const width = bounds.length + 1;
    return { bounds: [...bounds], counts: [...counts.subarray(i * width, (i + 1) * width)], sum: sums[i] };
  }
  if (metric.kind === 'sum' || metric.kind === 'gauge') return Number(metric.points.values[i]);
  throw new TypeError(`A ${metric.kind} is not expected.`);
}
