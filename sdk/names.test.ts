import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defineMetric, type MetricDefinition, present } from 'bpflow/sdk';
import fc from 'fast-check';

const latency = defineMetric({
  name: 'ebpf.syscall.duration',
  unit: 'ns',
  otelUnit: 's',
  seedName: 'ebpf_syscall_latency_ns',
  kind: 'histogram',
  description: 'Time in system calls.',
  exactness: 'exact',
  attributes: { 'ebpf.syscall.name': 'syscall' },
});

const shown = (definition: MetricDefinition) => {
  const { name, unit, description } = definition;
  return { name, unit, description, definition };
};

describe('a metric of our own is shown', () => {
  test('under its seed name in the unit that name ends in, with short labels', () => {
    const { name, unit, factor, label } = present(shown(latency), 'seed');
    assert.deepEqual([name, unit, factor], ['ebpf_syscall_latency_ns', 'ns', 1]);
    assert.deepEqual([label('ebpf.syscall.name'), label('k8s.pod.name')], ['syscall', 'k8s.pod.name']);
  });

  test('under its OpenTelemetry name in seconds, with its attributes', () => {
    const { name, unit, factor, label } = present(shown(latency), 'otel');
    assert.deepEqual([name, unit, factor], ['ebpf.syscall.duration', 's', 1e-9]);
    assert.equal(label('ebpf.syscall.name'), 'ebpf.syscall.name');
  });

  test('in micro- and whole seconds where the seed name says so', () => {
    const rtt = present(shown({ ...latency, seedName: 'ebpf_tcp_rtt_us' }), 'seed');
    assert.deepEqual([rtt.unit, rtt.scale(1_234_567)], ['us', 1234.567]);
    const seconds = present(shown({ ...latency, seedName: 'hubble_tcp_connection_duration_seconds' }), 'seed');
    assert.deepEqual([seconds.unit, seconds.scale(2_500_000_000)], ['s', 2.5]);
    const bytes = present(
      shown({ ...latency, unit: 'By', otelUnit: 'By', seedName: 'ebpf_network_bytes_total' }),
      'seed',
    );
    assert.deepEqual([bytes.unit, bytes.factor], ['By', 1]);
  });

  test('with a word on how it is estimated', () => {
    const estimated = { ...latency, exactness: { estimated: 'one call in 16 is timed.' } };
    assert.equal(
      present(shown(estimated), 'seed').description,
      'Time in system calls. Estimated: one call in 16 is timed.',
    );
  });
});

test('a foreign metric is shown as it is', () => {
  const { name, unit, factor, description, label } = present({ name: 'http.ms', unit: 'ms', description: 'D' }, 'seed');
  assert.deepEqual([name, unit, factor, description, label('a.b')], ['http.ms', 'ms', 1, 'D', 'a.b']);
});

describe('seconds and nanoseconds', () => {
  const { scale } = present(shown(latency), 'otel');

  test('of bounds describe the same buckets: bounds that are powers of two', () => {
    const bounds = Array.from({ length: 50 }, (_, k) => 2 ** k);
    for (const [k, bound] of bounds.entries()) {
      assert.equal(Math.round(scale(bound) * 1e9), bound);
      if (k > 0) assert.ok(scale(bound) > scale(bounds[k - 1]!));
    }
  });

  test('put every value into the same bucket', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.integer({ min: 0, max: 52 }), (value, k) => {
        const ns = Math.abs(value);
        assert.equal(scale(ns) <= scale(2 ** k), ns <= 2 ** k);
      }),
    );
  });

  test('of sums agree to one part in 10^12', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2 ** 40 }), { minLength: 1, maxLength: 100 }), (values) => {
        const ns = values.reduce((total, value) => total + value, 0);
        const seconds = values.reduce((total, value) => total + scale(value), 0);
        assert.ok(Math.abs(scale(ns) - seconds) <= 1e-12 * seconds);
      }),
    );
  });
});

describe('a definition', () => {
  test('is frozen', () => {
    assert.ok(Object.isFrozen(latency) && Object.isFrozen(latency.attributes));
  });

  const bad: [Partial<MetricDefinition>, RegExp][] = [
    [{ name: 'Syscalls' }, /"Syscalls": the name must be lower case words joined by dots/],
    [{ name: 'ebpf.calls_total' }, /does not end in "_total"/],
    [{ seedName: 'ebpf.calls' }, /the seed name "ebpf.calls" must be/],
    [{ unit: '' }, /the unit is missing/],
    [{ otelUnit: 'By' }, /no factor from the unit "ns" to "By"/],
    [{ seedName: 'ebpf_latency_bytes' }, /the seed name says "By", which "ns" cannot be converted to/],
    [{ description: 'no stop' }, /must be a sentence/],
    [{ exactness: { estimated: 'roughly' } }, /sentence with a full stop/],
    [{ attributes: { a: 'Bad' } }, /the label "Bad"/],
    [{ attributes: { a: 'x', b: 'x' } }, /two attributes have the label "x"/],
  ];
  for (const [change, message] of bad) {
    test(`with ${JSON.stringify(change)} is refused`, () => {
      assert.throws(() => defineMetric({ ...latency, ...change }), { name: 'TypeError', message });
    });
  }
});
