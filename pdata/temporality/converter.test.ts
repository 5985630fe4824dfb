import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  attributeSet,
  EMPTY_RESOURCE,
  EMPTY_SCOPE,
  type ExponentialHistogramPoint,
  ExponentialHistogramPointsBuilder,
  exponentialHistogram,
  gauge,
  HistogramPointsBuilder,
  histogram,
  type Metric,
  type MetricDefinition,
  metricBatch,
  NO_RECORDED_VALUE,
  NumberPointsBuilder,
  points,
  SeriesInterner,
  sum,
  type Temporality,
  TemporalityConverter,
} from '../index.ts';

const SECOND = 1_000_000_000n;
const foreign = { name: 'requests', unit: '{request}', description: '' };
const own: MetricDefinition = {
  name: 'ebpf.calls',
  unit: '{call}',
  seedName: 'ebpf_calls',
  kind: 'counter',
  description: 'Calls.',
  exactness: 'exact',
  attributes: {},
};

/** Series by a letter, in a table of its own. */
class Table {
  readonly interner = new SeriesInterner();
  id(series: string | number): number {
    return this.interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({ series }));
  }
}

interface Row {
  readonly series: string | number;
  readonly value?: number | bigint;
  readonly time: number;
  readonly start?: number;
  readonly end?: boolean;
}

function numbers(
  rows: readonly Row[],
  options: {
    temporality?: Temporality;
    monotonic?: boolean;
    integer?: boolean;
    table?: Table;
    names?: typeof foreign;
  } = {},
): Metric {
  const { temporality = 'delta', monotonic = true, integer = true, table = new Table(), names = foreign } = options;
  const builder = new NumberPointsBuilder({ integer });
  for (const { series, value = 0, time, start = time - 1, end } of rows) {
    builder.add(table.id(series), value, BigInt(time) * SECOND, BigInt(start) * SECOND, end ? NO_RECORDED_VALUE : 0);
  }
  return sum(names, table.interner.table, builder.take(0n, 0n), { monotonic, temporality });
}

function converter(to: Temporality): (...metrics: Metric[]) => Row[] {
  const instance = new TemporalityConverter({ to, idleTimeoutMs: 60_000 });
  return (...metrics) => rowsOf(...instance.convert(metricBatch(metrics), SECOND).metrics);
}

function rowsOf(...metrics: readonly Metric[]): Row[] {
  return metrics.flatMap((metric) =>
    [...points(metric)].map((point) => ({
      series: String(point.attributes.get('series')),
      ...('value' in point && (point.flags & NO_RECORDED_VALUE) === 0 ? { value: point.value } : {}),
      time: Number(point.time / SECOND),
      start: Number(point.startTime / SECOND),
      ...((point.flags & NO_RECORDED_VALUE) !== 0 ? { end: true } : {}),
    })),
  );
}

