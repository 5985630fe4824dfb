import type {
  Attributes,
  BatchObservableCallback,
  Counter,
  Meter,
  MetricOptions,
  Observable,
  ObservableCallback,
} from '@opentelemetry/api';
import { type Observation, ObservationLimit } from './observation-limit.ts';

/**
 * A meter whose observed instruments have a bounded number of label sets. Those that count by themselves are bounded by
 * OpenTelemetry's SDK, which adds up what is beyond.
 */
export function boundedMeter(real: Meter, now: () => bigint): Meter {
  const limits = new Map<string, ObservationLimit>();
  let lost: Counter | undefined;
  const refused = (instrument: string, observations: number): void => {
    lost ??= real.createCounter('bpflow_telemetry_refused_observations', {
      description: 'Observations of the agent itself that are in no line, by instrument: it has too many label sets.',
    });
    lost.add(observations, { instrument });
  };
  const limitOf = new WeakMap<Observable, ObservationLimit>();
  const batches = new WeakMap<BatchObservableCallback, BatchObservableCallback>();

  const observable = <O extends Observable>(name: string, made: O, counter: boolean): O => {
    const limit =
      limits.get(name) ?? new ObservationLimit({ name, counter, now, refused: (count) => refused(name, count) });
    limits.set(name, limit);
    limitOf.set(made, limit);
    const callbacks = new Map<ObservableCallback, ObservableCallback>();
    const add = made.addCallback.bind(made);
    const remove = made.removeCallback.bind(made);
    made.addCallback = (callback) => {
      const bounded: ObservableCallback = async (result) => {
        const seen: Observation[] = [];
        await callback({ observe: (value, attributes) => void seen.push({ value, attributes: attributes ?? {} }) });
        for (const { value, attributes } of limit.limit(seen)) result.observe(value, attributes);
      };
      callbacks.set(callback, bounded);
      add(bounded);
    };
    made.removeCallback = (callback) => remove(callbacks.get(callback) ?? callback);
    return made;
  };

  return {
    createGauge: (name, options) => real.createGauge(name, options),
    createHistogram: (name, options) => real.createHistogram(name, options),
    createCounter: (name, options) => real.createCounter(name, options),
    createUpDownCounter: (name, options) => real.createUpDownCounter(name, options),
    createObservableGauge: (name: string, options?: MetricOptions) =>
      observable(name, real.createObservableGauge(name, options), false),
    createObservableCounter: (name: string, options?: MetricOptions) =>
      observable(name, real.createObservableCounter(name, options), true),
    createObservableUpDownCounter: (name: string, options?: MetricOptions) =>
      observable(name, real.createObservableUpDownCounter(name, options), false),
    addBatchObservableCallback(callback, observables) {
      const bounded: BatchObservableCallback = async (result) => {
        const seen = new Map<Observable, Observation[]>(observables.map((each) => [each, []]));
        await callback({
          observe(metric: Observable, value: number, attributes?: Attributes) {
            seen.get(metric)?.push({ value, attributes: attributes ?? {} });
          },
        });
        for (const [metric, observations] of seen) {
          const shown = limitOf.get(metric)?.limit(observations) ?? observations;
          for (const { value, attributes } of shown) result.observe(metric, value, attributes);
        }
      };
      batches.set(callback, bounded);
      real.addBatchObservableCallback(bounded, observables);
    },
    removeBatchObservableCallback(callback, observables) {
      real.removeBatchObservableCallback(batches.get(callback) ?? callback, observables);
    },
  } as Meter;
}
