/** A point in time up to which work is waited for. */
export class Deadline {
  readonly #endMs: number;

  constructor(timeoutMs: number) {
    this.#endMs = performance.now() + timeoutMs;
  }

  /** Waits for work until the deadline, but always long enough for what needs no waiting. Returns whether it ended; rejects as the work does. */
  async bound(work: Promise<unknown>): Promise<boolean> {
    const { promise: over, resolve } = Promise.withResolvers<false>();
    const timer = setTimeout(() => resolve(false), Math.max(MIN_WAIT_MS, this.#endMs - performance.now()));
    try {
      return await Promise.race([work.then(() => true as const), over]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Closing a file or a socket takes some turns of the event loop. */
const MIN_WAIT_MS = 20;
