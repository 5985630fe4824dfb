import { type AnyPoint, type Metric, type MetricBatch, NO_RECORDED_VALUE, points } from 'bpflow/sdk';

/** Totals of points: of a metric, and of each value of each attribute in it. */
export class Tally {
  readonly #totals = new Map<string, number[]>();
  readonly #series = new Map<string, Set<string>>();

  add(batch: MetricBatch): this {
    for (const metric of batch.metrics) for (const point of points(metric)) this.#add(metric, point);
    return this;
  }

  /** Of the whole metric. Sums: the value; histograms: count, sum and buckets. */
  total(metric: string): readonly number[] {
    return this.#totals.get(metric) ?? [];
  }

  /** Of series whose attribute has this value; `undefined` for any value. */
  of(metric: string, attribute: string, value?: unknown): readonly number[] {
    const key = value === undefined ? `${metric} ${attribute}` : `${metric} ${attribute}=${JSON.stringify(value)}`;
    return this.#totals.get(key) ?? [];
  }

  /** Every total by a value of the attribute. */
  byValue(metric: string, attribute: string): Readonly<Record<string, readonly number[]>> {
    const prefix = `${metric} ${attribute}=`;
    const found = [...this.#totals].filter(([key]) => key.startsWith(prefix));
    return Object.fromEntries(found.map(([key, total]) => [key.slice(prefix.length), total] as const).sort(byKey));
  }

  /** Distinct series that came. */
  series(metric: string): number {
    return this.#series.get(metric)?.size ?? 0;
  }

  #add(metric: Metric, point: AnyPoint): void {
    if ((point.flags & NO_RECORDED_VALUE) !== 0) return;
    const { name } = metric;
    const known = this.#series.get(name) ?? new Set();
    this.#series.set(name, known);
    known.add(`${point.resource.bytes} ${point.scope.bytes} ${point.attributes.bytes}`);
    const amounts = amountsOf(point);
    this.#count(name, amounts);
    for (const [key, value] of Object.entries(point.attributes.toObject())) {
      this.#count(`${name} ${key}`, amounts);
      this.#count(`${name} ${key}=${JSON.stringify(value)}`, amounts);
    }
  }

  #count(key: string, amounts: readonly number[]): void {
    const total = this.#totals.get(key) ?? [];
    this.#totals.set(key, total);
    for (const [i, amount] of amounts.entries()) total[i] = (total[i] ?? 0) + amount;
  }
}

/** What must add up: values; counts, sums and buckets; of exponential histograms, whose scale may change, the counts by sign. */
function amountsOf(point: AnyPoint): number[] {
  if ('value' in point) return [Number(point.value)];
  if ('bounds' in point) return [point.count, point.sum, ...point.counts];
  if ('scale' in point) {
    const sum = (counts: Float64Array): number => counts.reduce((total, count) => total + count, 0);
    return [point.count, point.sum, point.zeroCount, sum(point.positive.counts), sum(point.negative.counts)];
  }
  return [point.count, point.sum];
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}
