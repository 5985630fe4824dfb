import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, test } from 'node:test';
import {
  type Attributes,
  attributeSet,
  createResource,
  defineMetric,
  EMPTY_RESOURCE,
  EMPTY_SCOPE,
  type Exemplars,
  ExponentialHistogramPointsBuilder,
  exponentialHistogram,
  gauge,
  HistogramPointsBuilder,
  histogram,
  type Metric,
  metricBatch,
  NO_RECORDED_VALUE,
  NumberPointsBuilder,
  type Resource,
  SeriesInterner,
  sum,
  summary,
} from 'bpflow/sdk';
import fc from 'fast-check';
import { writePage } from './page.ts';
import { type PageRules, PageStore } from './page-store.ts';
import { decodeFamilies, type Family } from './test/metric-family.ts';
import { TextWriter } from './text-writer.ts';
import type { View } from './values.ts';

const TEXT: View = { openMetrics: false, protobuf: false, utf8: false };
const OPEN: View = { openMetrics: true, protobuf: false, utf8: false };
const PROTOBUF: View = { openMetrics: false, protobuf: true, utf8: false };
const AT = 1_795_227_393_000_000_000n;
const TRACE = '5b8efff798038103d269b633813fc60c';
const SPAN = 'eee19b7ec3c1b174';

const RULES: PageRules = {
  names: 'seed',
  strategy: 'UnderscoreEscapingWithSuffixes',
  namespace: '',
  constLabels: [],
  resourceToTelemetry: false,
  withoutScopeInfo: true,
  utf8: true,
  targetInfo: true,
  openMetrics: true,
  expirationMs: 300_000,
  sendTimestamps: false,
  maxSeries: 1_000_000,
};

const { table, ids } = (() => {
  const interner = new SeriesInterner();
  return {
    table: interner.table,
    ids: (attributes: Attributes = {}, resource: Resource = EMPTY_RESOURCE) =>
      interner.intern(resource, EMPTY_SCOPE, attributeSet(attributes)),
  };
})();
const named = (name: string): { name: string; unit: string; description: string } => ({
  name,
  unit: '',
  description: 'A "text".',
});
const cumulative = { temporality: 'cumulative' } as const;

function counterOf(
  name: string,
  value: number,
  more: { attributes?: Attributes; time?: bigint; exemplars?: Exemplars; ended?: boolean } = {},
): Metric {
  const builder = new NumberPointsBuilder({ integer: true });
  builder.add(ids(more.attributes), value, more.time ?? AT, 0n, more.ended ? NO_RECORDED_VALUE : 0);
  const points = builder.take(AT, 0n);
  const { exemplars } = more;
  return sum(named(name), table, exemplars ? { ...points, exemplars } : points, { ...cumulative, monotonic: true });
}

function histogramOf(name: string, bounds: number[], counts: number[], exemplars?: Exemplars): Metric {
  const builder = new HistogramPointsBuilder(bounds);
  builder.add(ids(), counts, 12.5, AT);
  const points = builder.take(AT, 0n);
  return histogram(named(name), table, exemplars ? { ...points, exemplars } : points, cumulative);
}

interface ExponentialValue {
  readonly scale: number;
  readonly zeroCount?: number;
  readonly zeroThreshold?: number;
  readonly positive?: { readonly offset: number; readonly counts: readonly number[] };
  readonly negative?: { readonly offset: number; readonly counts: readonly number[] };
}

function exponentialOf(name: string, ...values: readonly ExponentialValue[]): Metric {
  const builder = new ExponentialHistogramPointsBuilder();
  const none = { offset: 0, counts: [] };
  for (const [i, value] of values.entries()) {
    // Resource attributes that are not printed tell the series apart.
    const id = ids({}, createResource({ 'host.name': `h${i}` }));
    builder.add(id, { zeroCount: 0, positive: none, negative: none, ...value, sum: 2.5 }, AT);
  }
  return exponentialHistogram(named(name), table, builder.take(AT, 0n), cumulative);
}

