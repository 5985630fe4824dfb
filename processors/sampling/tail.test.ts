import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { NewSpan } from 'bpflow/sdk';
import { drops, kept, keptSpans, START, sampler, spanBatch } from './test/streams.ts';

const ORDINARY = { errors: false, first_seen: { max_keys: 0 } };
const ERRORS = { first_seen: { max_keys: 0 } };
const id = (n: number): string => n.toString(16).padStart(32, '0');
const span = (trace: number, name: string, rest: Partial<NewSpan> = {}): Partial<NewSpan> => ({
  traceId: id(trace),
  name,
  ...rest,
});
const ms = (count: number): bigint => START + BigInt(count) * 1_000_000n;

function tail(policies: readonly unknown[], rest: object = {}, keep: object = ORDINARY) {
  const made = sampler({ keep, tail: { decision_wait: '10s', policies, ...rest } });
  void made.processor.start?.();
  return made;
}
const names = (made: ReturnType<typeof tail>): string[] => keptSpans(made).map(({ name }) => name);

describe('policies keep a whole trace', () => {
  const cases: readonly (readonly [string, object, readonly Partial<NewSpan>[], readonly Partial<NewSpan>[]])[] = [
    [
      'status_code',
      { type: 'status_code', status_code: { status_codes: ['ERROR'] } },
      [span(1, 'a'), span(1, 'b', { statusCode: 2 })],
      [span(2, 'c', { statusCode: 1 }), span(2, 'd')],
    ],
    [
      'latency',
      { type: 'latency', latency: { threshold_ms: 500 } },
      [span(1, 'a', { endTime: ms(100) }), span(1, 'b', { startTime: ms(400), endTime: ms(500) })],
      [span(2, 'c', { endTime: ms(499) })],
    ],
    [
      'latency between two bounds',
      { type: 'latency', latency: { threshold_ms: 100, upper_threshold_ms: 500 } },
      [span(1, 'a', { endTime: ms(500) })],
      [span(2, 'b', { endTime: ms(100) }), span(3, 'c', { endTime: ms(501) })],
    ],
    [
      'string_attribute',
      { type: 'string_attribute', string_attribute: { key: 'tenant', values: ['gold', 'silver'] } },
      [span(1, 'a', { attributes: { tenant: 'silver' } }), span(1, 'b')],
      [span(2, 'c', { attributes: { tenant: 'golden' } })],
    ],
    [
      'string_attribute of the resource, by pattern',
      {
        type: 'string_attribute',
        string_attribute: { key: 'service.name', values: ['^check'], enabled_regex_matching: true },
      },
      [span(1, 'a')],
      [],
    ],
    [
      'numeric_attribute',
      { type: 'numeric_attribute', numeric_attribute: { key: 'http.response.status_code', min_value: 400 } },
      [span(1, 'a', { attributes: { 'http.response.status_code': 404 } })],
      [span(2, 'b', { attributes: { 'http.response.status_code': 200 } }), span(3, 'c')],
    ],
    [
      'boolean_attribute',
      { type: 'boolean_attribute', boolean_attribute: { key: 'debug', value: true } },
      [span(1, 'a', { attributes: { debug: true } })],
      [span(2, 'b', { attributes: { debug: false } })],
    ],
    [
      'span_count',
      { type: 'span_count', span_count: { min_spans: 2, max_spans: 3 } },
      [span(1, 'a'), span(1, 'b')],
      [span(2, 'c'), ...['d', 'e', 'f', 'g'].map((name) => span(3, name))],
    ],
    ['always_sample', { type: 'always_sample' }, [span(1, 'a')], []],
  ];
  for (const [name, policy, wanted, unwanted] of cases) {
    test(name, () => {
      const made = tail([{ name: 'policy', ...policy }]);
      made.give(spanBatch([...unwanted, ...wanted]));
      made.scope.clock.advance(11_000);
      assert.deepEqual(
        names(made),
        wanted.map((given) => given.name),
      );
      assert.equal(drops(made)['not_sampled'] ?? 0, unwanted.length);
      assert.equal(made.processor.held!(), 0);
    });
  }

  test('probabilistic, by the trace id, and writes the threshold', () => {
    const made = tail([{ name: 'half', type: 'probabilistic', probabilistic: { sampling_percentage: 50 } }]);
    const high = 'ff80000000000000'.padStart(32, '1');
    const low = 'ff7fffffffffffff'.padStart(32, '1');
    made.give(
      spanBatch([
        { traceId: high, name: 'a' },
        { traceId: low, name: 'b' },
        { traceId: high, name: 'c', traceState: 'ot=th:4' },
        { traceId: low, name: 'd', traceState: 'ot=rv:f0000000000000' },
      ]),
    );
    made.scope.clock.advance(11_000);
    assert.deepEqual(
      keptSpans(made).map(({ name, traceState }) => [name, traceState]),
      [
        ['a', 'ot=th:8'],
        ['c', 'ot=th:8'],
      ],
    );
  });
});