describe('deltas to cumulative values', () => {
  test('add up from the first delta, whose start they keep', () => {
    const convert = converter('cumulative');
    assert.deepEqual(convert(numbers([{ series: 'a', value: 5, time: 3, start: 2 }])), [
      { series: 'a', value: 5, time: 3, start: 2 },
    ]);
    assert.deepEqual(convert(numbers([{ series: 'a', value: 2, time: 4, start: 3 }])), [
      { series: 'a', value: 7, time: 4, start: 2 },
    ]);
  });

  test('belong to their attributes, not to a table or an id', () => {
    const convert = converter('cumulative');
    const first = new Table();
    first.id('other');
    convert(numbers([{ series: 'a', value: 5, time: 3 }], { table: first }));
    assert.deepEqual(convert(numbers([{ series: 'a', value: 2, time: 4 }], { table: new Table() })), [
      { series: 'a', value: 7, time: 4, start: 2 },
    ]);
  });

  test('of one series and time in one batch become one point', () => {
    const convert = converter('cumulative');
    const rows = [
      { series: 'a', value: 5, time: 3 },
      { series: 'b', value: 1, time: 3 },
      { series: 'a', value: 6, time: 3 },
    ];
    assert.deepEqual(convert(numbers(rows)), [
      { series: 'a', value: 11, time: 3, start: 2 },
      { series: 'b', value: 1, time: 3, start: 2 },
    ]);
  });

  test('of one series at two times in one batch stay two points', () => {
    const convert = converter('cumulative');
    const rows = [
      { series: 'a', value: 5, time: 3 },
      { series: 'a', value: 6, time: 4 },
    ];
    assert.deepEqual(convert(numbers(rows)), [
      { series: 'a', value: 5, time: 3, start: 2 },
      { series: 'a', value: 11, time: 4, start: 2 },
    ]);
  });

  test('begin anew after the point that ends their series', () => {
    const convert = converter('cumulative');
    convert(numbers([{ series: 'a', value: 5, time: 3 }]));
    assert.deepEqual(convert(numbers([{ series: 'a', time: 4, end: true }])), [
      { series: 'a', time: 4, start: 2, end: true },
    ]);
    assert.deepEqual(convert(numbers([{ series: 'a', value: 1, time: 9 }])), [
      { series: 'a', value: 1, time: 9, start: 8 },
    ]);
  });

  test('pass the end of a series that was never seen', () => {
    const convert = converter('cumulative');
    assert.deepEqual(convert(numbers([{ series: 'a', time: 4, end: true }])), [
      { series: 'a', time: 4, start: 3, end: true },
    ]);
  });

  test('of others that come twice, late or from before the start are dropped and counted', () => {
    const instance = new TemporalityConverter({ to: 'cumulative', idleTimeoutMs: 1 });
    const give = (row: Row): Row[] => rowsOf(...instance.convert(metricBatch([numbers([row])]), SECOND).metrics);
    give({ series: 'a', value: 5, time: 13, start: 12 });
    give({ series: 'a', value: 5, time: 20, start: 19 });
    assert.deepEqual(give({ series: 'a', value: 5, time: 20, start: 19 }), []);
    assert.deepEqual(give({ series: 'a', value: 5, time: 15, start: 14 }), []);
    assert.deepEqual(give({ series: 'a', value: 5, time: 30, start: 11 }), []);
    assert.deepEqual(give({ series: 'a', value: 1, time: 31, start: 30 }), [
      { series: 'a', value: 11, time: 31, start: 12 },
    ]);
    assert.deepEqual([...instance.dropped].sort(), [
      ['older_start', 1],
      ['out_of_order', 2],
    ]);
  });

  test('of our own all count, whatever their order', () => {
    const convert = converter('cumulative');
    const names = own;
    convert(numbers([{ series: 'a', value: 5, time: 20 }], { names }));
    assert.deepEqual(convert(numbers([{ series: 'a', value: 6, time: 20 }], { names })), [
      { series: 'a', value: 11, time: 20, start: 19 },
    ]);
  });

  test('that fall are refused for counters and taken for others', () => {
    const convert = converter('cumulative');
    assert.deepEqual(convert(numbers([{ series: 'a', value: -1, time: 3 }])), []);
    const updown = { monotonic: false };
    convert(numbers([{ series: 'a', value: 5, time: 3 }], updown));
    assert.deepEqual(convert(numbers([{ series: 'a', value: -7, time: 4 }], updown)), [
      { series: 'a', value: -2, time: 4, start: 2 },
    ]);
  });

  test('stay exact beyond 2^53 and after coming back', () => {
    const convert = converter('cumulative');
    const value = 2n ** 53n - 1n;
    const updown = { monotonic: false };
    convert(numbers([{ series: 'a', value, time: 3 }], updown));
    const wide = convert(
      numbers(
        [
          { series: 'a', value: 2n ** 60n, time: 4 },
          { series: 'b', value: 1, time: 4 },
        ],
        updown,
      ),
    );
    assert.deepEqual(
      wide.map((row) => row.value),
      [value + 2n ** 60n, 1n],
    );
    const back = convert(numbers([{ series: 'a', value: -(2n ** 60n), time: 5 }], updown));
    assert.deepEqual(back[0]!.value, Number(value));
  });

  test('begin anew where the total would leave 64 bits', () => {
    const convert = converter('cumulative');
    convert(numbers([{ series: 'a', value: 2n ** 62n, time: 3 }]));
    convert(numbers([{ series: 'a', value: 2n ** 62n - 1n, time: 4 }]));
    assert.deepEqual(convert(numbers([{ series: 'a', value: 7, time: 5 }]))[0]!.value, 7);
  });

  test('any cut of a series of integers gives the same totals, whatever the order in which the series come', () => {
    const step = fc.record({ series: fc.nat(3), value: fc.bigInt(0n, 2n ** 54n) });
    fc.assert(
      fc.property(
        fc.array(fc.array(step, { maxLength: 8 }), { maxLength: 8 }),
        fc.infiniteStream(fc.nat()),
        (batches, random) => {
          const straight = converter('cumulative');
          const shuffled = converter('cumulative');
          const truth = new Map<string, bigint>();
          const seen = [new Map<string, bigint>(), new Map<string, bigint>()];
          for (const [n, batch] of batches.entries()) {
            for (const { series, value } of batch) {
              truth.set(String(series), (truth.get(String(series)) ?? 0n) + value);
            }
            const rows = batch.map((row) => ({ ...row, time: n + 2 }));
            const other = rows.map((row) => ({ row, key: random.next().value })).sort((a, b) => a.key - b.key);
            for (const [i, output] of [
              straight(numbers(rows)),
              shuffled(numbers(other.map(({ row }) => row))),
            ].entries()) {
              for (const { series, value } of output) {
                const total = BigInt(value!);
                assert.ok(total >= (seen[i]!.get(String(series)) ?? 0n));
                seen[i]!.set(String(series), total);
              }
            }
          }
          assert.deepEqual(seen[0], truth);
          assert.deepEqual(seen[1], truth);
        },
      ),
    );
  });

  test('of doubles do not lose small ones in a large total', () => {
    const convert = converter('cumulative');
    convert(numbers([{ series: 'a', value: 2 ** 53, time: 2 }], { integer: false }));
    let last: Row[] = [];
    for (let n = 0; n < 1000; n++)
      last = convert(numbers([{ series: 'a', value: 0.5, time: 3 + n }], { integer: false }));
    assert.equal(last[0]!.value, 2 ** 53 + 500);
  });

  test('leave gauges and what is cumulative already alone, down to the object', () => {
    const instance = new TemporalityConverter({ to: 'cumulative', idleTimeoutMs: 1 });
    const table = new Table();
    const builder = new NumberPointsBuilder({ integer: true });
    builder.add(table.id('a'), 4);
    const batch = metricBatch([
      gauge(foreign, table.interner.table, builder.take(1n, 0n)),
      numbers([{ series: 'a', value: 5, time: 3 }], { temporality: 'cumulative' }),
    ]);
    assert.equal(instance.convert(batch, 1n), batch);
  });

  test('share the columns that do not change', () => {
    const instance = new TemporalityConverter({ to: 'cumulative', idleTimeoutMs: 1 });
    const metric = numbers([{ series: 'a', value: 5, time: 3 }]);
    const [converted] = instance.convert(metricBatch([metric]), 1n).metrics;
    assert.equal(converted!.points.ids, metric.points.ids);
    assert.equal(converted!.points.time, metric.points.time);
    assert.equal(converted!.series, metric.series);
  });
});

