import type { AttributeBudget } from './attribute-budget.ts';

const NONE: readonly AttributeBudget[] = [];

/**
 * How incoming series lead to rows: a binding is a row and which attributes were replaced on the way to it. Many series share one.
 *
 *     (table, id) ──▶ binding ──▶ row
 *                             └─▶ points that came this way, attributes they are to be charged to
 *
 * Binding 0 leads to row 0, which is none.
 */
export class Bindings {
  rows = new Uint32Array(64);
  points = new Float64Array(64);
  #folds: (readonly AttributeBudget[])[] = [NONE];
  readonly #known = new Map<string, number>();

  get size(): number {
    return this.#folds.length;
  }

  to(row: number, folds: readonly AttributeBudget[]): number {
    const name = folds.length === 0 ? String(row) : `${row}:${folds.map(({ key }) => key).join('\0')}`;
    let binding = this.#known.get(name);
    if (binding !== undefined) return binding;
    binding = this.#folds.length;
    if (binding === this.rows.length) this.#grow();
    this.rows[binding] = row;
    this.points[binding] = 0;
    this.#folds.push(folds);
    this.#known.set(name, binding);
    return binding;
  }

  /** Enters the points that came since the last time into the accounts of the attributes. */
  settle(): void {
    for (let binding = 1; binding < this.#folds.length; binding++) {
      const points = this.points[binding]!;
      if (points === 0) continue;
      for (const attribute of this.#folds[binding]!) attribute.folded += points;
      this.points[binding] = 0;
    }
  }

  /** Forgets all; what led here must not be used any more. */
  clear(): void {
    this.settle();
    this.#folds = [NONE];
    this.#known.clear();
  }

  #grow(): void {
    const rows = new Uint32Array(this.rows.length * 2);
    rows.set(this.rows);
    this.rows = rows;
    const points = new Float64Array(rows.length);
    points.set(this.points);
    this.points = points;
  }
}
