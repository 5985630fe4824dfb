import type { SeriesId } from '../../pdata/series-table.ts';
import type { AttributeBudget } from './attribute-budget.ts';

/** What a row is: none; a series that passes as it came; one whose points are made here. */
export const DEAD = 0;
export const PASSES = 1;
export const MADE = 2;

/** A value that a row keeps a name for. */
export interface Hold {
  readonly attribute: AttributeBudget;
  readonly key: number;
}

/** The series of one metric behind its budget, by row. Row 0 is none. */
export class Rows {
  kind = new Uint8Array(64);
  /** When a point last came, ms. */
  seen = new Float64Array(64);
  /** Time of the last point made, ns; 0 before the first. */
  lastTime = new BigUint64Array(64);
  /** Key by which it is found. */
  key = new Float64Array(64);
  /** Id in the table of made series. */
  outId = new Uint32Array(64);
  /** Whether it tells all its attributes. */
  plain = new Uint8Array(64);
  /** Key of its resource. */
  resource = new Float64Array(64);
  /** Time of the newest point made for a row that has ended since, ns. */
  endedTime = 0n;
  readonly holds: (readonly Hold[])[] = [[]];
  readonly byKey = new Map<number, number>();
  #size = 1;
  readonly #free: number[] = [];
  #dead: number[] = [];

  get size(): number {
    return this.#size;
  }

  get live(): number {
    return this.byKey.size;
  }

  /** Rows that ended and cannot be used again before {@link reuse}. */
  get dead(): number {
    return this.#dead.length;
  }

  add(
    kind: typeof PASSES | typeof MADE,
    key: number,
    resource: number,
    holds: readonly Hold[],
    plain: boolean,
  ): number {
    const row = this.#free.pop() ?? this.#size++;
    if (row >= this.kind.length) this.#grow();
    this.kind[row] = kind;
    this.key[row] = key;
    this.resource[row] = resource;
    this.plain[row] = plain ? 1 : 0;
    this.lastTime[row] = 0n;
    this.holds[row] = holds;
    this.byKey.set(key, row);
    return row;
  }

  /** Ends a row. Its number stays taken while series may lead to it. */
  end(row: number): void {
    if (this.lastTime[row]! > this.endedTime) this.endedTime = this.lastTime[row]!;
    this.kind[row] = DEAD;
    this.byKey.delete(this.key[row]!);
    this.holds[row] = [];
    this.#dead.push(row);
  }

  /** Nothing leads to ended rows any more. */
  reuse(): void {
    for (const row of this.#dead) this.#free.push(row);
    this.#dead = [];
  }

  makes(row: number, outId: SeriesId): void {
    this.kind[row] = MADE;
    this.outId[row] = outId;
  }

  #grow(): void {
    const capacity = this.kind.length * 2;
    const longer = <T extends Uint8Array | Uint32Array | Float64Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    this.kind = longer(this.kind, new Uint8Array(capacity));
    this.seen = longer(this.seen, new Float64Array(capacity));
    this.key = longer(this.key, new Float64Array(capacity));
    this.outId = longer(this.outId, new Uint32Array(capacity));
    this.plain = longer(this.plain, new Uint8Array(capacity));
    this.resource = longer(this.resource, new Float64Array(capacity));
    const lastTime = new BigUint64Array(capacity);
    lastTime.set(this.lastTime);
    this.lastTime = lastTime;
  }
}