describe('cumulative values to deltas', () => {
  const cumulative = { temporality: 'cumulative' } as const;
  const give = (rows: readonly Row[], options = {}): Metric => numbers(rows, { ...cumulative, ...options });

  test('are the differences, each from the last point on', () => {
    const convert = converter('delta');
    assert.deepEqual(convert(give([{ series: 'a', value: 5, time: 3, start: 2 }])), [
      { series: 'a', value: 5, time: 3, start: 2 },
    ]);
    assert.deepEqual(convert(give([{ series: 'a', value: 7, time: 4, start: 2 }])), [
      { series: 'a', value: 2, time: 4, start: 3 },
    ]);
  });

  test('do not count what was there before the converter', () => {
    const convert = converter('delta');
    assert.deepEqual(convert(give([{ series: 'a', value: 500, time: 3, start: 0 }])), []);
    assert.deepEqual(convert(give([{ series: 'a', value: 507, time: 4, start: 0 }])), [
      { series: 'a', value: 7, time: 4, start: 3 },
    ]);
  });

  test('see a reset in a new start time and in a fall', () => {
    const convert = converter('delta');
    convert(give([{ series: 'a', value: 5, time: 3, start: 2 }]));
    assert.deepEqual(convert(give([{ series: 'a', value: 9, time: 6, start: 5 }])), [
      { series: 'a', value: 9, time: 6, start: 5 },
    ]);
    assert.deepEqual(convert(give([{ series: 'a', value: 4, time: 7, start: 5 }])), [
      { series: 'a', value: 4, time: 7, start: 6 },
    ]);
  });

  test('drop what comes late or twice', () => {
    const convert = converter('delta');
    convert(give([{ series: 'a', value: 5, time: 3, start: 2 }]));
    assert.deepEqual(convert(give([{ series: 'a', value: 5, time: 3, start: 2 }])), []);
    assert.deepEqual(convert(give([{ series: 'a', value: 5, time: 2, start: 2 }])), []);
    assert.deepEqual(convert(give([{ series: 'a', value: 9, time: 9, start: 1 }])), []);
  });

  test('stay exact beyond 2^53', () => {
    const convert = converter('delta');
    convert(give([{ series: 'a', value: 2n ** 62n, time: 3, start: 2 }]));
    assert.deepEqual(convert(give([{ series: 'a', value: 2n ** 62n + 3n, time: 4, start: 2 }]))[0]!.value, 3);
  });

  test('leave non-monotonic sums cumulative, as OpenTelemetry wants them', () => {
    const instance = new TemporalityConverter({ to: 'delta', idleTimeoutMs: 1 });
    const batch = metricBatch([give([{ series: 'a', value: 5, time: 3 }], { monotonic: false })]);
    assert.equal(instance.convert(batch, 1n), batch);
  });

  test('made cumulative again are what they were', () => {
    const values = fc.array(fc.bigInt(0n, 2n ** 55n), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(values, (steps) => {
        const toDelta = new TemporalityConverter({ to: 'delta', idleTimeoutMs: 1 });
        const back = new TemporalityConverter({ to: 'cumulative', idleTimeoutMs: 1 });
        let total = 0n;
        for (const [n, value] of steps.entries()) {
          total += value;
          const batch = metricBatch([give([{ series: 'a', value: total, time: n + 3, start: 2 }])]);
          const again = rowsOf(...back.convert(toDelta.convert(batch, SECOND), SECOND).metrics);
          assert.deepEqual(
            again.map((row) => ({ ...row, value: BigInt(row.value!) })),
            [{ series: 'a', value: total, time: n + 3, start: 2 }],
          );
        }
      }),
    );
  });
});

