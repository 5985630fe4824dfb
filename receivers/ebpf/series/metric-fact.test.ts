import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Kernel } from '../kernel/kernel.ts';
import { isFed, type MetricFact, stateOf } from './metric-fact.ts';

const FACT: MetricFact = {
  definition: {
    name: 'ebpf.things',
    unit: '{thing}',
    seedName: 'ebpf_things',
    kind: 'counter',
    description: 'Things.',
    exactness: 'exact',
  },
  own: {},
  keys: ['collect_things', 'features.sk_storage'],
  needs: ['thing_end'],
  exactWith: ['thing_begin'],
  maps: [],
};

const ON = { collect_things: true, features: { sk_storage: true } };

/** What the facts ask of the kernel half. */
function kernelWith(served: readonly string[], failed: Readonly<Record<string, string>> = {}): Kernel {
  const kernel: Pick<Kernel, 'serves' | 'lostOf' | 'failuresOf'> = {
    serves: (name) => served.includes(name),
    lostOf: (...names) => names.filter((name) => !served.includes(name)).map((name) => `No ${name}.`),
    failuresOf: (name) => (name in failed ? [{ program: `${name}_raw`, state: 'failed', reason: failed[name]! }] : []),
  };
  return kernel as Kernel;
}

test('a metric is off by the first key that is', () => {
  const kernel = kernelWith(['thing_end', 'thing_begin']);
  assert.deepEqual(stateOf(FACT, ON, kernel), { state: 'exact', reason: '' });
  assert.deepEqual(stateOf(FACT, { ...ON, collect_things: false }, kernel), {
    state: 'off',
    reason: 'collect_things is off.',
  });
  assert.deepEqual(stateOf(FACT, { ...ON, features: { sk_storage: false } }, kernel), {
    state: 'off',
    reason: 'features.sk_storage is off.',
  });
});

test("a metric is absent without a program that it needs, with the kernel's answer", () => {
  const kernel = kernelWith(['thing_begin'], { thing_end: 'load: EINVAL, invalid bpf_context access' });
  assert.equal(isFed(FACT, kernel), false);
  assert.deepEqual(stateOf(FACT, ON, kernel), {
    state: 'absent',
    reason: 'No thing_end. (thing_end_raw: load: EINVAL, invalid bpf_context access)',
  });
});

test('a metric is inexact without a program that makes it exact, or where it is estimated', () => {
  assert.deepEqual(stateOf(FACT, ON, kernelWith(['thing_end'])), { state: 'inexact', reason: 'No thing_begin.' });
  const estimated: MetricFact = { ...FACT, estimated: () => 'It is guessed.' };
  assert.deepEqual(stateOf(estimated, ON, kernelWith(['thing_end', 'thing_begin'])), {
    state: 'inexact',
    reason: 'It is guessed.',
  });
});

test('one of several programs is enough where one of them must be there', () => {
  const either: MetricFact = { ...FACT, needs: [], oneOf: ['thing_end', 'thing_stop'] };
  assert.equal(isFed(either, kernelWith(['thing_stop'])), true);
  assert.equal(isFed(either, kernelWith([])), false);
});
