import {
  type Attributes,
  attributeSet,
  createResource,
  createScope,
  gauge,
  type Metric,
  type MetricBatch,
  metricBatch,
  NO_RECORDED_VALUE,
  NumberPointsBuilder,
  points,
  SeriesInterner,
  sum,
} from 'bpflow/sdk';

export interface Row {
  readonly attributes: Attributes;
  readonly value: number;
  /** `host.name`. */
  readonly host?: string;
  readonly ends?: boolean;
}

/** Sends metrics of one name, ten seconds apart. */
export class Sender {
  readonly #interner = new SeriesInterner();
  readonly #name: string;
  readonly #own: boolean;
  time = 1_700_000_000_000_000_000n;

  constructor(name: string, options: { readonly own?: boolean } = {}) {
    this.#name = name;
    this.#own = options.own ?? false;
  }

  deltas(rows: readonly Row[]): MetricBatch {
    const start = this.time;
    this.time += 10_000_000_000n;
    const taken = this.#points(rows, start);
    return metricBatch([
      sum(this.#names('counter'), this.#interner.table, taken, { monotonic: true, temporality: 'delta' }),
    ]);
  }

  gauges(rows: readonly Row[]): MetricBatch {
    this.time += 10_000_000_000n;
    return metricBatch([gauge(this.#names('gauge'), this.#interner.table, this.#points(rows, 0n))]);
  }

  /** A sum that goes up and down. */
  levels(rows: readonly Row[]): MetricBatch {
    this.time += 10_000_000_000n;
    const taken = this.#points(rows, 1_600_000_000_000_000_000n);
    return metricBatch([
      sum(this.#names('updown_counter'), this.#interner.table, taken, { monotonic: false, temporality: 'cumulative' }),
    ]);
  }

  #points(rows: readonly Row[], start: bigint) {
    const builder = new NumberPointsBuilder({ integer: rows.every(({ value }) => Number.isSafeInteger(value)) });
    for (const { attributes, value, host = 'a', ends } of rows) {
      const id = this.#interner.intern(
        createResource({ 'host.name': host }),
        createScope('test'),
        attributeSet(attributes),
      );
      builder.add(id, value, undefined, undefined, ends === true ? NO_RECORDED_VALUE : 0);
    }
    return builder.take(this.time, start);
  }

  #names(kind: 'counter' | 'gauge' | 'updown_counter') {
    const names = { name: this.#name, unit: '1', description: '' };
    if (!this.#own) return names;
    return { ...names, seedName: `${this.#name}_seed`, kind, exactness: 'exact' as const, attributes: {} };
  }
}

/** Points as texts: `path=/a → 3`, an end as `path=/a ends`, those of other hosts with `@host` before. Sorted. */
export function shown(batch: MetricBatch): string[] {
  return batch.metrics.flatMap((metric) => [...texts(metric)]).sort();
}

function* texts(metric: Metric): Generator<string> {
  for (const point of points(metric)) {
    const host = point.resource.attributes.get('host.name');
    const where = host === 'a' ? '' : `@${host ?? ''} `;
    const attributes = Object.entries(point.attributes.toObject()).map(([key, value]) => `${key}=${value}`);
    const value = 'value' in point ? point.value : point.count;
    const what = (point.flags & NO_RECORDED_VALUE) !== 0 ? 'ends' : `→ ${value}`;
    yield `${where}${attributes.join(' ')} ${what}`;
  }
}
