import type {
  Attributes,
  BatchObservableCallback,
  Meter,
  MetricOptions,
  Observable,
  ObservableCallback,
} from '@opentelemetry/api';
import { asError } from '../../sdk/errors.ts';
import type { Logger } from '../../sdk/scope.ts';

/**
 * A meter whose observations end with the component instance that makes them. While a reload replaces an instance, the
 * observed counters of the one that goes are carried over to the one that comes: none falls.
 */
export class InstanceMeter {
  readonly meter: Meter;
  readonly #real: Meter;
  readonly #log: Logger;
  readonly #callbacks = new Map<ObservableCallback | BatchObservableCallback, Run>();
  readonly #observables = new Set<Observable>();
  /** Its counters by name; the observables of two instances of one name differ. */
  readonly #counters = new Map<Observable, string>();
  /** What the component was given instead of an observable. */
  readonly #reals = new WeakMap<Observable, Observable>();
  #before: InstanceMeter | undefined;
  /** What its counters last said. Kept, because an instance that has stopped may say nothing any more. */
  readonly #own: Totals = new Map();
  #past: Totals = new Map();
  #isShown = false;
  #isOver = false;
  readonly #collect: BatchObservableCallback = async (result) => {
    const totals = await this.#totals((observable, value, attributes) => result.observe(observable, value, attributes));
    for (const [observable, name] of this.#counters) {
      for (const { attributes, value } of totals.get(name)?.values() ?? [])
        result.observe(observable, value, attributes);
    }
  };

  constructor(real: Meter, log: Logger) {
    this.#real = real;
    this.#log = log;
    this.meter = this.#wrapped();
  }

  /** Its observations count from now on. Those of the instance `before` count as its past. */
  show(before?: InstanceMeter): void {
    if (this.#isShown) return;
    this.#isShown = true;
    this.#before = before;
    if (before !== undefined) before.#unregister();
    this.#register();
  }

  /** It is over: what it last observed is kept, as its successor's past. */
  async leave(): Promise<void> {
    if (this.#isOver) return;
    this.#unregister();
    if (this.#isShown) this.#past = await this.#totals();
    this.#isOver = true;
    this.#callbacks.clear();
    this.#observables.clear();
    this.#before = undefined;
  }

  /** Totals of its counters, those of its predecessors included. What is no counter goes to `others`. */
  async #totals(others: Observe = () => {}): Promise<Totals> {
    if (this.#isOver) return this.#past;
    await this.#run((observable, value, attributes) => {
      const name = this.#counters.get(observable);
      const isFull = name !== undefined && (this.#own.get(name)?.size ?? 0) >= MAX_CELLS;
      if (name === undefined || (isFull && !has(this.#own, name, attributes))) others(observable, value, attributes);
      else cell(this.#own, name, attributes).value = value;
    });
    const totals: Totals = new Map();
    merge(totals, this.#own);
    merge(totals, await this.#carried());
    return totals;
  }

  async #carried(): Promise<Totals> {
    if (this.#before === undefined) return this.#past;
    const totals = await this.#before.#totals();
    if (this.#before.#isOver) {
      this.#past = totals;
      this.#before = undefined;
    }
    return totals;
  }

  async #run(observe: Observe): Promise<void> {
    for (const run of [...this.#callbacks.values()]) {
      try {
        await run(observe);
      } catch (thrown) {
        this.#log.warn('The component failed to tell its metrics.', { error: asError(thrown).message });
      }
    }
  }

  #register(): void {
    if (this.#isShown && !this.#isOver && this.#observables.size > 0)
      this.#real.addBatchObservableCallback(this.#collect, [...this.#observables]);
  }

  #unregister(): void {
    if (this.#observables.size > 0) this.#real.removeBatchObservableCallback(this.#collect, [...this.#observables]);
  }

  #observable<O extends Observable>(real: O, counter: string | undefined): O {
    this.#unregister();
    this.#observables.add(real);
    if (counter !== undefined) this.#counters.set(real, counter);
    this.#register();
    const wrapped = Object.create(real) as O;
    this.#reals.set(wrapped, real);
    wrapped.addCallback = (callback) => {
      this.#callbacks.set(callback, (observe) =>
        callback({ observe: (value, attributes) => observe(real, value, attributes ?? {}) }),
      );
    };
    wrapped.removeCallback = (callback) => void this.#callbacks.delete(callback);
    return wrapped;
  }

  #wrapped(): Meter {
    const real = this.#real;
    return {
      createGauge: (name, options) => real.createGauge(name, options),
      createHistogram: (name, options) => real.createHistogram(name, options),
      createCounter: (name, options) => real.createCounter(name, options),
      createUpDownCounter: (name, options) => real.createUpDownCounter(name, options),
      createObservableGauge: (name: string, options?: MetricOptions) =>
        this.#observable(real.createObservableGauge(name, options), undefined),
      createObservableCounter: (name: string, options?: MetricOptions) =>
        this.#observable(real.createObservableCounter(name, options), name),
      createObservableUpDownCounter: (name: string, options?: MetricOptions) =>
        this.#observable(real.createObservableUpDownCounter(name, options), undefined),
      addBatchObservableCallback: (callback) => {
        this.#callbacks.set(callback, (observe) =>
          callback({
            observe: (observable: Observable, value: number, attributes?: Attributes) =>
              observe(this.#reals.get(observable) ?? observable, value, attributes ?? {}),
          }),
        );
      },
      removeBatchObservableCallback: (callback) => void this.#callbacks.delete(callback),
    } as Meter;
  }
}

type Observe = (observable: Observable, value: number, attributes: Attributes) => void;
type Run = (observe: Observe) => void | Promise<void>;
/** By the counter's name, then by its attributes as text. */
type Totals = Map<string, Map<string, { readonly attributes: Attributes; value: number }>>;

function merge(totals: Totals, more: Totals): void {
  for (const [name, cells] of more) {
    for (const { attributes, value } of cells.values()) cell(totals, name, attributes).value += value;
  }
}

/** Label sets of a counter whose last value is kept. */
const MAX_CELLS = 20_000;

function has(totals: Totals, name: string, attributes: Attributes): boolean {
  return totals.get(name)?.has(keyOf(attributes)) === true;
}

function keyOf(attributes: Attributes): string {
  return JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function cell(totals: Totals, name: string, attributes: Attributes): { value: number } {
  const cells = totals.get(name) ?? new Map<string, { readonly attributes: Attributes; value: number }>();
  totals.set(name, cells);
  const key = keyOf(attributes);
  const found = cells.get(key) ?? { attributes, value: 0 };
  cells.set(key, found);
  return found;
}
