import type { Meter } from '../otel.ts';

type Instrument = ReturnType<Meter['createObservableGauge']>;
type Callback = Parameters<Instrument['addCallback']>[0];
type BatchCallback = Parameters<Meter['addBatchObservableCallback']>[0];
type Labels = Readonly<Record<string, unknown>>;

/** A meter that remembers what was measured. */
export interface FakeMeter extends Meter {
  /** Names of all instruments, in the order in which they were made. */
  readonly instruments: readonly string[];
  /**
   * The value of an instrument for exactly these attributes: the total of a counter, the last value of a gauge, all values of a
   * histogram. Observable instruments are asked now. Undefined when nothing was measured. Throws for an unknown name.
   */
  value(name: string, attributes?: Labels): number | readonly number[] | undefined;
}

export function fakeMeter(): FakeMeter {
  const instruments = new Map<string, Measured>();
  const batchCallbacks: BatchCallback[] = [];

  const create = (name: string, how: Measured['how']): Measured => {
    const known = instruments.get(name);
    if (known !== undefined) return known;
    const made = new Measured(how);
    instruments.set(name, made);
    return made;
  };
  const observeAll = (): void => {
    for (const instrument of instruments.values()) instrument.observe();
    for (const callback of batchCallbacks) {
      void callback({
        observe: (target, value, attributes) => (target as unknown as Measured).put(value, attributes),
      });
    }
  };

  const meter = {
    createGauge: (name: string) => create(name, 'last'),
    createHistogram: (name: string) => create(name, 'all'),
    createCounter: (name: string) => create(name, 'sum'),
    createUpDownCounter: (name: string) => create(name, 'sum'),
    createObservableGauge: (name: string) => create(name, 'last'),
    createObservableCounter: (name: string) => create(name, 'last'),
    createObservableUpDownCounter: (name: string) => create(name, 'last'),
    addBatchObservableCallback: (callback: BatchCallback) => void batchCallbacks.push(callback),
    removeBatchObservableCallback(callback: BatchCallback) {
      const at = batchCallbacks.indexOf(callback);
      if (at >= 0) batchCallbacks.splice(at, 1);
    },
    get instruments() {
      return [...instruments.keys()];
    },
    value(name: string, attributes: Labels = {}) {
      const instrument = instruments.get(name);
      if (instrument === undefined) {
        throw new Error(`There is no instrument ${name}; there are: ${[...instruments.keys()].join(', ')}.`);
      }
      observeAll();
      return instrument.get(attributes);
    },
  };
  return meter as unknown as FakeMeter;
}

/** Any instrument: what it is used as decides which of its methods are called. */
class Measured {
  readonly how: 'sum' | 'last' | 'all';
  readonly #values = new Map<string, number[]>();
  readonly #callbacks = new Set<Callback>();

  constructor(how: 'sum' | 'last' | 'all') {
    this.how = how;
  }

  add(value: number, attributes?: Labels): void {
    const key = keyOf(attributes);
    const [total = 0] = this.#values.get(key) ?? [];
    this.#values.set(key, [total + value]);
  }

  record(value: number, attributes?: Labels): void {
    if (this.how === 'last') this.put(value, attributes);
    else this.#values.set(keyOf(attributes), [...(this.#values.get(keyOf(attributes)) ?? []), value]);
  }

  put(value: number, attributes?: Labels): void {
    this.#values.set(keyOf(attributes), [value]);
  }

  addCallback(callback: Callback): void {
    this.#callbacks.add(callback);
  }

  removeCallback(callback: Callback): void {
    this.#callbacks.delete(callback);
  }

  observe(): void {
    if (this.#callbacks.size > 0) this.#values.clear();
    for (const callback of this.#callbacks) {
      void callback({ observe: (value: number, attributes?: Labels) => this.put(value, attributes) });
    }
  }

  get(attributes: Labels): number | readonly number[] | undefined {
    const values = this.#values.get(keyOf(attributes));
    return this.how === 'all' ? values : values?.[0];
  }
}

function keyOf(attributes: Labels = {}): string {
  return JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
}
