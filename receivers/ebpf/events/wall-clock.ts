import type { Clock } from 'bpflow/sdk';

/** The wall clock tells whole milliseconds. */
const TICK_NS = 1_000_000n;
/** Two readings that lie further apart say nothing of each other: something else ran between them. */
const TORN_NS = 50_000n;

/**
 * Turns times of the monotonic clock into times since 1970, finer than the wall clock ticks. Of all readings the one just behind
 * a tick is the closest, and it is the largest; a difference of more than a tick means that the wall clock was set.
 */
export class WallClock {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #monotonicNs: () => bigint;
  #offset: bigint | undefined;

  constructor(clock: Pick<Clock, 'now'>, monotonicNs: () => bigint) {
    this.#clock = clock;
    this.#monotonicNs = monotonicNs;
  }

  /** Reads both clocks; returns the time now, ns since 1970. */
  look(): bigint {
    const monotonic = this.#monotonicNs();
    const offset = this.#clock.now() - monotonic;
    const gap = this.#monotonicNs() - monotonic;
    const known = this.#offset;
    const isTorn = gap > TORN_NS && known !== undefined && offset - known <= gap;
    if (known === undefined || (offset > known && !isTorn) || known - offset > TICK_NS + TICK_NS / 2n) {
      this.#offset = offset;
    }
    return monotonic + this.#offset!;
  }

  /** Since 1970, as of the last look. */
  timeOf(monotonic: bigint): bigint {
    return monotonic + (this.#offset ?? 0n);
  }
}
