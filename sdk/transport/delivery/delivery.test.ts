import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { countItems, encodedParts, PermanentError, RetryableError, type Signal, type Signals } from 'bpflow/sdk';
import { sampleBatch } from 'bpflow/testing';
import { otlpRequests, retrySettings, type SendOutcome, sendingQueueSettings } from 'bpflow/transport';
import { Harness, logs, NEVER, pending, SENT, settle } from './test/harness.ts';

const BUSY: SendOutcome = { kind: 'retry', error: 'busy' };
const FULL = { name: 'RetryableError', message: 'sending queue is full' };

describe('a queue', () => {
  test('accepts at once and sends in order, several at a time', async () => {
    const harness = new Harness({ queue: { num_consumers: 2 } });
    const first = pending();
    harness.answer = () => first.outcome;
    for (const items of [1, 2, 3]) assert.equal(harness.give(items), undefined);
    await settle();
    assert.deepEqual(
      harness.attempts.map(({ request }) => request.items),
      [1, 2],
    );
    assert.equal(harness.delivery.held(), 6);
    assert.equal(
      harness.scope.meter.value('otelcol_exporter_in_flight_requests', { exporter: 'test', data_type: 'logs' }),
      2,
    );
    first.end(SENT);
    await settle();
    assert.deepEqual(
      harness.attempts.map(({ request }) => request.items),
      [1, 2, 3],
    );
    assert.equal(harness.delivery.held(), 0);
    assert.deepEqual(harness.delivery.outcomes().get('logs'), { sent: 6, failed: 0, notQueued: 0 });
    await harness.delivery.stop();
  });

  test('counts what is on its way, refuses when it is full, and says so before', async () => {
    const harness = new Harness({ queue: { queue_size: 2, num_consumers: 1 } });
    const first = pending();
    harness.answer = () => first.outcome;
    assert.equal(harness.delivery.refusal('logs'), undefined);
    void harness.give(1);
    void harness.give(1);
    await settle();
    assert.equal(harness.delivery.refusal('logs')?.message, FULL.message);
    assert.equal(harness.delivery.refusal()?.message, FULL.message);
    assert.equal(harness.delivery.refusal('traces'), undefined, 'each signal has a queue of its own');
    assert.throws(() => harness.give(5), FULL);
    harness.delivery.refused(7, 'logs');
    assert.equal(harness.delivery.outcomes().get('logs')?.notQueued, 12);
    const labels = { exporter: 'test', data_type: 'logs' };
    assert.equal(harness.scope.meter.value('otelcol_exporter_queue_size', labels), 2);
    assert.equal(harness.scope.meter.value('otelcol_exporter_queue_capacity', labels), 2);
    assert.deepEqual(harness.scope.items.drops, []);
    assert.deepEqual(harness.scope.logs[0]?.fields, { error: 'sending queue is full', rejected_items: 5 });
    first.end(SENT);
    await settle();
    assert.equal(harness.delivery.refusal('logs'), undefined);
    await harness.delivery.stop();
  });

  test('can be limited by items or bytes, and says what can never fit', async () => {
    for (const sizer of ['items', 'bytes']) {
      const harness = new Harness({ queue: { queue_size: 10, sizer } });
      const first = pending();
      harness.answer = () => first.outcome;
      assert.throws(() => harness.give(11), {
        name: 'PermanentError',
        message: `element size too large: 11 ${sizer}, and queue_size is 10`,
      });
      void harness.give(8);
      assert.equal(harness.delivery.refusal('logs', 2), undefined);
      if (sizer === 'items') {
        assert.equal(harness.delivery.refusal('logs', 3)?.message, FULL.message);
        assert.throws(() => harness.give(3), FULL);
        void harness.give(2);
      } else {
        // How large it is nobody knows before it is encoded: the last one goes over the limit.
        assert.equal(harness.delivery.refusal('logs', 3), undefined);
        void harness.give(3);
      }
      assert.equal(harness.delivery.held(), sizer === 'items' ? 10 : 11);
      assert.throws(() => harness.give(1), FULL);
      assert.equal(harness.delivery.refusal('logs')?.message, FULL.message);
      assert.equal(harness.delivery.refusal('logs', 11)?.message, FULL.message);
      first.end(SENT);
      await harness.delivery.stop();
    }
  });

  test('lets senders wait for room with block_on_overflow, first come first served', async () => {
    const harness = new Harness({ queue: { queue_size: 1, block_on_overflow: true } });
    const first = pending();
    harness.answer = () => first.outcome;
    void harness.give(1);
    assert.equal(harness.delivery.refusal('logs'), undefined);
    const entered: number[] = [];
    const second = Promise.resolve(harness.give(2)).then(() => entered.push(2));
    const third = Promise.resolve(harness.give(3)).then(() => entered.push(3));
    await settle();
    assert.deepEqual(entered, []);
    first.end(SENT);
    await Promise.all([second, third]);
    assert.deepEqual(entered, [2, 3]);
    await harness.delivery.stop();
  });

  test('lets a waiting sender go when it gives up', async () => {
    const harness = new Harness({ queue: { queue_size: 1, block_on_overflow: true } });
    const first = pending();
    harness.answer = () => first.outcome;
    void harness.give(1);
    const abort = new AbortController();
    const waiting = Promise.resolve(harness.give(2, abort.signal));
    abort.abort();
    await assert.rejects(waiting, FULL);
    assert.equal(harness.delivery.outcomes().get('logs')?.notQueued, 2);
    first.end(SENT);
    await harness.delivery.stop();
    assert.equal(harness.attempts.length, 1);
  });

  test('with wait_for_result tells the sender what became of its data', async () => {
    const harness = new Harness({ queue: { wait_for_result: true }, retry: { enabled: false } });
    await harness.give(1);
    harness.answer = () => ({ kind: 'permanent', error: 'no' });
    await assert.rejects(async () => harness.give(1), PermanentError);
    harness.answer = () => BUSY;
    await assert.rejects(async () => harness.give(1), RetryableError);
    assert.deepEqual(harness.scope.items.drops, [], 'who was told keeps it');
    assert.equal(harness.delivery.held(), 0);
    const abort = new AbortController();
    const slow = pending();
    harness.answer = () => slow.outcome;
    const waiting = Promise.resolve(harness.give(1, abort.signal));
    abort.abort();
    await assert.rejects(waiting, RetryableError);
    slow.end(SENT);
    await harness.delivery.stop();
  });

  test('an empty batch goes nowhere', async () => {
    const harness = new Harness();
    const empty: Signals['metrics'] = { signal: 'metrics', metrics: [] };
    assert.equal(harness.delivery.consume.metrics(empty, NEVER), undefined);
    await harness.delivery.stop();
    assert.equal(harness.attempts.length, 0);
  });

  test('what cannot be encoded is refused for good', () => {
    const harness = new Harness({
      encode: () => {
        throw new TypeError('no such thing');
      },
    });
    assert.throws(() => harness.give(1), {
      name: 'PermanentError',
      message: 'The batch cannot be encoded: no such thing',
    });
  });
});

