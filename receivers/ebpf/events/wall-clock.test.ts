import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { WallClock } from './wall-clock.ts';

const START = 1_700_000_000_000_000_000n;

/** A monotonic clock, and a wall clock that tells whole milliseconds. */
function clocks() {
  const state = { monotonic: 5_000_000_000n, ahead: START };
  const clock = { now: () => ((state.monotonic + state.ahead) / 1_000_000n) * 1_000_000n };
  return { state, wall: new WallClock(clock, () => state.monotonic) };
}

test('times come closer than the wall clock ticks, and never later', () => {
  const { state, wall } = clocks();
  let worst = 0n;
  for (let i = 0; i < 1000; i++) {
    state.monotonic += 333_777n;
    const error = state.monotonic + state.ahead - wall.look();
    ok(error >= 0n && error < 1_000_000n, String(error));
    worst = i < 500 ? 0n : error > worst ? error : worst;
  }
  ok(worst < 5000n, `${worst} ns behind`);
  equal(wall.timeOf(state.monotonic - 7n), wall.timeOf(state.monotonic) - 7n);
});

test('a wall clock that is set is followed, forth and back', () => {
  const { state, wall } = clocks();
  for (const step of [3_600_000_000_000n, -7_200_000_000_000n]) {
    for (let i = 0; i < 100; i++) {
      state.monotonic += 333_777n;
      wall.look();
    }
    state.ahead += step;
    const error = state.monotonic + state.ahead - wall.look();
    ok(error >= 0n && error < 2_000_000n, String(error));
  }
});

test('two readings that something else came between do not move the times', () => {
  const { state } = clocks();
  let delay = 0n;
  const clock = {
    now: () => {
      state.monotonic += delay;
      return ((state.monotonic + state.ahead) / 1_000_000n) * 1_000_000n;
    },
  };
  const wall = new WallClock(clock, () => state.monotonic);
  for (let i = 0; i < 1000; i++) {
    state.monotonic += 333_777n;
    delay = i % 10 === 0 ? 3_000_000n : 0n;
    wall.look();
  }
  const error = state.monotonic + state.ahead - wall.timeOf(state.monotonic);
  ok(error >= 0n && error < 1_000_000n, `${error} ns behind`);
});