/** Exemplars of points, by row. */
function exemplarsOf(
  ...samples: readonly { point?: number; value: number; traceId?: string; time?: bigint }[]
): Exemplars {
  return {
    point: Uint32Array.from(samples, ({ point }) => point ?? 0),
    time: BigUint64Array.from(samples, ({ time }) => time ?? AT),
    values: Float64Array.from(samples, ({ value }) => value),
    integer: false,
    traceIds: Buffer.concat(samples.map(({ traceId }) => Buffer.from(traceId ?? TRACE, 'hex'))),
    spanIds: Buffer.concat(samples.map(() => Buffer.from(SPAN, 'hex'))),
    attributes: samples.map(() => new Uint8Array(0)),
  };
}

class Page {
  readonly events: string[] = [];
  readonly store: PageStore;

  constructor(rules: Partial<PageRules> = {}) {
    this.store = new PageStore(
      { ...RULES, ...rules },
      {
        dropped: (points, reason) => this.events.push(`${points} ${reason}`),
        collision: () => {},
        leftOut: (metric, reason) => this.events.push(`${metric}: ${reason}`),
      },
      { now: () => 0n },
    );
  }

  take(...metrics: Metric[]): this {
    this.store.apply(metricBatch(metrics), 0);
    return this;
  }

  bytes(view: View): Buffer {
    const writer = new TextWriter(Buffer.alloc(16));
    writePage(this.store, view, writer);
    return Buffer.from(writer.buffer.subarray(0, writer.length));
  }

  lines(view: View): string[] {
    const lines = this.bytes(view).toString().split('\n');
    return lines.filter((line) => line !== '' && !line.startsWith('#'));
  }

  families(view: View = PROTOBUF): Family[] {
    return decodeFamilies(this.bytes(view));
  }
}

describe('timestamps', () => {
  const all = (): Page =>
    new Page({ sendTimestamps: true }).take(
      counterOf('calls', 3, { time: AT + 250_000_000n }),
      histogramOf('latency', [1], [2, 3]),
      gauge(named('level'), table, numbers(1.5)),
      summary(named('size'), table, quantiles()),
    );

  test('are milliseconds in classic text', () => {
    assert.deepEqual(all().lines(TEXT), [
      'calls_total 3 1795227393250',
      'latency_bucket{le="1"} 2 1795227393000',
      'latency_bucket{le="+Inf"} 5 1795227393000',
      'latency_sum 12.5 1795227393000',
      'latency_count 5 1795227393000',
      'level 1.5 1795227393000',
      'size{quantile="0.5"} 7 1795227393000',
      'size_sum 14 1795227393000',
      'size_count 2 1795227393000',
    ]);
  });

  test('are seconds in OpenMetrics', () => {
    assert.deepEqual(all().lines(OPEN).slice(0, 2), [
      'calls_total 3 1.79522739325e+09',
      'latency_bucket{le="1.0"} 2 1.795227393e+09',
    ]);
  });

  test('are milliseconds in protobuf', () => {
    const times = all()
      .families()
      .map(({ metrics }) => metrics[0]!.timestampMs);
    assert.deepEqual(times, [1795227393250, 1795227393000, 1795227393000, 1795227393000]);
  });

  test('are left off target_info, and where the time is not known', () => {
    const builder = new NumberPointsBuilder({ integer: true });
    builder.add(ids({}, createResource({ 'service.name': 's', host: 'h' })), 1);
    const metric = gauge(named('x'), table, builder.take(0n, 0n));
    assert.deepEqual(new Page({ sendTimestamps: true }).take(metric).lines(TEXT), [
      'target_info{host="h",job="s"} 1',
      'x{job="s"} 1',
    ]);
  });

  test('of values that are added up are those of the newest', () => {
    const page = new Page({ sendTimestamps: true });
    const builder = new NumberPointsBuilder({ integer: true });
    builder.add(ids({}, createResource({ a: '1' })), 1, AT);
    builder.add(ids({}, createResource({ a: '2' })), 2, AT + 1_000_000_000n);
    page.take(sum(named('c'), table, builder.take(AT, 0n), { ...cumulative, monotonic: true }));
    assert.deepEqual(page.lines(TEXT), ['c_total 3 1795227394000']);
  });
});

