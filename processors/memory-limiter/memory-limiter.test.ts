import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StatefulProcessor } from 'bpflow/sdk';
import { fakeScope, sampleBatch } from 'bpflow/testing';
import { limitsOf, memoryLimiterConfig } from './config.ts';
import { type Memory, processMemory } from './memory.ts';
import { createMemoryLimiter } from './processor.ts';

const MIB = 2 ** 20;

/** A limiter of 12 MiB, soft 8, over a memory that the test sets. */
function limiter(config: Record<string, unknown> = {}) {
  const scope = fakeScope('processor', 'memory_limiter');
  const state = { used: 1 * MIB, garbage: 0, heap: 0, collections: 0 };
  const memory: Memory = {
    total: () => 1000 * MIB,
    used: () => state.used,
    heap: () => ({ used: state.heap, limit: 100 * MIB }),
    collect() {
      state.collections++;
      state.used -= state.garbage;
      state.garbage = 0;
    },
  };
  const parsed = memoryLimiterConfig.parse({ check_interval: '1s', limit_mib: 12, spike_limit_mib: 4, ...config });
  const processor = createMemoryLimiter(parsed, scope, undefined, memory) as StatefulProcessor;
  processor.start!();
  const use = (mib: number, garbage = 0): void => {
    state.used = mib * MIB;
    state.garbage = garbage * MIB;
    scope.clock.advance(1000);
  };
  return { scope, state, processor, use, refuses: () => processor.refusal!()?.message };
}

test('data passes below the soft limit, is refused above it, and passes again', () => {
  const { processor, scope, use, refuses } = limiter();
  const sent: unknown[] = [];
  const next = { refusal: () => undefined, consume: (batch: unknown) => void sent.push(batch) };
  const batch = sampleBatch('logs');
  processor.consume.logs!(batch, next, new AbortController().signal);
  assert.deepEqual(sent, [batch]);
  assert.equal(refuses(), undefined);
  use(8);
  assert.equal(refuses(), undefined);
  use(9);
  assert.equal(refuses(), 'data refused due to high memory usage');
  processor.refused!(3, 'logs');
  use(7);
  assert.equal(refuses(), undefined);
  const labels = { processor: 'memory_limiter' };
  assert.equal(scope.meter.value('otelcol_processor_memory_limiter_accepted_log_records', labels), 3);
  assert.equal(scope.meter.value('otelcol_processor_memory_limiter_refused_log_records', labels), 3);
  assert.deepEqual(
    scope.logs.map(({ message }) => message),
    [
      'Memory limiter configured.',
      'Memory usage is above soft limit. Refusing data.',
      'Memory usage back within limits. Resuming normal operation.',
    ],
  );
});

describe('garbage is collected', () => {
  test('above the hard limit at once, and data passes when that helped', () => {
    const { state, use, refuses } = limiter();
    use(13, 6);
    assert.equal(state.collections, 1);
    assert.equal(refuses(), undefined);
    use(13);
    use(13);
    assert.equal(state.collections, 3);
    assert.notEqual(refuses(), undefined);
  });

  test('above the soft limit not more often than configured', () => {
    const { state, use } = limiter({ min_gc_interval_when_soft_limited: '5s' });
    for (let second = 1; second <= 12; second++) use(9);
    assert.equal(state.collections, 2);
  });
});

test('a heap near what V8 allows counts, whatever the limits', () => {
  const { state, use, refuses } = limiter();
  state.heap = 81 * MIB;
  use(1);
  assert.notEqual(refuses(), undefined);
  assert.equal(state.collections, 0);
  state.heap = 91 * MIB;
  use(1);
  assert.equal(state.collections, 1);
});

test('limits are of what is configured, in MiB or per cent', () => {
  const limits = (config: Record<string, unknown>) =>
    limitsOf(memoryLimiterConfig.parse({ check_interval: '1s', ...config }), 1000 * MIB);
  assert.deepEqual(limits({ limit_mib: 100 }), { hard: 100 * MIB, soft: 80 * MIB });
  assert.deepEqual(limits({ limit_percentage: 50, spike_limit_percentage: 10 }), { hard: 500 * MIB, soft: 400 * MIB });
  assert.deepEqual(limits({ limit_mib: 100, limit_percentage: 50 }), { hard: 100 * MIB, soft: 80 * MIB });
});

test('the memory of this process is measured, and its garbage collected', () => {
  const memory = processMemory();
  assert.ok(memory.total() > 0);
  let garbage: unknown[] | undefined = Array.from({ length: 1_000_000 }, (_, i) => ({ i }));
  const before = memory.heap().used;
  const used = memory.used();
  assert.ok(used > before);
  assert.equal(garbage.length, 1_000_000);
  garbage = undefined;
  memory.collect();
  assert.ok(memory.heap().used < before - 10 * MIB);
  assert.ok(memory.used() < used);
});
