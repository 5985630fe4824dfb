import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SendOutcome } from 'bpflow/transport';
import { Harness, SENT, settle } from './test/harness.ts';

const BUSY: SendOutcome = { kind: 'retry', error: 'busy' };

/** Times of attempts when everything fails, until it is given up. */
async function attemptTimes(retry: Record<string, unknown>, random: () => number): Promise<number[]> {
  const harness = new Harness({ retry, random });
  harness.answer = () => BUSY;
  void harness.give(1);
  for (let i = 0; i < 4000; i++) await stepUntil(harness, 100);
  await harness.delivery.stop();
  return harness.attempts.map(({ atMs }) => atMs);
}

async function stepUntil(harness: Harness, ms: number): Promise<void> {
  harness.scope.clock.advance(ms);
  if (harness.scope.clock.pending === 0 || harness.scope.clock.monotonic() % 1000 === 0) await settle();
}

describe('retries', () => {
  test('wait longer and longer, up to max_interval, without jitter in the middle of it', async () => {
    const harness = new Harness({ retry: { initial_interval: '1s', max_interval: '3s', max_elapsed_time: '0s' } });
    harness.answer = () => BUSY;
    void harness.give(1);
    for (let i = 0; i < 200; i++) await harness.pass(50);
    const times = harness.attempts.map(({ atMs }) => atMs);
    // 1, 1.5, 2.25, 3, 3 s: the test's clock moves in steps of 50 ms.
    assert.deepEqual(times, [0, 1000, 2500, 4750, 7750]);
    await harness.delivery.stop();
  });

  test('are moved by jitter within its bounds, on top of max_interval too', async () => {
    for (const [random, intervals] of [
      [0, [500, 750, 1000, 1000]],
      [0.999_999_999, [1500, 2250, 3000, 3000]],
    ] as const) {
      const harness = new Harness({
        retry: { initial_interval: '1s', max_interval: '2s', max_elapsed_time: '0s' },
        random: () => random,
      });
      harness.answer = () => BUSY;
      void harness.give(1);
      for (let i = 0; i < 200; i++) await harness.pass(50);
      const times = harness.attempts.map(({ atMs }) => atMs);
      const waits = times.slice(1).map((time, i) => time - times[i]!);
      for (const [i, wait] of intervals.entries())
        assert.ok(Math.abs(waits[i]! - wait) <= 50, `${waits} for ${random}`);
      await harness.delivery.stop();
    }
  });

  test('end when the next one would be later than max_elapsed_time', async () => {
    const harness = new Harness({
      retry: { initial_interval: '1s', max_interval: '1s', max_elapsed_time: '2500ms' },
    });
    harness.answer = () => BUSY;
    void harness.give(3);
    await harness.pass(0);
    assert.equal(harness.delivery.held(), 3);
    await harness.pass(1000);
    await harness.pass(1000);
    assert.equal(harness.attempts.length, 3);
    assert.deepEqual(harness.scope.items.drops, [{ count: 3, reason: 'retries_exhausted' }]);
    assert.equal(harness.delivery.held(), 0);
    const error = harness.scope.logs.find(({ message }) => message === 'Exporting failed. Dropping data.');
    assert.equal(error?.level, 'error');
    assert.deepEqual(error?.fields, { error: 'no more retries left: busy', dropped_items: 3 });
    assert.deepEqual(harness.delivery.outcomes().get('logs'), { sent: 0, failed: 3, notQueued: 0 });
    await harness.delivery.stop();
  });

  test('wait as long as the other side asks, or longer, never shorter', async () => {
    for (const [afterMs, expected] of [
      [2000, 2000],
      [100, 500],
    ] as const) {
      const harness = new Harness({ retry: { initial_interval: '500ms', max_interval: '1s' } });
      let failures = 1;
      harness.answer = () => (failures-- > 0 ? { kind: 'retry', error: 'busy', afterMs } : SENT);
      void harness.give(1);
      await harness.pass(expected - 1);
      assert.equal(harness.attempts.length, 1);
      await harness.pass(1);
      assert.equal(harness.attempts.length, 2);
      assert.equal(harness.delivery.held(), 0);
      await harness.delivery.stop();
    }
  });

  test('say what they wait for', async () => {
    const harness = new Harness({ retry: { initial_interval: '500ms', max_interval: '1s' } });
    harness.answer = () => ({ kind: 'retry', error: 'busy', afterMs: 2000 });
    void harness.give(1);
    await settle();
    assert.deepEqual(harness.scope.logs[0], {
      level: 'info',
      message: 'Exporting failed. Will retry the request after interval.',
      fields: { error: 'Throttle (2s), error: busy', interval: '2s' },
    });
    await harness.delivery.stop();
  });

  test('are not made where they are switched off', async () => {
    const harness = new Harness({ retry: { enabled: false } });
    harness.answer = () => BUSY;
    void harness.give(1);
    await settle();
    assert.equal(harness.attempts.length, 1);
    assert.deepEqual(harness.scope.items.drops, [{ count: 1, reason: 'retries_exhausted' }]);
    await harness.delivery.stop();
  });

  test('are not made for what is permanent', async () => {
    const harness = new Harness();
    harness.answer = () => ({ kind: 'permanent', error: 'rpc error: code = InvalidArgument desc = no' });
    void harness.give(2);
    await settle();
    assert.deepEqual(harness.scope.items.drops, [{ count: 2, reason: 'permanent' }]);
    assert.deepEqual(harness.scope.logs[0]?.fields, {
      error: 'not retryable error: Permanent error: rpc error: code = InvalidArgument desc = no',
      dropped_items: 2,
    });
    await harness.delivery.stop();
  });

  test('a storm of failures is a few lines, and no item is left out of them', async () => {
    const harness = new Harness();
    harness.answer = () => ({ kind: 'permanent', error: 'no' });
    for (let i = 0; i < 500; i++) {
      void harness.give(1);
      await settle();
    }
    await harness.pass(10_000);
    await harness.delivery.stop();
    const lines = harness.scope.logs.filter(({ message }) => message === 'Exporting failed. Dropping data.');
    assert.equal(lines.length, 2);
    assert.equal(lines[1]!.fields?.['repeated'], 499);
    assert.equal(
      lines.reduce((total, { fields }) => total + Number(fields?.['dropped_items']), 0),
      500,
    );
  });

  test('with the defaults a request is tried for about five minutes', async () => {
    const times = await attemptTimes({}, () => 0.5);
    // 5 7.5 11.25 16.875 25.3 30 30 … s, as long as the sum is at most 300 s.
    assert.equal(times.length, 13);
    assert.ok(times.at(-1)! > 270_000 && times.at(-1)! <= 302_000, String(times.at(-1)));
  });
});