describe('exemplars', () => {
  const suffix = ` # {trace_id="${TRACE}",span_id="${SPAN}"} 0.7 1.795227393e+09`;

  test('stand behind counters and buckets in OpenMetrics only', () => {
    const page = new Page().take(
      counterOf('calls', 3, { exemplars: exemplarsOf({ value: 0.2 }, { value: 0.7 }) }),
      histogramOf(
        'latency',
        [0.5, 1],
        [2, 3, 5],
        exemplarsOf({ value: 0.7 }, { value: 9, traceId: '0'.repeat(32), time: 0n }),
      ),
    );
    assert.deepEqual(page.lines(OPEN), [
      `calls_total 3${suffix}`,
      'latency_bucket{le="0.5"} 2',
      `latency_bucket{le="1.0"} 5${suffix}`,
      `latency_bucket{le="+Inf"} 10 # {span_id="${SPAN}"} 9.0`,
      'latency_sum 12.5',
      'latency_count 10',
    ]);
    assert.ok(page.lines(TEXT).every((line) => !line.includes('#')));
  });

  test('come after the timestamp', () => {
    const page = new Page({ sendTimestamps: true }).take(counterOf('c', 3, { exemplars: exemplarsOf({ value: 0.7 }) }));
    assert.deepEqual(page.lines(OPEN), [`c_total 3 1.795227393e+09${suffix}`]);
  });

  test('stay until a newer one comes, by bucket, and end with their series', () => {
    const page = new Page().take(
      histogramOf('h', [1], [1, 0], exemplarsOf({ value: 0.7 })),
      counterOf('c', 1, { exemplars: exemplarsOf({ value: 0.7 }) }),
    );
    page.take(histogramOf('h', [1], [1, 1], exemplarsOf({ value: 2 })), counterOf('c', 2));
    assert.equal(page.lines(OPEN).filter((line) => line.includes(' # ')).length, 3);
    page.take(counterOf('c', 0, { ended: true }));
    page.take(counterOf('c', 1, { time: AT + 1n }));
    assert.deepEqual(page.lines(OPEN)[0], 'c_total 1');
  });

  test('belong to their points', () => {
    const builder = new NumberPointsBuilder({ integer: true });
    for (const name of ['a', 'b', 'c']) builder.add(ids({ name }), 1, AT);
    const points = { ...builder.take(AT, 0n), exemplars: exemplarsOf({ point: 0, value: 1 }, { point: 2, value: 3 }) };
    const page = new Page().take(sum(named('x'), table, points, { ...cumulative, monotonic: true }));
    assert.deepEqual(
      page.lines(OPEN).map((line) => / # \{.*\} (\S+) /.exec(line)?.[1]),
      ['1.0', undefined, '3.0'],
    );
  });

  test('of our own histograms are shown in the unit of the page', () => {
    const definition = defineMetric({
      name: 'ebpf.x.duration',
      unit: 'ns',
      otelUnit: 's',
      seedName: 'ebpf_x_ns',
      kind: 'histogram',
      description: 'Time.',
      exactness: 'exact',
      attributes: {},
    });
    const builder = new HistogramPointsBuilder([1_000_000_000]);
    builder.add(ids(), [1, 0], 5, AT);
    const points = { ...builder.take(AT, 0n), exemplars: exemplarsOf({ value: 500_000_000 }) };
    const page = new Page({ names: 'otel' }).take(histogram(definition, table, points, cumulative));
    assert.match(page.lines(OPEN)[0]!, /^ebpf_x_duration_seconds_bucket\{.*le="1.0"\} 1 # \{.*\} 0\.5 1\.7/);
  });
});

describe('the protobuf form', () => {
  test('holds every kind of metric, by name and labels', () => {
    const families = new Page()
      .take(
        counterOf('calls', 3, { attributes: { b: 'x"\\\n', a: 'é' }, exemplars: exemplarsOf({ value: 0.7 }) }),
        counterOf('calls', 4, { attributes: { a: '' } }),
        histogramOf('latency', [0.5, 1], [2, 3, 5], exemplarsOf({ value: 0.7 }, { value: 9 })),
        gauge(named('level'), table, numbers(-1.5)),
        summary(named('size'), table, quantiles()),
      )
      .families();
    const exemplar = { labels: { trace_id: TRACE, span_id: SPAN }, seconds: 1795227393, value: 0.7 };
    assert.deepEqual(families, [
      {
        name: 'calls_total',
        help: 'A "text".',
        type: 0,
        metrics: [
          { labels: { a: '' }, timestampMs: 0, value: 4 },
          { labels: { a: 'é', b: 'x"\\\n' }, timestampMs: 0, value: 3, exemplar },
        ],
      },
      {
        name: 'latency',
        help: 'A "text".',
        type: 4,
        metrics: [
          {
            labels: {},
            timestampMs: 0,
            count: 10,
            sum: 12.5,
            buckets: [
              { count: 2, bound: 0.5 },
              { count: 5, bound: 1, exemplar },
              { count: 10, bound: Number.POSITIVE_INFINITY, exemplar: { ...exemplar, value: 9 } },
            ],
          },
        ],
      },
      { name: 'level', help: 'A "text".', type: 1, metrics: [{ labels: {}, timestampMs: 0, value: -1.5 }] },
      {
        name: 'size',
        help: 'A "text".',
        type: 2,
        metrics: [{ labels: {}, timestampMs: 0, count: 2, sum: 14, quantiles: [[0.5, 7]] }],
      },
    ]);
  });

  test('names targets, and keeps UTF-8 where it is wanted', () => {
    const builder = new NumberPointsBuilder({ integer: true });
    builder.add(ids({ 'a.b': 'c' }, createResource({ 'service.name': 's', 'host.name': 'h' })), 1, AT);
    const page = new Page({ strategy: 'NoTranslation' }).take(gauge(named('my.metric'), table, builder.take(AT, 0n)));
    const shown = (view: View) => page.families(view).map(({ name, metrics }) => [name, metrics[0]!.labels]);
    assert.deepEqual(shown(PROTOBUF), [
      ['my_metric', { a_b: 'c', job: 's' }],
      ['target_info', { host_name: 'h', job: 's' }],
    ]);
    assert.deepEqual(shown({ ...PROTOBUF, utf8: true }), [
      ['my.metric', { 'a.b': 'c', job: 's' }],
      ['target_info', { 'host.name': 'h', job: 's' }],
    ]);
  });

  test('is what the text says, whatever the labels are', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), { maxKeys: 5 }),
        (labels) => {
          const attributes = Object.fromEntries(
            Object.entries(labels).map(([key, value]) => [`k${key.toWellFormed()}`, value.toWellFormed()]),
          );
          const page = new Page().take(counterOf('x', 1, { attributes }));
          const [text] = page.lines(TEXT);
          const [family] = page.families();
          const printed = Object.entries(family!.metrics[0]!.labels)
            .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))}"`)
            .join(',');
          assert.equal(text, `x_total${printed === '' ? '' : `{${printed}}`} 1`);
        },
      ),
    );
  });
});

