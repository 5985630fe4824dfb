import type { Clock, Timer } from '../scope.ts';

/** Time that stands still until a test moves it. */
export interface ManualClock extends Clock {
  /** Lets so many ms pass: timers that fall due are called, each at its time, in order. */
  advance(ms: number): void;
  /** Sets the wall time, ns since 1970, as an administrator would; timers and the monotonic time do not notice. */
  set(now: bigint): void;
  /** Timers that are waiting. */
  readonly pending: number;
}

/** A clock that begins at `now`, ns since 1970. */
export function manualClock(now = 1_700_000_000_000_000_000n): ManualClock {
  const timers = new Set<Armed>();
  let elapsedMs = 0;
  let offset = now;

  const arm = (timer: Armed): Timer => {
    timers.add(timer);
    return { cancel: () => void timers.delete(timer) };
  };
  const nextDue = (untilMs: number): Armed | undefined => {
    let due: Armed | undefined;
    for (const timer of timers) if (timer.atMs <= untilMs && (due === undefined || timer.atMs < due.atMs)) due = timer;
    return due;
  };

  return {
    now: () => offset + BigInt(Math.round(elapsedMs * 1e6)),
    monotonic: () => elapsedMs,
    after: (ms, callback) => arm({ atMs: elapsedMs + ms, everyMs: undefined, callback }),
    every: (ms, callback) => arm({ atMs: elapsedMs + ms, everyMs: ms, callback }),
    advance(ms) {
      const untilMs = elapsedMs + ms;
      for (let timer = nextDue(untilMs); timer !== undefined; timer = nextDue(untilMs)) {
        elapsedMs = Math.max(elapsedMs, timer.atMs);
        if (timer.everyMs === undefined) timers.delete(timer);
        else timer.atMs += Math.max(timer.everyMs, 1e-6);
        timer.callback();
      }
      elapsedMs = untilMs;
    },
    set(time) {
      offset = time - BigInt(Math.round(elapsedMs * 1e6));
    },
    get pending() {
      return timers.size;
    },
  };
}

interface Armed {
  atMs: number;
  readonly everyMs: number | undefined;
  readonly callback: () => void;
}
