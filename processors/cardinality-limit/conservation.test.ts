import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  attributeSet,
  createResource,
  createScope,
  ExponentialHistogramPointsBuilder,
  exponentialHistogram,
  HistogramPointsBuilder,
  histogram,
  type Metric,
  type MetricBatch,
  metricBatch,
  NO_RECORDED_VALUE,
  NumberPointsBuilder,
  points,
  SeriesInterner,
  sum,
  TemporalityConverter,
} from 'bpflow/sdk';
import fc from 'fast-check';
import { cumulative, Limited } from './test/limited.ts';
import { Sender as GaugeSender } from './test/senders.ts';
import { Tally } from './test/tally.ts';

const RUNS = process.env['BPFLOW_SUITE'] === 'full' ? 2000 : 150;
const KINDS = ['sum', 'histogram', 'exponential_histogram'] as const;
const ATTRIBUTES = ['path', 'method', 'user'] as const;
const BOUNDS = [
  [1, 10, 100],
  [1, 5, 10, 100],
  [10, 50],
] as const;

interface Sent {
  readonly kind: (typeof KINDS)[number];
  readonly resource: number;
  readonly path: number | undefined;
  readonly method: number;
  readonly user: number | undefined;
  readonly value: number;
  readonly ends: boolean;
}

type Step =
  | { readonly send: readonly Sent[] }
  | { readonly wait: number }
  | { readonly reload: unknown }
  | { readonly rotate: true };

const sent: fc.Arbitrary<Sent> = fc.record({
  kind: fc.constantFrom(...KINDS),
  resource: fc.nat(3),
  path: fc.option(fc.nat(30), { nil: undefined }),
  method: fc.nat(2),
  user: fc.option(fc.nat(8), { nil: undefined }),
  value: fc.nat(200),
  ends: fc.integer({ min: 0, max: 19 }).map((dice) => dice === 0),
});

const strategy = fc.constantFrom('first_come', 'heavy_hitters');
const config: fc.Arbitrary<unknown> = fc.record({
  max_series: fc.integer({ min: 1, max: 60 }),
  max_series_per_resource: fc.integer({ min: 1, max: 60 }),
  max_total_series: fc.integer({ min: 1, max: 100 }),
  strategy,
  idle_timeout: fc.constant('1m'),
  limits: fc.oneof(
    fc.constant([]),
    fc.record({ path: fc.nat(10), user: fc.nat(5) }).map((attributes) => [{ metric: '*', attributes }]),
    fc
      .nat(5)
      .map((max_values) => [{ metric: 's*', max_series: 20, attributes: { path: { routes: 'auto', max_values } } }]),
  ),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ send: fc.array(sent, { maxLength: 30 }) }) },
  { weight: 3, arbitrary: fc.record({ wait: fc.constantFrom(10_000, 60_000, 90_000) }) },
  { weight: 1, arbitrary: fc.record({ reload: config }) },
  { weight: 1, arbitrary: fc.constant({ rotate: true as const }) },
);

/** Who sends: makes batches of what a step says. Times go on with each. */
class Sender {
  #interner = new SeriesInterner();
  #time = 1_700_000_000_000_000_000n;
  readonly #own: boolean;
  readonly #temporality: 'cumulative' | 'delta';
  readonly #totals = new Map<string, number>();

  constructor(options: { readonly own: boolean; readonly temporality: 'cumulative' | 'delta' }) {
    this.#own = options.own;
    this.#temporality = options.temporality;
  }

  rotate(): void {
    this.#interner = new SeriesInterner();
  }

