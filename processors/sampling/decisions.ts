import type { Keep } from './tail-policies.ts';

/** What was decided on traces that are gone, for their late spans: of each kind as many as configured, the longest unused are forgotten. */
export class Decisions {
  readonly #kept = new Map<string, Keep>();
  readonly #dropped = new Map<string, undefined>();
  readonly #maxKept: number;
  readonly #maxDropped: number;

  constructor(maxKept: number, maxDropped: number) {
    this.#maxKept = maxKept;
    this.#maxDropped = maxDropped;
  }

  get size(): number {
    return this.#kept.size + this.#dropped.size;
  }

  /** Undefined when nothing is known. */
  find(trace: string): Keep | 'dropped' | undefined {
    const keep = this.#kept.get(trace);
    if (keep !== undefined) {
      this.#kept.delete(trace);
      this.#kept.set(trace, keep);
      return keep;
    }
    if (!this.#dropped.delete(trace)) return undefined;
    this.#dropped.set(trace, undefined);
    return 'dropped';
  }

  remember(trace: string, decision: Keep | 'dropped'): void {
    if (decision === 'dropped') bounded(this.#dropped.set(trace, undefined), this.#maxDropped);
    else {
      this.#dropped.delete(trace);
      bounded(this.#kept.set(trace, decision), this.#maxKept);
    }
  }
}

function bounded(map: Map<string, unknown>, size: number): void {
  if (map.size > size) map.delete(map.keys().next().value!);
}
