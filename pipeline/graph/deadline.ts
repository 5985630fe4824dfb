/** A point in time up to which work is waited for. */
export class Deadline {
  readonly #endMs: number;
  readonly #graceMs: number;

  constructor(timeoutMs: number) {
    this.#endMs = performance.now() + timeoutMs;
    this.#graceMs = Math.min(MAX_GRACE_MS, timeoutMs / 10);
  }

  /** Time left, in ms. */
  get leftMs(): number {
    return Math.max(0, this.#endMs - performance.now());
  }

  /** Aborts while there is still a little time left to conclude. {@link release} ends its timer. */
  warning(): { readonly signal: AbortSignal; release(): void } {
    const controller = new AbortController();
    const leftMs = this.#endMs - this.#graceMs - performance.now();
    const timer = setTimeout(
      () => controller.abort(new Error('The time for the shutdown is over.')),
      Math.max(0, leftMs),
    );
    return { signal: controller.signal, release: () => clearTimeout(timer) };
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

/** What components get at most to conclude after they were warned. */
const MAX_GRACE_MS = 500;