  batch(all: readonly Sent[]): MetricBatch {
    const start = this.#temporality === 'delta' ? this.#time : 1_699_000_000_000_000_000n;
    this.#time += 10_000_000_000n;
    const metrics: Metric[] = [];
    const numbers = new NumberPointsBuilder({ integer: true });
    const exponential = new ExponentialHistogramPointsBuilder();
    const histograms = BOUNDS.map((bounds) => new HistogramPointsBuilder(bounds));
    for (const point of this.#temporality === 'delta' ? all : onePerSeries(all)) {
      const id = this.#intern(point);
      const flags = point.ends ? NO_RECORDED_VALUE : 0;
      if (point.kind === 'sum') {
        const value = this.#temporality === 'delta' || point.ends ? point.value : this.#grown(point);
        numbers.add(id, point.ends ? 0 : value, undefined, undefined, flags);
      } else if (point.kind === 'histogram') {
        const bounds = histograms[point.resource % BOUNDS.length]!;
        const counts = Array.from({ length: bounds.width }, (_, k) => (point.ends ? 0 : (point.value + k) % 3));
        bounds.add(id, counts, point.ends ? 0 : point.value, undefined, undefined, flags);
      } else {
        const value = point.ends
          ? { scale: 0, sum: 0 }
          : {
              scale: point.value % 5,
              zeroCount: point.value % 3,
              positive: { offset: (point.value % 40) - 20, counts: [1, point.value, 0, 2] },
              negative: { offset: point.value % 4, counts: [point.value % 2] },
              sum: point.value,
            };
        exponential.add(id, value, undefined, undefined, flags);
      }
    }
    const temporality = this.#temporality;
    const table = this.#interner.table;
    if (numbers.length > 0) {
      metrics.push(
        sum(this.#named('sum', 'counter'), table, numbers.take(this.#time, start), { monotonic: true, temporality }),
      );
    }
    for (const builder of histograms) {
      if (builder.length === 0) continue;
      metrics.push(
        histogram(this.#named('histogram', 'histogram'), table, builder.take(this.#time, start), {
          temporality: 'delta',
        }),
      );
    }
    if (exponential.length > 0) {
      metrics.push(
        exponentialHistogram(this.#named('exponential', 'histogram'), table, exponential.take(this.#time, start), {
          temporality: 'delta',
        }),
      );
    }
    return metricBatch(metrics);
  }

  #intern({ resource, path, method, user }: Sent): number {
    const attributes = {
      method: ['GET', 'POST', 'other'][method]!,
      ...(path !== undefined && { path: path === 30 ? 'other' : `/item/${path % 2 === 0 ? path : `x${path}`}` }),
      ...(user !== undefined && { user }),
    };
    return this.#interner.intern(
      createResource({ 'host.name': `node-${resource}` }),
      createScope('test'),
      attributeSet(attributes),
    );
  }

  /** A cumulative value; now and then its sender begins anew. */
  #grown(point: Sent): number {
    const key = keyOf(point);
    const before = this.#totals.get(key) ?? 0;
    const value = point.value % 17 === 0 ? point.value : before + point.value;
    this.#totals.set(key, value);
    return value;
  }

  #named(name: string, kind: 'counter' | 'histogram') {
    const names = { name, unit: '1', description: '' };
    if (!this.#own) return names;
    return { ...names, seedName: name, kind, exactness: 'exact' as const, attributes: {} };
  }
}

const METRICS = ['sum', 'histogram', 'exponential'] as const;

/** Buckets of histograms differ in number where bounds do: only count and sum add up over all. */
function comparable(metric: string, total: readonly number[]): readonly number[] {
  return metric === 'histogram' ? total.slice(0, 2) : total;
}

for (const own of [false, true]) {
  describe(own ? 'own metrics' : 'foreign metrics', () => {
    test('add up to the same before and after, as deltas and as totals downstream', () => {
      fc.assert(
        fc.property(config, fc.array(step, { maxLength: 25 }), (first, steps) => {
          const sender = new Sender({ own, temporality: 'delta' });
          const downstream = cumulative();
          const before = new Tally();
          const after = new Tally();
          let limited = new Limited(first);
          for (const doing of steps) {
            if ('wait' in doing) limited.wait(doing.wait);
            else if ('rotate' in doing) sender.rotate();
            else if ('reload' in doing) {
              limited.stop();
              limited = new Limited(doing.reload);
            } else {
              const batch = sender.batch(doing.send);
              before.add(batch);
              const out = limited.metrics(batch);
              after.add(out);
              downstream.convert(out, 1_700_000_000_000_000_000n);
            }
          }
          limited.stop();
          for (const metric of METRICS) {
            assert.deepEqual(comparable(metric, after.total(metric)), comparable(metric, before.total(metric)));
          }
          assert.deepEqual([...downstream.dropped], []);
        }),
        { numRuns: RUNS },
      );
    });

    test('keep every attribute that was not folded, and count what was', () => {
      fc.assert(
        fc.property(config, fc.array(fc.array(sent, { maxLength: 40 }), { maxLength: 12 }), (options, batches) => {
          const sender = new Sender({ own, temporality: 'delta' });
          const limited = new Limited(withoutRewriting(options));
          const before = new Tally();
          const after = new Tally();
          for (const all of batches) {
            const batch = sender.batch(all.map((point) => (point.kind === 'sum' ? { ...point, value: 1 } : point)));
            before.add(batch);
            after.add(limited.metrics(batch));
          }
          for (const metric of METRICS) {
            for (const attribute of ATTRIBUTES) {
              const folded = limited.folded(metric, attribute);
              if (folded === 0) {
                const compared = (tally: Tally) =>
                  Object.entries(tally.byValue(metric, attribute))
                    .filter(([value]) => value !== '"other"')
                    .map(([value, total]) => [value, comparable(metric, total)]);
                assert.deepEqual(compared(after), compared(before), `${metric} ${attribute}`);
              }
              if (metric === 'sum') assert.equal(folded, named(before, attribute) - named(after, attribute));
            }
          }
          limited.stop();
        }),
        { numRuns: RUNS },
      );
    });

    test('never have more series than the budget', () => {
      fc.assert(
        fc.property(config, fc.array(fc.array(sent, { maxLength: 40 }), { maxLength: 12 }), (options, batches) => {
          const sender = new Sender({ own, temporality: 'delta' });
          const limited = new Limited(options);
          const after = new Tally();
          const lasting = batches.map((all) => all.map((point) => ({ ...point, ends: false })));
          for (const all of lasting) after.add(limited.metrics(sender.batch(all)));
          const { max_series } = options as { max_series: number };
          for (const { metric, series, maxSeries } of limited.report.metrics) {
            assert.ok(
              series <= maxSeries && maxSeries >= Math.min(max_series, 20),
              `${metric}: ${series} of ${maxSeries}`,
            );
            assert.equal(after.series(metric), series);
          }
          limited.stop();
        }),
        { numRuns: RUNS },
      );
    });
  });
}

