import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hashedRandomness } from './hashed-randomness.ts';
import { equalizing, proportional } from './mode.ts';
import {
  ALWAYS,
  admits,
  formatRandomness,
  NEVER,
  parseRandomness,
  parseThreshold,
  probabilityOf,
  thresholdOf,
} from './threshold.ts';
import { formatTraceState, parseTraceState } from './trace-state.ts';

describe('a threshold', () => {
  // The specification's own examples, and (1 − p) · 2^56 rounded by hand.
  const rows: readonly (readonly [probability: number, digits: number, text: string])[] = [
    [1, 4, '0'],
    [0.5, 4, '8'],
    [0.25, 4, 'c'],
    [0.1, 4, 'e666'],
    [0.1, 14, 'e6666666666666'],
    [0.1, 3, 'e66'],
    [1 / 3, 4, 'aaab'],
    [1 / 3, 14, 'aaaaaaaaaaaaac'],
    [0.01, 4, 'fd70a'],
    [0.01, 1, 'fd'],
    [0.001, 4, 'ffbe77'],
    [0.99, 4, '028f6'],
    [2 ** -56, 14, 'ffffffffffffff'],
  ];
  for (const [probability, digits, text] of rows) {
    test(`of ${probability} with ${digits} digits is ${text}`, () => {
      assert.equal(thresholdOf(probability, digits)!.text, text);
    });
  }

  test('is read with the zeros that were left out', () => {
    assert.deepEqual(parseThreshold('c'), { high: 0xc000000, low: 0, text: 'c' });
    assert.equal(probabilityOf(parseThreshold('c')!), 0.25);
    assert.equal(probabilityOf(parseThreshold('00000000000001')!), 1);
    assert.equal(probabilityOf(parseThreshold('ffffffffffffff')!), 2 ** -56);
    for (const text of ['', 'g', '123456789abcdef', '-1', '0x1', '1_0']) assert.equal(parseThreshold(text), undefined);
  });

  test('admits the randomness that is not below it, in every one of the 56 bits', () => {
    const randomness = parseRandomness('9b8233f7e3a151')!;
    assert.equal(admits(parseThreshold('8')!, randomness), true);
    assert.equal(admits(parseThreshold('9b8233f7e3a151')!, randomness), true);
    assert.equal(admits(parseThreshold('9b8233f7e3a152')!, randomness), false);
    assert.equal(admits(parseThreshold('c')!, randomness), false);
    assert.equal(admits(ALWAYS, parseRandomness('00000000000000')!), true);
    assert.equal(admits(NEVER, parseRandomness('ffffffffffffff')!), false);
    assert.equal(formatRandomness(randomness), '9b8233f7e3a151');
  });

  test('of no share does not exist', () => {
    for (const probability of [0, 2 ** -57, 1.1, Number.NaN]) assert.equal(thresholdOf(probability, 4), undefined);
  });
});

describe('modes', () => {
  test('proportional keeps its share of what was sampled before', () => {
    const mode = proportional(0.5, 4);
    assert.equal(mode.threshold(undefined).text, '8');
    assert.equal(mode.threshold(parseThreshold('8')).text, 'c');
    assert.equal(mode.threshold(parseThreshold('c')).text, 'e');
    assert.equal(mode.threshold(parseThreshold('ffffffffffffff')), NEVER);
  });

  test('equalizing leaves alone what was sampled more', () => {
    const mode = equalizing(thresholdOf(0.25, 4)!);
    assert.equal(mode.threshold(undefined).text, 'c');
    assert.equal(mode.threshold(parseThreshold('8')).text, 'c');
    assert.equal(mode.threshold(parseThreshold('e00')).text, 'e');
  });
});

describe('a tracestate', () => {
  test('is read and written with what else stands in it', () => {
    const state = parseTraceState('vendor=1 , ot=th:8;x:1;rv:9b8233f7e3a151,a@b=c');
    assert.equal(state.threshold!.text, '8');
    assert.equal(state.randomnessText, '9b8233f7e3a151');
    assert.equal(state.isBroken, false);
    assert.equal(formatTraceState(state, 'c', state.randomnessText), 'ot=rv:9b8233f7e3a151;th:c;x:1,vendor=1,a@b=c');
    assert.equal(formatTraceState(state, '', ''), 'ot=x:1,vendor=1,a@b=c');
    assert.equal(formatTraceState(parseTraceState(''), '', ''), '');
  });

  test('that is broken is known to be', () => {
    const long = `a=${'x'.repeat(1100)}`;
    const many = Array.from({ length: 33 }, (_, i) => `k${i}=v`).join(',');
    for (const text of ['=', 'A=1', 'ot=', 'ot=th', 'ot=th:g', 'ot=rv:1', 'ot=a:b;', 'a=\n', long, many]) {
      assert.equal(parseTraceState(text).isBroken, true, text);
    }
    for (const text of ['', 'a=1', ',a=1,', 'ot=a:', 'ot=th:0'])
      assert.equal(parseTraceState(text).isBroken, false, text);
  });
});

test('what is kept of a smaller share is kept of a larger one', () => {
  const thresholds = [1, 0.5, 0.3, 0.1, 0.01, 0.0001].map((share) => thresholdOf(share, 4)!);
  let state = 1;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 4;
  };
  const counts = thresholds.map(() => 0);
  for (let i = 0; i < 20_000; i++) {
    const randomness = { high: next(), low: next() };
    const kept = thresholds.map((threshold) => admits(threshold, randomness));
    for (const [k, isKept] of kept.entries()) if (isKept) counts[k]!++;
    assert.deepEqual(
      kept,
      kept.toSorted((a, b) => Number(b) - Number(a)),
    );
  }
  assert.equal(counts[0], 20_000);
  assert.ok(Math.abs(counts[3]! - 2000) < 200, `${counts}`);
});

test('hashed randomness has the decisive 14 bits of FNV-1a first, counted down from the top', () => {
  const rows: readonly (readonly [text: string, seed: number, randomness: string])[] = [
    ['foobar', 0, '439c38bc2caf18'],
    ['', 22, '5ff02b8ae02803'],
    ['request-1', 4000000000, '4bd02a0082ad0b'],
  ];
  for (const [text, seed, randomness] of rows) {
    assert.equal(formatRandomness(hashedRandomness(new TextEncoder().encode(text), seed)), randomness);
  }
});