describe('exponential histograms', () => {
  test('are count and sum in text', () => {
    const page = new Page().take(
      exponentialOf('e', { scale: 0, zeroCount: 1, positive: { offset: 0, counts: [2, 3] } }),
    );
    for (const view of [TEXT, OPEN]) {
      assert.deepEqual(page.lines(view), ['e_bucket{le="+Inf"} 6', 'e_sum 2.5', 'e_count 6']);
    }
  });

  test('are native histograms in protobuf', () => {
    const page = new Page().take(
      exponentialOf('e', {
        scale: 1,
        zeroCount: 4,
        zeroThreshold: 0.25,
        positive: { offset: -3, counts: [1, 0, 2, 0, 0, 0, 5] },
        negative: { offset: 7, counts: [9] },
      }),
    );
    const { labels: _, timestampMs: __, ...histogram } = page.families()[0]!.metrics[0]!;
    assert.deepEqual(histogram, {
      count: 21,
      sum: 2.5,
      schema: 1,
      zeroThreshold: 0.25,
      zeroCount: 4,
      negativeSpans: [[8, 1]],
      negativeDeltas: [9],
      positiveSpans: [
        [-2, 3],
        [3, 1],
      ],
      positiveDeltas: [1, -1, 2, 3],
    });
  });

  test('without any value are still native', () => {
    const [family] = new Page().take(exponentialOf('e', { scale: 3 })).families();
    assert.deepEqual(family!.metrics[0]!.positiveSpans, [[0, 0]]);
    assert.equal(family!.metrics[0]!.count, 0);
  });

  test('become coarser where they are too fine, and are count and sum where they are too coarse', () => {
    const [fine] = new Page()
      .take(exponentialOf('e', { scale: 10, positive: { offset: 0, counts: [1, 1, 1, 1, 1] } }))
      .families();
    assert.deepEqual(fine!.metrics[0]!.schema, 8);
    assert.deepEqual(fine!.metrics[0]!.positiveSpans, [[1, 2]]);
    assert.deepEqual(fine!.metrics[0]!.positiveDeltas, [4, -3]);
    const [coarse] = new Page()
      .take(exponentialOf('e', { scale: -5, positive: { offset: 0, counts: [3] } }))
      .families();
    assert.deepEqual(coarse!.metrics[0], { labels: {}, timestampMs: 0, count: 3, sum: 2.5 });
  });

  test('that print alike are added up', () => {
    const [family] = new Page()
      .take(
        exponentialOf(
          'e',
          { scale: 1, positive: { offset: 0, counts: [1, 2] } },
          { scale: 0, positive: { offset: 0, counts: [4] } },
        ),
      )
      .families();
    const { schema, count, positiveSpans, positiveDeltas } = family!.metrics[0]!;
    assert.deepEqual(
      { schema, count, positiveSpans, positiveDeltas },
      { schema: 0, count: 7, positiveSpans: [[1, 1]], positiveDeltas: [7] },
    );
  });

  test('lose no bucket', () => {
    const side = fc.record({
      offset: fc.integer({ min: -1000, max: 1000 }),
      counts: fc.array(fc.nat(3), { maxLength: 30 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: -4, max: 8 }), side, side, (scale, positive, negative) => {
        const [family] = new Page().take(exponentialOf('e', { scale, positive, negative })).families();
        const metric = family!.metrics[0]!;
        assert.deepEqual(bucketsOf(metric.positiveSpans, metric.positiveDeltas), nonZero(positive));
        assert.deepEqual(bucketsOf(metric.negativeSpans, metric.negativeDeltas), nonZero(negative));
      }),
    );
  });
});