describe('a trace waits', () => {
  test('for decision_wait, over several batches', () => {
    const made = tail([{ name: 'slow', type: 'latency', latency: { threshold_ms: 1000, upper_threshold_ms: 60_000 } }]);
    made.give(spanBatch([span(1, 'a'), span(2, 'b')]));
    made.scope.clock.advance(5000);
    made.give(spanBatch([span(1, 'c', { startTime: ms(0), endTime: ms(2000) })]));
    made.scope.clock.advance(4000);
    assert.deepEqual([kept(made), made.processor.held!()], [0, 3]);
    assert.deepEqual(made.scope.view('state'), {
      waiting_traces: 2,
      waiting_spans: 3,
      waiting_bytes: (made.scope.view('state') as { waiting_bytes: number }).waiting_bytes,
      decisions: 0,
    });
    made.scope.clock.advance(2000);
    assert.deepEqual(names(made).toSorted(), ['a', 'c']);
    assert.deepEqual(drops(made), { not_sampled: 1 });
  });

  test('not after an error: what is there goes on at once, and what follows with it', () => {
    const made = tail([], {}, ERRORS);
    made.give(spanBatch([span(1, 'a'), span(2, 'b')]));
    made.give(spanBatch([span(1, 'c', { statusCode: 2 })]));
    assert.deepEqual(names(made).toSorted(), ['a', 'c']);
    made.give(spanBatch([span(1, 'd')]));
    assert.deepEqual(names(made).toSorted(), ['a', 'c', 'd']);
    assert.equal(made.processor.held!(), 1);
  });

  test('and late spans follow the decision; a late error is kept all the same', () => {
    const made = tail([], {}, ERRORS);
    made.give(spanBatch([span(1, 'a')]));
    made.scope.clock.advance(11_000);
    made.give(spanBatch([span(1, 'b'), span(1, 'c', { statusCode: 2 }), span(1, 'd')]));
    assert.deepEqual(names(made), ['c', 'd']);
    assert.deepEqual(drops(made), { not_sampled: 1, late_not_sampled: 1 });
  });

  test('and as many decisions are remembered as configured', () => {
    const made = tail([], { decision_cache: { sampled_cache_size: 2, non_sampled_cache_size: 2 } });
    made.give(spanBatch([1, 2, 3, 4].map((trace) => span(trace, 'a'))));
    made.scope.clock.advance(11_000);
    made.give(spanBatch([1, 4].map((trace) => span(trace, 'late'))));
    assert.deepEqual(drops(made), { not_sampled: 4, late_not_sampled: 1 });
    assert.equal(made.processor.held!(), 1, 'the forgotten trace begins anew');
  });
});

describe('memory is bounded', () => {
  const policies = [{ name: 'policy', type: 'span_count', span_count: { min_spans: 1, max_spans: 9 } }];

  test('in traces: the oldest are decided on first', () => {
    const made = tail(policies, { num_traces: 3 });
    for (let trace = 1; trace <= 5; trace++) made.give(spanBatch([span(trace, `${trace}`)]));
    assert.deepEqual(names(made), ['1', '2']);
  });

  test('in spans', () => {
    const made = tail(policies, { max_spans: 4 });
    made.give(spanBatch([span(1, 'a'), span(1, 'b'), span(2, 'c')]));
    assert.equal(kept(made), 0);
    made.give(spanBatch([span(3, 'd'), span(3, 'e')]));
    assert.deepEqual(names(made), ['a', 'b']);
    assert.equal(made.processor.held!(), 3);
  });

  test('in bytes', () => {
    const made = tail(policies, { max_bytes: '64KiB' });
    const large = { attributes: { text: 'x'.repeat(10_000) } };
    for (let trace = 1; trace <= 50; trace++) {
      made.give(spanBatch([span(trace, `${trace}`, { attributes: { text: `${trace}${large.attributes.text}` } })]));
      const { waiting_bytes } = made.scope.view('state') as { waiting_bytes: number };
      assert.ok(waiting_bytes <= 65_536, `${waiting_bytes}`);
    }
    assert.ok(kept(made) >= 44 && kept(made) < 50, `${kept(made)}`);
  });
});

test('a stop decides by what is there', async () => {
  const made = tail([{ name: 'half', type: 'probabilistic', probabilistic: { sampling_percentage: 100 } }]);
  made.give(spanBatch([span(1, 'a')]));
  await made.processor.stop!();
  assert.deepEqual(names(made), ['a']);
  assert.equal(made.processor.held!(), 0);
});

test('what follows may refuse: what was decided is kept and goes later, and nothing new is taken', async () => {
  const made = tail([{ name: 'all', type: 'always_sample' }]);
  made.refuses = true;
  made.give(spanBatch([span(1, 'a')]));
  assert.equal(made.processor.held!(), 1);
  assert.equal(made.processor.refusal!()?.name, 'RetryableError');
  made.refuses = false;
  await made.processor.flush!();
  assert.deepEqual(names(made), ['a']);
});

test('it does not stand in a pipeline of logs', () => {
  assert.throws(() => sampler({ tail: {} }, undefined, 'logs/audit'), {
    name: 'StartError',
    message: /logs\/audit: tail is for traces/,
  });
});