describe('histograms', () => {
  const bounds = [10, 100];

  function histograms(
    rows: readonly { counts: number[]; sum: number; time: number; start?: number; min?: number; max?: number }[],
    options: { bounds?: number[]; temporality?: Temporality } = {},
  ): Metric {
    const table = new Table();
    const builder = new HistogramPointsBuilder(options.bounds ?? bounds);
    for (const { counts, sum: total, time, start = time - 1, min, max } of rows) {
      builder.add(table.id('a'), counts, total, BigInt(time) * SECOND, BigInt(start) * SECOND, 0, min, max);
    }
    const temporality = options.temporality ?? 'delta';
    return histogram(foreign, table.interner.table, builder.take(0n, 0n), { temporality });
  }

  function read(metrics: readonly Metric[]): object[] {
    return metrics.flatMap((metric) =>
      metric.kind !== 'histogram'
        ? []
        : [...points(metric)].map(({ counts, sum: total, min, max, startTime }) => ({
            counts: [...counts],
            sum: total,
            min,
            max,
            start: Number(startTime / SECOND),
          })),
    );
  }

  test('add bucket by bucket, with the smallest and largest value', () => {
    const instance = new TemporalityConverter({ to: 'cumulative', idleTimeoutMs: 1 });
    instance.convert(metricBatch([histograms([{ counts: [1, 0, 2], sum: 500, time: 3, min: 5, max: 300 }])]), 1n);
    const { metrics } = instance.convert(
      metricBatch([histograms([{ counts: [0, 4, 0], sum: 100, time: 4, min: 20, max: 40 }])]),
      1n,
    );
    assert.deepEqual(read(metrics), [{ counts: [1, 4, 2], sum: 600, min: 5, max: 300, start: 2 }]);
  });

  test('begin anew when their bounds change', () => {
    const instance = new TemporalityConverter({ to: 'cumulative', idleTimeoutMs: 1 });
    instance.convert(metricBatch([histograms([{ counts: [1, 0, 2], sum: 500, time: 3 }])]), 1n);
    const { metrics } = instance.convert(
      metricBatch([histograms([{ counts: [7, 1], sum: 100, time: 9 }], { bounds: [50] })]),
      1n,
    );
    assert.deepEqual(read(metrics), [{ counts: [7, 1], sum: 100, min: Number.NaN, max: Number.NaN, start: 8 }]);
  });

  test('as deltas are differences, and whole again after a bucket fell', () => {
    const instance = new TemporalityConverter({ to: 'delta', idleTimeoutMs: 1 });
    const give = (counts: number[], total: number, time: number): object[] =>
      read(
        instance.convert(
          metricBatch([histograms([{ counts, sum: total, time, start: 2 }], { temporality: 'cumulative' })]),
          1n,
        ).metrics,
      );
    const unknown = { min: Number.NaN, max: Number.NaN };
    assert.deepEqual(give([1, 0, 2], 500, 3), [{ counts: [1, 0, 2], sum: 500, start: 2, ...unknown }]);
    assert.deepEqual(give([1, 3, 2], 560, 4), [{ counts: [0, 3, 0], sum: 60, start: 3, ...unknown }]);
    assert.deepEqual(give([0, 9, 9], 900, 5), [{ counts: [0, 9, 9], sum: 900, start: 4, ...unknown }]);
  });

  test('made deltas and cumulative again are what they were, resets included', () => {
    const step = fc.record({
      added: fc.tuple(fc.nat(1000), fc.nat(1000), fc.nat(1000)),
      sum: fc.nat(1_000_000),
      reset: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 20 }), (steps) => {
        const toDelta = new TemporalityConverter({ to: 'delta', idleTimeoutMs: 1 });
        const back = new TemporalityConverter({ to: 'cumulative', idleTimeoutMs: 1 });
        let truth = { counts: [0, 0, 0], sum: 0, start: 2 };
        const all = { counts: [0, 0, 0], sum: 0 };
        for (const [n, { added, sum: more, reset }] of steps.entries()) {
          const time = n + 3;
          if (reset && n > 0) truth = { counts: [0, 0, 0], sum: 0, start: time - 1 };
          for (let k = 0; k < 3; k++) {
            truth.counts[k]! += added[k]!;
            all.counts[k]! += added[k]!;
          }
          truth.sum += more;
          all.sum += more;
          const { counts, sum: total, start } = truth;
          const metric = histograms([{ counts, sum: total, time, start }], { temporality: 'cumulative' });
          const [read0] = read(back.convert(toDelta.convert(metricBatch([metric]), 1n), 1n).metrics);
          assert.deepEqual(read0, { ...all, min: Number.NaN, max: Number.NaN, start: 2 });
        }
      }),
    );
  });
});