function numbers(value: number): ReturnType<NumberPointsBuilder['take']> {
  const builder = new NumberPointsBuilder({ integer: false });
  builder.add(ids(), value, AT);
  return builder.take(AT, 0n);
}

function quantiles(): Parameters<typeof summary>[2] {
  return {
    length: 1,
    ids: Uint32Array.of(ids()),
    time: AT,
    startTime: 0n,
    flags: 0,
    counts: Float64Array.of(2),
    sums: Float64Array.of(14),
    start: Uint32Array.of(0, 1),
    quantiles: Float64Array.of(0.5),
    values: Float64Array.of(7),
  };
}

type Spans = readonly (readonly [offset: number, length: number])[];

/** Counts by index as OTLP numbers them, from spans and deltas as Prometheus reads them. */
function bucketsOf(spans: Spans = [], deltas: readonly number[] = []): Record<string, number> {
  const counts: Record<string, number> = {};
  let index = 0;
  let count = 0;
  let next = 0;
  for (const [offset, length] of spans) {
    index += offset;
    for (let k = 0; k < length; k++, index++) {
      count += deltas[next++]!;
      if (count !== 0) counts[index - 1] = count;
    }
  }
  assert.equal(next, deltas.length);
  return counts;
}

function nonZero({ offset, counts }: { offset: number; counts: readonly number[] }): Record<string, number> {
  return Object.fromEntries(
    counts.map((count, k) => [String(offset + k), count] as const).filter(([, count]) => count !== 0),
  );
}
