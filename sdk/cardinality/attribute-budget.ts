import { DistinctEstimate } from './distinct-estimate.ts';
import type { AttributeLimit, Strategy } from './options.ts';
import { Seats } from './seats.ts';

/** One attribute of one metric. */
export class AttributeBudget {
  readonly key: string;
  /** Values that have a name; undefined where there may be any number. */
  readonly seats: Seats | undefined;
  /** Values that came, after rewriting. */
  readonly distinct = new DistinctEstimate();
  /** Points whose value was replaced. */
  folded = 0;

  constructor(key: string, limit: AttributeLimit | undefined, strategy: Strategy) {
    this.key = key;
    this.seats = limit?.maxValues === undefined ? undefined : new Seats(limit.maxValues, strategy);
  }
}

/** Attributes of a metric that are told apart; what comes beyond shares one account. */
const MAX_ATTRIBUTES = 64;

/** Name of that account. */
const FURTHER = '*';

/** All attributes of one metric, by key. */
export class AttributeBudgets {
  readonly #limits: ReadonlyMap<string, AttributeLimit>;
  readonly #strategy: Strategy;
  readonly #byKey = new Map<string, AttributeBudget>();
  #further: AttributeBudget | undefined;

  constructor(limits: ReadonlyMap<string, AttributeLimit>, strategy: Strategy) {
    this.#limits = limits;
    this.#strategy = strategy;
    for (const [key, limit] of limits) {
      if (limit.maxValues !== undefined) this.#byKey.set(key, new AttributeBudget(key, limit, strategy));
    }
  }

  of(key: string): AttributeBudget {
    let budget = this.#byKey.get(key);
    if (budget !== undefined) return budget;
    if (this.#byKey.size < MAX_ATTRIBUTES) {
      budget = new AttributeBudget(key, this.#limits.get(key), this.#strategy);
      this.#byKey.set(key, budget);
      return budget;
    }
    this.#further ??= new AttributeBudget(FURTHER, undefined, this.#strategy);
    return this.#further;
  }

  /** Those seen so far. */
  all(): readonly AttributeBudget[] {
    const all = [...this.#byKey.values()];
    return this.#further === undefined ? all : [...all, this.#further];
  }
}