describe('without a queue', () => {
  test('a sender waits for its own request and gets its error', async () => {
    const harness = new Harness({ queue: { enabled: false }, retry: { initial_interval: '1s', max_interval: '1s' } });
    let failures = 1;
    harness.answer = () => (failures-- > 0 ? BUSY : SENT);
    let done = false;
    const sending = Promise.resolve(harness.give(4)).then(() => {
      done = true;
    });
    await harness.pass(999);
    assert.equal(done, false);
    await harness.pass(1);
    await sending;
    harness.answer = () => ({ kind: 'permanent', error: 'no' });
    await assert.rejects(async () => harness.give(4), PermanentError);
    assert.deepEqual(harness.delivery.outcomes().get('logs'), { sent: 4, failed: 4, notQueued: 0 });
    assert.deepEqual(harness.scope.items.drops, []);
    assert.equal(harness.delivery.refusal('logs'), undefined);
    await harness.delivery.stop();
  });

  test('an abort ends the wait for the next attempt', async () => {
    const harness = new Harness({ queue: { enabled: false } });
    harness.answer = () => BUSY;
    const abort = new AbortController();
    const sending = Promise.resolve(harness.give(1, abort.signal));
    await settle();
    abort.abort();
    await assert.rejects(sending, RetryableError);
    await harness.delivery.stop();
  });
});

