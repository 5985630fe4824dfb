import { reserveOf } from './options.ts';

/** The budgets that all metrics share: series of a resource, and series in total. */
export class SharedBudgets {
  readonly #perResource: number;
  readonly #total: number;
  readonly #byResource = new Map<number, number>();
  #used = 0;

  constructor(perResource: number, total: number) {
    this.#perResource = perResource;
    this.#total = total;
  }

  get used(): number {
    return this.#used;
  }

  get resources(): number {
    return this.#byResource.size;
  }

  /** Whether a series of this resource finds room; `plain` ones leave the reserve alone. */
  admits(resource: number, plain: boolean): boolean {
    const total = this.#total - (plain ? reserveOf(this.#total) : 0);
    const perResource = this.#perResource - (plain ? reserveOf(this.#perResource) : 0);
    return this.#used < total && (this.#byResource.get(resource) ?? 0) < perResource;
  }

  add(resource: number): void {
    this.#used++;
    this.#byResource.set(resource, (this.#byResource.get(resource) ?? 0) + 1);
  }

  remove(resource: number): void {
    this.#used--;
    const left = (this.#byResource.get(resource) ?? 1) - 1;
    if (left === 0) this.#byResource.delete(resource);
    else this.#byResource.set(resource, left);
  }
}