test('cumulative values with resets add up once they are deltas', () => {
  fc.assert(
    fc.property(config, fc.array(fc.array(sent, { maxLength: 30 }), { maxLength: 15 }), (options, batches) => {
      const sender = new Sender({ own: false, temporality: 'cumulative' });
      const upstream = new TemporalityConverter({ to: 'delta', idleTimeoutMs: Number.MAX_SAFE_INTEGER });
      const downstream = cumulative();
      const limited = new Limited(options);
      const before = new Tally();
      const after = new Tally();
      for (const all of batches) {
        const sums = all.map((point): Sent => ({ ...point, kind: 'sum' }));
        const deltas = upstream.convert(sender.batch(sums), 1_698_000_000_000_000_000n);
        before.add(deltas);
        const out = limited.metrics(deltas);
        after.add(out);
        downstream.convert(out, 1_700_000_000_000_000_000n);
      }
      assert.deepEqual(after.total('sum'), before.total('sum'));
      assert.deepEqual([...downstream.dropped], []);
      limited.stop();
    }),
    { numRuns: RUNS },
  );
});

const level = fc.record({
  user: fc.nat(3),
  path: fc.nat(12),
  host: fc.nat(2),
  value: fc.integer({ min: -50, max: 50 }),
  ends: fc.boolean(),
});

for (const own of [false, true]) {
  test(`last values of ${own ? 'own' : 'foreign'} gauges add up to the same at every moment`, () => {
    const batches = fc.array(fc.array(level, { maxLength: 20 }), { maxLength: 20 });
    fc.assert(
      fc.property(
        fc.nat(8),
        fc.nat(3),
        fc.integer({ min: 1, max: 30 }),
        strategy,
        batches,
        (path, user, max_series, who, all) => {
          const limited = new Limited({
            max_series,
            strategy: who,
            limits: [{ metric: '*', attributes: { path, user } }],
          });
          const sender = new GaugeSender('fill', { own });
          const before = new Map<string, number>();
          const after = new Map<string, number>();
          for (const levels of all) {
            const rows = levels.map(({ path: name, user: who, host, value, ends }) => ({
              attributes: { path: `/${name}`, user: who },
              host: String(host),
              value,
              ends: ends && before.has(`${host} /${name} ${who}`),
            }));
            const distinct = [
              ...new Map(
                rows.map((row) => [`${row.host} ${row.attributes.path} ${row.attributes.user}`, row]),
              ).entries(),
            ];
            for (const [key, { value, ends }] of distinct) ends ? before.delete(key) : before.set(key, value);
            take(after, limited.metrics(sender.gauges(distinct.map(([, row]) => row))));
            assert.equal(total(after), total(before));
            limited.wait(10_000);
          }
          limited.stop();
        },
      ),
      { numRuns: RUNS },
    );
  });
}

/** Keeps the last value of each series, until it ends. */
function take(values: Map<string, number>, batch: MetricBatch): void {
  for (const metric of batch.metrics) {
    for (const point of points(metric)) {
      const key = `${point.resource.bytes} ${point.attributes.bytes}`;
      if ((point.flags & NO_RECORDED_VALUE) !== 0) values.delete(key);
      else if ('value' in point) values.set(key, Number(point.value));
    }
  }
}

function total(values: ReadonlyMap<string, number>): number {
  return [...values.values()].reduce((sum, value) => sum + value, 0);
}

/** Points of series with a name for the attribute. */
function named(tally: Tally, attribute: string): number {
  return (tally.of('sum', attribute)[0] ?? 0) - (tally.of('sum', attribute, 'other')[0] ?? 0);
}

function withoutRewriting(options: unknown): unknown {
  const { limits } = options as { limits: readonly { attributes: Record<string, unknown> }[] };
  const rewrites = limits.some(({ attributes }) => typeof attributes['path'] === 'object');
  return rewrites ? { ...(options as object), limits: [] } : options;
}

/** A cumulative sender has one point of a series in a batch. */
function onePerSeries(all: readonly Sent[]): readonly Sent[] {
  return [...new Map(all.map((point) => [keyOf(point), point])).values()];
}

function keyOf({ kind, resource, path, method, user }: Sent): string {
  return JSON.stringify([kind, resource, path ?? -1, method, user ?? -1]);
}
