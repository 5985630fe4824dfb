import { type ClientMetadata, type ColumnBatch, clientOf, PermanentError } from 'bpflow/sdk';
import type { BatchConfig } from './config.ts';
import type { Gatherer } from './gatherer.ts';

/** The gatherers of a processor: one, or with `metadata_keys` one for each combination of their values. */
export class Gatherers {
  readonly #keys: readonly string[];
  readonly #limit: number;
  readonly #make: (metadata: ClientMetadata | undefined) => Gatherer;
  readonly #known = new Map<string, Gatherer>();

  /** `make` gets the metadata that all batches of the gatherer have in common. */
  constructor(config: BatchConfig, make: (metadata: ClientMetadata | undefined) => Gatherer) {
    this.#keys = config.metadata_keys.map((key) => key.toLowerCase()).sort();
    this.#limit = config.metadata_cardinality_limit;
    this.#make = make;
    if (this.#keys.length === 0) this.#known.set('', make(undefined));
  }

  /** Combinations so far. */
  get size(): number {
    return this.#known.size;
  }

  get items(): number {
    let items = 0;
    for (const gatherer of this.#known.values()) items += gatherer.items;
    return items;
  }

  [Symbol.iterator](): Iterator<Gatherer> {
    return this.#known.values();
  }

  /** Throws PermanentError for one combination too many. */
  of(batch: ColumnBatch): Gatherer {
    if (this.#keys.length === 0) return this.#known.get('')!;
    const metadata = clientOf(batch)?.metadata;
    const values = this.#keys.map((key) => metadata?.get(key) ?? []);
    const text = JSON.stringify(values);
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (this.#limit > 0 && this.#known.size >= this.#limit) {
      throw new PermanentError('too many batcher metadata-value combinations');
    }
    const made = this.#make(new Map(this.#keys.map((key, i) => [key, values[i]!])));
    this.#known.set(text, made);
    return made;
  }
}
