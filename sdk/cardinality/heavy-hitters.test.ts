import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HeavyHitters } from './heavy-hitters.ts';
import { KeyIndex } from './key-index.ts';

test('a key index finds what a map finds', () => {
  const key = fc.oneof(
    fc.integer({ min: 1, max: 40 }),
    fc.integer({ min: 1, max: 40 }).map((n) => n * 2 ** 32 + 7),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.boolean()), { maxLength: 200 }), (steps) => {
      const index = new KeyIndex(1);
      const map = new Map<number, number>();
      for (const [i, [each, adds]] of steps.entries()) {
        if (adds && !map.has(each)) {
          index.add(each, i);
          map.set(each, i);
        } else if (!adds && map.delete(each)) {
          index.remove(each);
        }
        for (const [known] of steps) assert.equal(index.get(known), map.get(known) ?? -1);
      }
    }),
  );
});

test('every key with more than a share of all weight is found, as Metwally proves', () => {
  const stream = fc.array(fc.tuple(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 9 })), {
    minLength: 500,
    maxLength: 3000,
  });
  fc.assert(
    fc.property(stream, fc.integer({ min: 1, max: 2000 }), (all, favourite) => {
      const hitters = new HeavyHitters(1);
      let total = 0;
      let own = 0;
      for (const [i, [key, weight]] of all.entries()) {
        const each = i % 3 === 0 ? favourite : key;
        hitters.add(each, weight);
        total += weight;
        if (each === favourite) own += weight;
      }
      // 128 others are watched, so the error of each is at most a 128th of the total.
      if (own - total / 128 > total / 4) assert.equal(hitters.changes(1)[0]!.up, favourite);
    }),
    { numRuns: 50 },
  );
});

test('a name is given up only to what is clearly larger', () => {
  const hitters = new HeavyHitters(2);
  for (const key of [1, 2]) hitters.name(key);
  for (const [key, weight] of [
    [1, 100],
    [2, 10],
    [3, 12],
    [4, 5],
  ] as const) {
    hitters.add(key, weight);
  }
  assert.deepEqual(hitters.changes(0), []);
  hitters.add(3, 1);
  assert.deepEqual(hitters.changes(0), [{ up: 3, down: 2 }]);
  assert.deepEqual(hitters.changes(1), [{ up: 3, down: undefined }]);
  hitters.fade(0.5);
  hitters.add(4, 10);
  assert.deepEqual(hitters.changes(0), [{ up: 4, down: 2 }]);
});
