import { flagsAt, type Metric, type MetricBatch, NO_RECORDED_VALUE } from '../../pdata/metrics.ts';
import { attributeEntries } from './attribute-entries.ts';
import { DistinctCount } from './distinct-count.ts';
import { Keys } from './keys.ts';
import { SeriesCaches } from './series-cache.ts';

/** What came of one metric. */
export interface MetricTally {
  readonly metric: string;
  readonly points: number;
  /** Distinct series. */
  readonly series: number;
  /** Distinct values by attribute. */
  readonly values: ReadonlyMap<string, number>;
}

/** Attributes of a metric that are told apart. */
const MAX_ATTRIBUTES = 256;

/** Counts the series of batches, and the values of their attributes. Memory is bounded by the number of metrics. */
export class SeriesTally {
  readonly #keys = new Keys();
  readonly #metrics = new Map<string, Counts>();

  add(batch: MetricBatch): void {
    for (const metric of batch.metrics) this.#countsOf(metric.name).add(metric, this.#keys);
  }

  metrics(): readonly MetricTally[] {
    return [...this.#metrics].map(([metric, counts]) => ({
      metric,
      points: counts.points,
      series: counts.series.value,
      values: new Map([...counts.values].map(([name, count]) => [name, count.value])),
    }));
  }

  #countsOf(name: string): Counts {
    let counts = this.#metrics.get(name);
    if (counts === undefined) {
      counts = new Counts();
      this.#metrics.set(name, counts);
    }
    return counts;
  }
}

class Counts {
  points = 0;
  readonly series = new DistinctCount();
  readonly values = new Map<string, DistinctCount>();
  readonly #seen = new SeriesCaches(0);

  add({ series, points }: Metric, keys: Keys): void {
    const seen = this.#seen.of(series).bindings;
    for (let i = 0; i < points.length; i++) {
      if ((flagsAt(points.flags, i) & NO_RECORDED_VALUE) !== 0) continue;
      this.points++;
      const id = points.ids[i]!;
      if (seen.get(id) !== 0) continue;
      seen.set(id, 1);
      const { bytes } = series.attributes(id);
      this.series.add(keys.ofSeries(series.resource(id), series.scope(id), bytes));
      const { names, values } = attributeEntries(bytes, keys);
      for (const [at, name] of names.entries()) this.#of(name)?.add(values[at]!);
    }
  }

  #of(name: string): DistinctCount | undefined {
    let count = this.values.get(name);
    if (count === undefined && this.values.size < MAX_ATTRIBUTES) {
      count = new DistinctCount();
      this.values.set(name, count);
    }
    return count;
  }
}
