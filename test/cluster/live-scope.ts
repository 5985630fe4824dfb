import type { Clock } from 'bpflow/sdk';
import { type FakeScope, fakeScope } from 'bpflow/testing';

/** A scope whose time passes. */
export function liveScope(): { readonly scope: FakeScope; readonly fake: FakeScope } {
  const fake = fakeScope('extension', 'kubernetes');
  const armed = (arm: () => NodeJS.Timeout, disarm: (timer: NodeJS.Timeout) => void) => {
    const timer = arm().unref();
    return { cancel: () => disarm(timer) };
  };
  const clock: Clock = {
    now: () => BigInt(Date.now()) * 1_000_000n,
    monotonic: () => performance.now(),
    after: (ms, callback) => armed(() => setTimeout(callback, ms), clearTimeout),
    every: (ms, callback) => armed(() => setInterval(callback, ms), clearInterval),
  };
  return { fake, scope: Object.create(fake, { clock: { value: clock } }) };
}
