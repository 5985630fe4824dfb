import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BpfMap } from 'bpflow/sdk';
import { Counters, markedCounter, NO_SERIES } from './counters.ts';

test('tells what each key has grown by since it was last read, over all CPUs', () => {
  const map = fakeMap({ cpus: 2, counters: 1 });
  const counters = new Counters(map, { counters: 1, batch: true });
  map.set([1, 7], [[5n], [6n]]);
  assert.deepEqual(grown(counters), { '1,7': [11] });
  assert.deepEqual(grown(counters), {});
  map.set([1, 7], [[5n], [9n]]);
  map.set([2, 7], [[1n], [0n]]);
  assert.deepEqual(grown(counters), { '1,7': [3], '2,7': [1] });
});

test('a CPU that goes offline keeps what it had, and counts on when it is back', () => {
  const map = fakeMap({ cpus: 2, counters: 1 });
  const counters = new Counters(map, { counters: 1, batch: true });
  const steps: readonly (readonly [first: bigint, second: bigint, grown: number])[] = [
    [5n, 6n, 11],
    [9n, 6n, 4],
    [12n, 6n, 3],
    [13n, 8n, 3],
  ];
  for (const [first, second, growth] of steps) {
    map.set([1, 7], [[first], [second]]);
    assert.deepEqual(grown(counters), { '1,7': [growth] });
  }
});

test('stays exact beyond 2^53 and over the carry between words', () => {
  const map = fakeMap({ cpus: 3, counters: 1 });
  const counters = new Counters(map, { counters: 1, batch: true });
  map.set([1, 1], [[2n ** 60n], [2n ** 32n - 1n], [2n ** 32n - 1n]]);
  counters.collect(() => {});
  map.set([1, 1], [[2n ** 60n + 1n], [2n ** 32n], [2n ** 33n]]);
  assert.deepEqual(grown(counters), { '1,1': [Number(1n + 1n + 2n ** 33n - 2n ** 32n + 1n)] });
});

test('a counter that falls has not grown, and what it regains is not counted twice', () => {
  const map = fakeMap({ cpus: 1, counters: 2 });
  const counters = new Counters(map, { counters: 2, batch: true });
  map.set([1, 1], [[10n, 1n]]);
  counters.collect(() => {});
  map.set([1, 1], [[8n, 2n]]);
  assert.deepEqual(grown(counters), { '1,1': [0, 1] });
  map.set([1, 1], [[12n, 2n]]);
  assert.deepEqual(grown(counters), { '1,1': [2, 0] });
});

test('keeps thousands of keys apart, however the buffers have to grow', () => {
  const map = fakeMap({ cpus: 2, counters: 1, maxEntries: 5000 });
  const counters = new Counters(map, { counters: 1, batch: true });
  for (let i = 0; i < 5000; i++) map.set([i, i % 3], [[1n], [BigInt(i)]]);
  const first = grown(counters);
  assert.equal(Object.keys(first).length, 5000);
  for (let i = 0; i < 5000; i++) assert.deepEqual(first[`${i},${i % 3}`], [i + 1]);
  assert.deepEqual(grown(counters), {});
});

test('visits what was read last once more, with marks that tell the counters apart whatever the unit', () => {
  const map = fakeMap({ cpus: 2, counters: 2 });
  const counters = new Counters(map, { counters: 2, batch: true });
  map.set(
    [1, 1],
    [
      [5n, 1n],
      [6n, 2n],
    ],
  );
  map.set(
    [2, 2],
    [
      [7n, 0n],
      [0n, 0n],
    ],
  );
  const seen: [key: string, counter: number, unit: number][] = [];
  let replaying = '';
  const visit = (row: number, key: Uint32Array, at: number): void => {
    if (key[at] === 1) counters.setSeries(row, 9);
    if (replaying === '') return;
    for (const [i, unit] of [1, 4096].entries()) {
      const marked = markedCounter(counters.deltas[i]! * unit);
      seen.push([replaying, marked.counter, marked.unit]);
    }
  };
  counters.collect(visit);
  counters.replay(({ key, value }) => (replaying = `${key}: ${value}`));
  assert.deepEqual(seen, [
    ['1,1: 5,0,1,0,6,0,2,0', 0, 1],
    ['1,1: 5,0,1,0,6,0,2,0', 1, 4096],
  ]);
  replaying = '';
  assert.deepEqual(grown(counters), {});
});

test('keeps the series of a key, and none for a key that was never counted', () => {
  const map = fakeMap({ cpus: 1, counters: 1 });
  const counters = new Counters(map, { counters: 1, batch: true });
  map.set([1, 1], [[0n]]);
  assert.deepEqual(grown(counters), {});
  map.set([1, 1], [[1n]]);
  counters.collect((row) => {
    assert.equal(counters.seriesOf(row), NO_SERIES);
    counters.setSeries(row, 42);
  });
  map.set([1, 1], [[2n]]);
  counters.collect((row) => assert.equal(counters.seriesOf(row), 42));
});

test('forgets chosen keys here and in the map, tells their series, and counts a new one with the same key from zero', () => {
  const map = fakeMap({ cpus: 1, counters: 1 });
  const counters = new Counters(map, { counters: 1, batch: true });
  for (let i = 0; i < 40; i++) map.set([i, 0], [[3n]]);
  map.set([99, 0], [[0n]]);
  counters.collect((row, key, at) => counters.setSeries(row, key[at]! + 1000));
  const ended: number[] = [];
  counters.forget(
    (word) => word % 2 === 1,
    (series) => ended.push(series),
  );
  assert.deepEqual(
    ended.sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, i) => 1001 + 2 * i),
  );
  assert.equal(map.entries(), 20);
  assert.equal(counters.size, 20);
  map.set([1, 0], [[4n]]);
  assert.deepEqual(grown(counters), { '1,0': [4] });
});

function grown(counters: Counters): Record<string, number[]> {
  const seen: Record<string, number[]> = {};
  counters.collect((_, key, at) => {
    seen[`${key[at]},${key[at + 1]}`] = [...counters.deltas];
  });
  return seen;
}

/** A per-CPU hash with keys of two words, as far as counters need one. */
function fakeMap({ cpus, counters, maxEntries = 128 }: { cpus: number; counters: number; maxEntries?: number }) {
  const entries = new Map<string, { key: Uint32Array; value: BigUint64Array }>();
  const stride = cpus * counters * 8;
  const map = {
    type: cpus === 1 ? 'hash' : 'percpu_hash',
    keySize: 8,
    valueSize: counters * 8,
    stride,
    maxEntries,
    readInto(keys: Uint8Array, values: Uint8Array): number {
      const room = Math.min(keys.length / 8, values.length / stride);
      let entry = 0;
      for (const { key, value } of entries.values()) {
        if (entry === room) break;
        keys.set(new Uint8Array(key.buffer), entry * 8);
        values.set(new Uint8Array(value.buffer), entry * stride);
        entry++;
      }
      return entry;
    },
    delete: (key: Uint8Array) => entries.delete([...new Uint32Array(key.buffer)].join()),
  };
  return Object.assign(map as unknown as BpfMap, {
    set(key: readonly number[], perCpu: readonly (readonly bigint[])[]): void {
      entries.set(key.join(), { key: Uint32Array.from(key), value: BigUint64Array.from(perCpu.flat()) });
    },
    entries: () => entries.size,
  });
}
