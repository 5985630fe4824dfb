import assert from 'node:assert/strict';
import { test } from 'node:test';
import { probabilityOf } from 'bpflow/sdk';
import { sampledTiming, sampleShiftOf, sampleThresholdOf } from './sampling.ts';

test('a percentage is the nearest one in a power of two', () => {
  const nearest = { 100: 1, 75: 1, 70: 2, 50: 2, 30: 4, 25: 4, 12.5: 8, 10: 8, 5: 16, 2: 64, 1: 128 };
  for (const [percentage, oneIn] of Object.entries(nearest)) {
    assert.equal(2 ** sampleShiftOf(Number(percentage)), oneIn, `${percentage} %`);
  }
});

test('what an item stands for is the inverse of its threshold’s share', () => {
  assert.equal(sampleThresholdOf(0), undefined);
  for (let shift = 1; shift <= 7; shift++) assert.equal(1 / probabilityOf(sampleThresholdOf(shift)!), 2 ** shift);
  assert.deepEqual(
    [1, 3, 7].map((shift) => sampleThresholdOf(shift)?.text),
    ['8', 'e', 'fe'],
  );
});

test('a histogram says by how much it is estimated, and nothing when all is timed', () => {
  assert.equal(sampledTiming({ sampleShift: 0 }), undefined);
  assert.match(sampledTiming({ sampleShift: 3 })!, /one in 8 .* counts 8 times; .* 5 × √\(7 n\)\.$/);
});