describe('a partial success', () => {
  test('is no failure: what was rejected is dropped and told of', async () => {
    const harness = new Harness();
    harness.answer = () => ({ kind: 'sent', rejected: { items: 2, message: 'too old' } });
    void harness.give(5);
    await settle();
    assert.deepEqual(harness.scope.items.drops, [{ count: 2, reason: 'rejected' }]);
    assert.deepEqual(harness.delivery.outcomes().get('logs'), { sent: 5, failed: 0, notQueued: 0 });
    assert.deepEqual(harness.scope.logs, [
      { level: 'warn', message: 'Partial success response', fields: { message: 'too old', dropped_log_records: 2 } },
    ]);
    assert.equal(harness.balance(5), 0);
    await harness.delivery.stop();
  });

  test('never drops more than was sent', async () => {
    const harness = new Harness({ queue: { wait_for_result: true } });
    harness.answer = () => ({ kind: 'sent', rejected: { items: 1e9, message: '' } });
    await harness.give(5);
    assert.deepEqual(harness.scope.items.drops, [{ count: 5, reason: 'rejected' }]);
    await harness.delivery.stop();
  });
});

describe('batches in the queue', () => {
  const batch = { flush_timeout: '200ms', min_size: 10 };

  test('leave when they are large enough, their parts one after the other', async () => {
    const harness = new Harness({ queue: { batch } });
    for (const items of [4, 4, 4, 1]) void harness.give(items);
    await settle();
    assert.deepEqual(
      harness.attempts.map(({ request }) => [request.items, request.bytes, request.parts.length]),
      [[12, 12, 3]],
    );
    assert.equal(harness.delivery.held(), 1);
    await harness.pass(200);
    assert.deepEqual(
      harness.attempts.map(({ request }) => request.items),
      [12, 1],
    );
    assert.deepEqual(
      harness.scope.meter.value('otelcol_exporter_queue_batch_send_size', { exporter: 'test', data_type: 'logs' }),
      [12, 1],
    );
    await harness.delivery.stop();
  });

  test('leave after flush_timeout, at a flush and at the stop', async () => {
    const harness = new Harness({ queue: { batch } });
    void harness.give(1);
    await harness.pass(199);
    assert.equal(harness.attempts.length, 0);
    await harness.pass(1);
    assert.equal(harness.attempts.length, 1);
    void harness.give(2);
    harness.delivery.flush();
    await settle();
    assert.equal(harness.attempts.length, 2);
    void harness.give(3);
    await harness.delivery.stop();
    assert.deepEqual(
      harness.attempts.map(({ request }) => request.items),
      [1, 2, 3],
    );
    assert.equal(harness.scope.clock.pending, 0);
  });

  for (const sizer of ['items', 'bytes']) {
    test(`are never larger than max_size ${sizer}`, async () => {
      const harness = new Harness({ queue: { batch: { ...batch, max_size: 12, sizer } } });
      for (const items of [30, 8, 8, 8]) void harness.give(items);
      await harness.pass(200);
      await harness.pass(200);
      const sizes = harness.attempts.map(({ request }) => request.items);
      assert.ok(Math.max(...sizes) <= 12, String(sizes));
      assert.equal(
        sizes.reduce((a, b) => a + b, 0),
        54,
      );
      assert.equal(harness.delivery.held(), 0);
      await harness.delivery.stop();
    });
  }

  test('are not made of profiles: their requests leave whole and one by one', async () => {
    const harness = new Harness({
      queue: { batch: { min_size: 3, max_size: 4, sizer: 'items', flush_timeout: '1s' } },
      encode: otlpRequests('otel'),
    });
    const sent = [0, 1].map((interval) => sampleBatch('profiles', { interval }));
    for (const batch of sent) await harness.delivery.consume.profiles(batch, NEVER);
    await settle();
    assert.deepEqual(
      harness.attempts.map(({ request }) => [request.signal, request.items, ...request.parts]),
      sent.map((batch) => ['profiles', 6, ...encodedParts(batch)]),
    );
    await harness.delivery.stop();
    assert.deepEqual(harness.delivery.outcomes().get('profiles'), { sent: 12, failed: 0, notQueued: 0 });
  });

  test('keep the senders of wait_for_result apart', async () => {
    const harness = new Harness({ queue: { batch, wait_for_result: true }, retry: { enabled: false } });
    harness.answer = () => ({ kind: 'permanent', error: 'no' });
    const ends = await Promise.allSettled([6, 6].map(async (items) => harness.give(items)));
    assert.deepEqual(
      ends.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    assert.equal(harness.attempts.length, 1);
    await harness.delivery.stop();
  });
});

describe('at the stop', () => {
  test('a living downstream gets everything', async () => {
    const harness = new Harness({ queue: { num_consumers: 2 } });
    harness.answer = async () => {
      await settle();
      return SENT;
    };
    for (let i = 0; i < 50; i++) void harness.give(10);
    await harness.delivery.stop();
    assert.equal(harness.attempts.length, 50);
    assert.deepEqual(harness.scope.items.drops, []);
    assert.equal(harness.balance(500), 0);
    assert.throws(() => harness.give(1), RetryableError);
    await harness.delivery.stop();
  });

  test('a dead one gets one attempt for each request, and what is lost is counted and logged', async () => {
    const harness = new Harness({ queue: { num_consumers: 2 } });
    harness.answer = () => BUSY;
    for (let i = 0; i < 20; i++) void harness.give(10);
    await settle();
    assert.equal(harness.attempts.length, 2);
    await harness.delivery.stop();
    assert.equal(harness.attempts.length, 20);
    assert.equal(harness.delivery.held(), 0);
    assert.equal(harness.scope.items.totals.dropped, 200);
    assert.ok(harness.scope.items.drops.every(({ reason }) => reason === 'shutdown'));
    const lines = harness.scope.logs.filter(({ message }) => message === 'Exporting failed. Dropping data.');
    assert.equal(
      lines.reduce((total, { fields }) => total + Number(fields?.['dropped_items']), 0),
      200,
    );
    assert.equal(lines[0]!.fields?.['error'], 'interrupted due to shutdown: busy');
    assert.equal(harness.balance(200), 0);
    assert.equal(harness.scope.clock.pending, 0);
  });

  test('one that hangs is left at the abort', async () => {
    const harness = new Harness({ queue: { num_consumers: 2 } });
    harness.answer = (_, abort) =>
      new Promise((resolve) => abort.addEventListener('abort', () => resolve({ kind: 'retry', error: 'cut' })));
    for (let i = 0; i < 5; i++) void harness.give(10);
    const over = new AbortController();
    const stopping = harness.delivery.stop(over.signal);
    await settle();
    assert.equal(harness.attempts.length, 2);
    over.abort();
    await stopping;
    assert.equal(harness.attempts.length, 2);
    assert.equal(harness.scope.items.totals.dropped, 50);
    assert.equal(harness.balance(50), 0);
    assert.equal(harness.delivery.outcomes().get('logs')?.failed, 50);
  });
});

describe('the settings', () => {
  const problems = (schema: { safeParse(value: unknown): unknown }, value: unknown): string[] => {
    const result = schema.safeParse(value) as { error?: { issues: { path: PropertyKey[]; message: string }[] } };
    return (result.error?.issues ?? []).map(({ path, message }) => [...path, message].join(': '));
  };

  test('have the defaults of the Collector', () => {
    assert.deepEqual(sendingQueueSettings().parse(undefined), {
      enabled: true,
      num_consumers: 10,
      queue_size: 1000,
      sizer: 'requests',
      block_on_overflow: false,
      wait_for_result: false,
      batch: undefined,
    });
    const { batch } = sendingQueueSettings().parse({ batch: {}, sizer: 'bytes', queue_size: 1e6 });
    assert.deepEqual(batch, { flush_timeout: 200, min_size: 8192, max_size: 0, sizer: 'bytes' });
    assert.deepEqual(retrySettings().parse(undefined), {
      enabled: true,
      initial_interval: 5000,
      randomization_factor: 0.5,
      multiplier: 1.5,
      max_interval: 30_000,
      max_elapsed_time: 300_000,
    });
  });

  test('are refused as the Collector refuses them', () => {
    const queue: readonly (readonly [unknown, string])[] = [
      [{ queue_size: 0 }, 'queue_size: `queue_size` must be positive'],
      [{ num_consumers: -1 }, 'num_consumers: `num_consumers` must be positive'],
      [
        { batch: { max_size: 100, min_size: 500 } },
        'batch: max_size: `max_size` (100) must be greater or equal to `min_size` (500)',
      ],
      [
        { batch: { sizer: 'requests' } },
        'batch: sizer: `batch` supports only `items` or `bytes` sizer, found "requests"',
      ],
      [{ batch: { flush_timeout: 0 } }, 'batch: flush_timeout: `flush_timeout` must be positive'],
      [{ batch: {}, sizer: 'items' }, 'batch: min_size: `min_size` must be less than or equal to `queue_size`'],
      [
        { storage: 'file_storage', wait_for_result: true },
        'wait_for_result: `wait_for_result` is not supported with a persistent queue configured with `storage`',
      ],
    ];
    for (const [value, problem] of queue) assert.deepEqual(problems(sendingQueueSettings(), value), [problem]);
    const retry: readonly (readonly [unknown, string])[] = [
      [{ randomization_factor: 2 }, "randomization_factor: 'randomization_factor' must be within [0, 1]"],
      [{ max_elapsed_time: '20s' }, "max_elapsed_time: 'max_elapsed_time' must not be less than 'max_interval'"],
      [{ multiplier: -1 }, "multiplier: 'multiplier' must be non-negative"],
    ];
    for (const [value, problem] of retry) assert.deepEqual(problems(retrySettings(), value), [problem]);
  });

  test('switched off are not looked at, but for what is no number, no time and no key', () => {
    const queue = { enabled: false, queue_size: 0, num_consumers: -1 };
    assert.deepEqual(problems(sendingQueueSettings(), queue), []);
    assert.equal(sendingQueueSettings().parse(queue).enabled, false);
    assert.equal(problems(sendingQueueSettings(), { enabled: false, queue_size: 'many' }).length, 1);
    assert.equal(problems(sendingQueueSettings(), { enabled: false, size: 0 }).length, 1);
    const retry = { enabled: false, initial_interval: '-1s', max_elapsed_time: '1s', multiplier: -1 };
    assert.deepEqual(problems(retrySettings(), retry), []);
    assert.equal(problems(retrySettings(), { enabled: false, initial_interval: 'soon' }).length, 1);
  });

  test('name a storage by an id', () => {
    for (const storage of ['', 'a/', '/a', 'file storage']) {
      assert.equal(problems(sendingQueueSettings(), { storage }).length, 1, storage);
    }
    assert.deepEqual(problems(sendingQueueSettings(), { storage: 'file_storage/queue' }), []);
  });
});

test('a view shows what waits', async () => {
  const harness = new Harness();
  const first = pending();
  harness.answer = () => first.outcome;
  void harness.give(3);
  await settle();
  assert.deepEqual(harness.scope.view('queue'), {
    logs: { requests: 1, items: 3, bytes: 3, waiting: 0, in_flight: 1, capacity: 1000, durable: false },
  });
  first.end(SENT);
  await harness.delivery.stop();
});

test('a signal stays its own', async () => {
  const harness = new Harness({
    encode: <S extends Signal>(_: S, batch: Signals[S]) => [new Uint8Array(countItems(batch))],
  });
  void harness.delivery.consume.logs(logs(2), NEVER);
  await harness.delivery.stop();
  assert.equal(harness.attempts[0]!.request.signal, 'logs');
});