describe('exponential histograms', () => {
  /** Where each bucket's counts lie: the upper bound, so that scales compare. */
  function spread(metric: Metric): Map<number, number> {
    assert.equal(metric.kind, 'exponential_histogram');
    const result = new Map<number, number>();
    if (metric.kind !== 'exponential_histogram') return result;
    for (const point of points(metric)) {
      if (point.zeroCount > 0) result.set(0, point.zeroCount);
      for (const [k, count] of point.positive.counts.entries()) {
        if (count > 0) result.set(2 ** ((point.positive.offset + k + 1) / 2 ** point.scale), count);
      }
    }
    return result;
  }

  function exponential(
    value: Parameters<ExponentialHistogramPointsBuilder['add']>[1],
    time: number,
    temporality: Temporality = 'delta',
    start = time - 1,
  ): Metric {
    const table = new Table();
    const builder = new ExponentialHistogramPointsBuilder();
    builder.add(table.id('a'), value, BigInt(time) * SECOND, BigInt(start) * SECOND);
    return exponentialHistogram(foreign, table.interner.table, builder.take(0n, 0n), { temporality });
  }

  test('are merged at the coarser scale', () => {
    const instance = new TemporalityConverter({ to: 'cumulative', idleTimeoutMs: 1 });
    const fine = { scale: 1, positive: { offset: 2, counts: [1, 2, 4, 8] }, zeroCount: 1, sum: 50 };
    const coarse = { scale: 0, positive: { offset: 0, counts: [3, 0, 1] }, sum: 11 };
    instance.convert(metricBatch([exponential(fine, 3)]), 1n);
    const [merged] = instance.convert(metricBatch([exponential(coarse, 4)]), 1n).metrics;
    assert.deepEqual(
      [...spread(merged!)],
      [
        [0, 1],
        [2, 3],
        [4, 3],
        [8, 13],
      ],
    );
    assert.equal([...points(merged!)].map((point) => 'sum' in point && point.sum)[0], 61);
  });

  test('take what lies under the wider zero threshold into the zero bucket', () => {
    const instance = new TemporalityConverter({ to: 'cumulative', idleTimeoutMs: 1 });
    const fine = { scale: 0, positive: { offset: 0, counts: [1, 2, 4] }, zeroCount: 1, sum: 1 };
    const wide = { scale: 0, zeroThreshold: 3, zeroCount: 10, positive: { offset: 2, counts: [5] }, sum: 1 };
    instance.convert(metricBatch([exponential(fine, 3)]), 1n);
    const [merged] = instance.convert(metricBatch([exponential(wide, 4)]), 1n).metrics;
    assert.deepEqual(
      [...spread(merged!)],
      [
        [0, 14],
        [8, 9],
      ],
    );
    assert.equal([...points(merged!)].map((point) => 'zeroThreshold' in point && point.zeroThreshold)[0], 4);
  });

  test('keep at most 160 buckets and every count', () => {
    const instance = new TemporalityConverter({ to: 'cumulative', idleTimeoutMs: 1 });
    const at = (offset: number): object => ({ scale: 8, positive: { offset, counts: [1, 1] }, sum: 1 });
    let merged: Metric | undefined;
    for (const [n, offset] of [-100_000, 100_000, 2 ** 30, -(2 ** 31)].entries()) {
      [merged] = instance.convert(metricBatch([exponential(at(offset) as never, n + 3)]), 1n).metrics;
    }
    assert.ok(merged?.kind === 'exponential_histogram');
    const [point] = points(merged);
    assert.equal(point!.count, 8);
    assert.ok(point!.positive.counts.length <= 160);
  });

  test('as deltas are differences, also after they became coarser', () => {
    const instance = new TemporalityConverter({ to: 'delta', idleTimeoutMs: 1 });
    const give = (value: Parameters<ExponentialHistogramPointsBuilder['add']>[1], time: number): [number, number][] => [
      ...spread(instance.convert(metricBatch([exponential(value, time, 'cumulative', 2)]), 1n).metrics[0]!),
    ];
    give({ scale: 1, positive: { offset: 2, counts: [1, 2, 4, 8] }, sum: 50 }, 3);
    assert.deepEqual(give({ scale: 0, positive: { offset: 1, counts: [3, 13] }, sum: 60 }, 4), [[8, 1]]);
    assert.deepEqual(give({ scale: 0, positive: { offset: 1, counts: [1] }, sum: 3 }, 5), [[4, 1]]);
  });

  test('made of values one by one hold each of them, in any order', () => {
    const value = fc.record({ scale: fc.integer({ min: -4, max: 10 }), exponent: fc.integer({ min: -900, max: 900 }) });
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 30 }), (values) => {
        const totals = [values, values.toReversed()].map((inOrder) => {
          const instance = new TemporalityConverter({ to: 'cumulative', idleTimeoutMs: 1 });
          let last: Metric | undefined;
          for (const [n, { scale, exponent }] of inOrder.entries()) {
            const one = { scale, positive: { offset: exponent, counts: [1] }, sum: 1 };
            [last] = instance.convert(metricBatch([exponential(one, n + 3)]), 1n).metrics;
          }
          assert.ok(last?.kind === 'exponential_histogram');
          const [{ scale, positive, count }] = [...points(last)] as [ExponentialHistogramPoint];
          assert.equal(count, values.length);
          return { scale, offset: positive.offset, counts: [...positive.counts] };
        });
        assert.deepEqual(totals[0], totals[1]);
      }),
    );
  });

  test('made deltas and cumulative again keep every count', () => {
    const step = fc.record({
      index: fc.integer({ min: -60, max: 60 }),
      count: fc.integer({ min: 1, max: 9 }),
      coarser: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 15 }), (steps) => {
        const toDelta = new TemporalityConverter({ to: 'delta', idleTimeoutMs: 1 });
        const back = new TemporalityConverter({ to: 'cumulative', idleTimeoutMs: 1 });
        let scale = 6;
        let counts = new Map<number, number>();
        for (const [n, { index, count, coarser }] of steps.entries()) {
          if (coarser) {
            scale--;
            const merged = new Map<number, number>();
            for (const [at, each] of counts) merged.set(at >> 1, (merged.get(at >> 1) ?? 0) + each);
            counts = merged;
          }
          counts.set(index, (counts.get(index) ?? 0) + count);
          const offset = Math.min(...counts.keys());
          const row = Array.from(
            { length: Math.max(...counts.keys()) - offset + 1 },
            (_, k) => counts.get(offset + k) ?? 0,
          );
          const given = exponential({ scale, positive: { offset, counts: row }, sum: 0 }, n + 3, 'cumulative', 2);
          const [again] = back.convert(toDelta.convert(metricBatch([given]), 1n), 1n).metrics;
          assert.deepEqual(spread(again!), spread(given));
        }
      }),
    );
  });
});

