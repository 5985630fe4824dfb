import type { Keep } from './tail-policies.ts';

/** What was decided on traces that are gone, for their late spans: of each kind as many as configured, the longest unused are forgotten. */
export class Decisions {
  readonly #kept: Recent<Keep>;
  readonly #dropped: Recent<'dropped'>;

  constructor(maxKept: number, maxDropped: number) {
    this.#kept = new Recent(maxKept);
    this.#dropped = new Recent(maxDropped);
  }

  get size(): number {
    return this.#kept.size + this.#dropped.size;
  }

  /** Undefined when nothing is known. */
  find(trace: string): Keep | 'dropped' | undefined {
    return this.#kept.find(trace) ?? this.#dropped.find(trace);
  }

  remember(trace: string, decision: Keep | 'dropped'): void {
    if (decision === 'dropped') this.#dropped.set(trace, decision);
    else {
      this.#dropped.delete(trace);
      this.#kept.set(trace, decision);
    }
  }
}

/** The entries that were used last. */
class Recent<T> {
  readonly #entries = new Map<string, T>();
  readonly #maxSize: number;
  /**
   * Stands behind what was forgotten: a new iterator would have to step over the places of all deleted entries each time. What
   * is used again moves to the end, so nothing alive is ever behind it.
   */
  #oldest: MapIterator<string>;

  constructor(maxSize: number) {
    this.#maxSize = maxSize;
    this.#oldest = this.#entries.keys();
  }

  get size(): number {
    return this.#entries.size;
  }

  find(key: string): T | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: string, value: T): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size > this.#maxSize) this.#forgetOne();
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  #forgetOne(): void {
    let { value, done } = this.#oldest.next();
    if (done) {
      this.#oldest = this.#entries.keys();
      ({ value } = this.#oldest.next());
    }
    if (value !== undefined) this.#entries.delete(value);
  }
}
