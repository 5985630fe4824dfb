import type { Clock, Timer } from '../sdk/scope.ts';

/** The machine's time. Timers do not keep the process alive. */
export function systemClock(): Clock {
  return {
    now: () => BigInt(Date.now()) * 1_000_000n,
    monotonic: () => performance.now(),
    after: (ms, callback) => timer(setTimeout(callback, ms)),
    every: (ms, callback) => timer(setInterval(callback, ms)),
  };
}

function timer(handle: NodeJS.Timeout): Timer {
  handle.unref();
  return { cancel: () => clearTimeout(handle) };
}