describe('memory', () => {
  test('of our own series ends with them', () => {
    const instance = new TemporalityConverter({ to: 'cumulative', idleTimeoutMs: 1 });
    for (let round = 0; round < 20; round++) {
      const series = Array.from({ length: 500 }, (_, n) => round * 500 + n);
      const names = own;
      instance.convert(
        metricBatch([
          numbers(
            series.map((n) => ({ series: n, value: 1, time: 3 })),
            { names },
          ),
        ]),
        1n,
      );
      assert.equal(instance.size, 500);
      instance.convert(
        metricBatch([
          numbers(
            series.map((n) => ({ series: n, time: 4, end: true })),
            { names },
          ),
        ]),
        1n,
      );
      assert.equal(instance.size, 0);
    }
  });

  test('series that live on keep their totals while others come and go', () => {
    const instance = new TemporalityConverter({ to: 'cumulative', idleTimeoutMs: 1 });
    const names = own;
    const give = (rows: readonly Row[]): Row[] =>
      rowsOf(...instance.convert(metricBatch([numbers(rows, { names })]), 1n).metrics);
    let last: Row[] = [];
    for (let round = 0; round < 10; round++) {
      const passing = Array.from({ length: 700 }, (_, n) => ({ series: `${round}/${n}`, value: 1, time: round + 3 }));
      give(passing);
      last = give([{ series: 'stays', value: 2, time: round + 3 }]);
      give(passing.map(({ series, time }) => ({ series, time, end: true })));
    }
    assert.deepEqual(last, [{ series: 'stays', value: 20, time: 12, start: 2 }]);
    assert.equal(instance.size, 1);
  });

  test('of foreign series ends when they are idle; ours stay', () => {
    const instance = new TemporalityConverter({ to: 'cumulative', idleTimeoutMs: 1000 });
    const batch = (names: typeof foreign): Metric => numbers([{ series: 'a', value: 1, time: 3 }], { names });
    instance.convert(metricBatch([batch(foreign), batch(own)]), 10n * SECOND);
    instance.expire(11n * SECOND);
    assert.equal(instance.size, 2);
    instance.expire(12n * SECOND);
    assert.equal(instance.size, 1);
  });
});
