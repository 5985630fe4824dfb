import assert from 'node:assert/strict';
import { test } from 'node:test';
import { manualClock } from 'bpflow/testing';

test('timers are called in order, each at its time', () => {
  const clock = manualClock(1_000_000_000n);
  const calls: string[] = [];
  const note = (name: string) => () => calls.push(`${name}@${clock.monotonic()}/${clock.now()}`);
  clock.every(10, note('every'));
  clock.after(25, note('after'));
  clock.after(5, note('early')).cancel();
  clock.advance(30);
  assert.deepEqual(calls, ['every@10/1010000000', 'every@20/1020000000', 'after@25/1025000000', 'every@30/1030000000']);
  assert.equal(clock.pending, 1);
});

test('a timer that is set on the way is called when it falls due', () => {
  const clock = manualClock();
  const at: number[] = [];
  clock.after(10, () => {
    clock.after(5, () => at.push(clock.monotonic()));
  });
  clock.advance(20);
  assert.deepEqual(at, [15]);
});

test('setting the wall time moves no timer', () => {
  const clock = manualClock();
  let called = false;
  clock.after(10, () => {
    called = true;
  });
  clock.set(5n);
  assert.equal(clock.now(), 5n);
  clock.advance(9);
  assert.equal(clock.now(), 9_000_005n);
  assert.equal(called, false);
});
