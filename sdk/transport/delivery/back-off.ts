import type { RetrySettings } from './settings.ts';

/** Waits between attempts: they grow up to `max_interval`, and each is moved by its random share, also past that. */
export class BackOff {
  readonly #settings: RetrySettings;
  readonly #random: () => number;
  #intervalMs: number;

  /** `random` gives numbers in [0, 1). */
  constructor(settings: RetrySettings, random: () => number) {
    this.#settings = settings;
    this.#random = random;
    this.#intervalMs = settings.initial_interval;
  }

  /** The next wait, ms. */
  next(): number {
    const { randomization_factor, multiplier, max_interval } = this.#settings;
    const interval = this.#intervalMs;
    this.#intervalMs = Math.min(interval * multiplier, max_interval);
    return interval * (1 + randomization_factor * (2 * this.#random() - 1));
  }
}
