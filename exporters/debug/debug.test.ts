import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  attributeSet,
  createResource,
  createScope,
  double,
  EMPTY_RESOURCE,
  EMPTY_SCOPE,
  ExponentialHistogramPointsBuilder,
  encodeOtlpJson,
  exponentialHistogram,
  gauge,
  HistogramPointsBuilder,
  histogram,
  LogBuilder,
  type LogFields,
  type Metric,
  metricBatch,
  NumberPointsBuilder,
  SeriesInterner,
  type SpanBatch,
  sum,
  summary,
} from 'bpflow/sdk';
import { fakeScope, sampleBatch } from 'bpflow/testing';
import { debugConfig } from './config.ts';
import { createDebugExporter } from './exporter.ts';

const ABORT = new AbortController().signal;
const TIME = 1_795_227_393_509_369_393n;

function exporterOf(config: Record<string, unknown>): {
  readonly exporter: ReturnType<typeof createDebugExporter>;
  readonly scope: ReturnType<typeof fakeScope>;
  readonly printed: string[];
  /** Texts on the log, with their fields. */
  shown(): (readonly [string, LogFields | undefined])[];
} {
  const scope = fakeScope('exporter', 'debug');
  const printed: string[] = [];
  const exporter = createDebugExporter(debugConfig.parse(config), scope, (text) => void printed.push(text));
  return { exporter, scope, printed, shown: () => scope.logs.map(({ message, fields }) => [message, fields] as const) };
}

const interner = new SeriesInterner();
const resource = createResource({ 'service.name': 'loadgen', 'host.name': 'bench-host' });
const id = interner.intern(resource, createScope('loadgen', '1.0.0'), attributeSet({ series: 0, pod: 'pod-0' }));
const names = { name: 'bench.metric', unit: 'By', description: 'Text.' };

function numbers(value: number | bigint, integer: boolean): ReturnType<NumberPointsBuilder['take']> {
  const builder = new NumberPointsBuilder({ integer });
  builder.add(id, value);
  return builder.take(TIME, 0n);
}

function oneOfEach(): Metric[] {
  const explicit = new HistogramPointsBuilder([0.5, 1]);
  explicit.add(id, [2, 3, 5], 12.5, undefined, undefined, 0, 0.1, 9);
  const exponential = new ExponentialHistogramPointsBuilder();
  exponential.add(id, {
    scale: 0,
    zeroCount: 1,
    sum: 6,
    positive: { offset: 0, counts: [2, 3] },
    negative: { offset: 1, counts: [4] },
  });
  return [
    gauge(names, interner.table, numbers(0.25, false)),
    sum(names, interner.table, numbers(42n, true), { monotonic: true, temporality: 'delta' }),
    histogram(names, interner.table, explicit.take(TIME, 0n), { temporality: 'cumulative' }),
    exponentialHistogram(names, interner.table, exponential.take(TIME, 0n), { temporality: 'cumulative' }),
    summary(names, interner.table, {
      length: 1,
      ids: Uint32Array.of(id),
      time: TIME,
      startTime: 0n,
      flags: 0,
      counts: Float64Array.of(3),
      sums: Float64Array.of(1.5),
      start: Uint32Array.of(0, 1),
      quantiles: Float64Array.of(0.99),
      values: Float64Array.of(9),
    }),
  ];
}

function logs(): NonNullable<ReturnType<LogBuilder['take']>> {
  const builder = new LogBuilder();
  builder.add({
    time: TIME,
    severity: 9,
    eventName: 'ev',
    body: 'hello',
    attributes: { n: 5, ratio: double(2) },
    resource,
  });
  return builder.take()!;
}

const word = (text: string): { codes: Uint32Array; words: string[] } => ({ codes: Uint32Array.of(0), words: [text] });

function spans(): SpanBatch {
  return {
    signal: 'traces',
    length: 1,
    resources: [resource],
    resource: Uint32Array.of(0),
    scopes: [EMPTY_SCOPE],
    scope: Uint32Array.of(0),
    traceIds: new Uint8Array(16).fill(1),
    spanIds: new Uint8Array(8).fill(2),
    parentSpanIds: new Uint8Array(8),
    traceState: word(''),
    name: word('lets-go'),
    kind: Uint8Array.of(3),
    startTime: BigUint64Array.of(TIME),
    endTime: BigUint64Array.of(TIME + 1n),
    attributes: new Map([['peer', { kind: 'string', values: word('1.2.3.4') }]]),
    statusCode: Uint8Array.of(2),
    statusMessage: word('bad'),
    flags: 0,
    events: {
      span: Uint32Array.of(0),
      time: BigUint64Array.of(TIME),
      name: word('e'),
      attributes: [attributeSet({ k: true })],
    },
    links: {
      span: new Uint32Array(0),
      traceIds: new Uint8Array(0),
      spanIds: new Uint8Array(0),
      traceState: word(''),
      attributes: [],
    },
  };
}

describe('basic verbosity', () => {
  test('shows the counts of each batch', () => {
    const { exporter, shown } = exporterOf({});
    const other = interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({}));
    const builder = new NumberPointsBuilder({ integer: true });
    builder.add(id, 1);
    builder.add(other, 2);
    exporter.consume.metrics!(metricBatch([gauge(names, interner.table, builder.take(1n, 0n))]), ABORT);
    exporter.consume.logs!(logs(), ABORT);
    exporter.consume.traces!(spans(), ABORT);
    exporter.consume.profiles!(sampleBatch('profiles'), ABORT);
    assert.deepEqual(shown(), [
      ['Metrics', { 'resource metrics': 2, metrics: 2, 'data points': 2 }],
      ['Logs', { 'resource logs': 1, 'log records': 1 }],
      ['Traces', { 'resource spans': 1, spans: 1 }],
      ['Profiles', { 'resource profiles': 1, 'sample records': 6 }],
    ]);
  });

  test('shows more of profiles as the OTLP/JSON of their request', () => {
    const { exporter, shown } = exporterOf({ verbosity: 'normal' });
    const batch = sampleBatch('profiles');
    exporter.consume.profiles!(batch, ABORT);
    assert.equal(shown()[1]?.[0], Buffer.from(encodeOtlpJson(batch)).toString());
  });

  test('goes to standard output without the internal logger', () => {
    const { exporter, shown, printed } = exporterOf({ use_internal_logger: false, verbosity: 'normal' });
    exporter.consume.logs!(logs(), ABORT);
    assert.deepEqual(shown(), []);
    assert.deepEqual(printed[0], 'Logs\t{"resource logs":1,"log records":1}\n');
    assert.match(printed[1]!, /\nhello n=5 ratio=2\n$/);
  });
});

describe('normal verbosity', () => {
  test('shows about one line for each item', () => {
    const { exporter, shown } = exporterOf({ verbosity: 'normal' });
    exporter.consume.metrics!(metricBatch(oneOfEach()), ABORT);
    exporter.consume.logs!(logs(), ABORT);
    exporter.consume.traces!(spans(), ABORT);
    const texts = shown()
      .filter(([, fields]) => fields === undefined)
      .map(([message]) => message);
    assert.deepEqual(texts, [
      `ResourceMetrics #0 host.name=bench-host service.name=loadgen
ScopeMetrics #0 loadgen@1.0.0
bench.metric{pod=pod-0,series=0} 0.25
bench.metric{pod=pod-0,series=0} 42
bench.metric{pod=pod-0,series=0} count=10 sum=12.5 min=0.1 max=9 le0.5=2 le1=3 5
bench.metric{pod=pod-0,series=0} count=10 sum=6
bench.metric{pod=pod-0,series=0} count=3 sum=1.500000 q0.99=9`,
      `ResourceLog #0 host.name=bench-host service.name=loadgen
ScopeLog #0
hello n=5 ratio=2`,
      `ResourceTraces #0 host.name=bench-host service.name=loadgen
ScopeTraces #0
lets-go ${'01'.repeat(16)} ${'02'.repeat(8)} peer=1.2.3.4`,
    ]);
  });

  test('shows control characters instead of sending them to the terminal', () => {
    const { exporter, shown } = exporterOf({ verbosity: 'normal' });
    const series = interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({ evil: '\x1b[2J\x07' }));
    const builder = new NumberPointsBuilder({ integer: true });
    builder.add(series, 1);
    exporter.consume.metrics!(metricBatch([gauge(names, interner.table, builder.take(1n, 0n))]), ABORT);
    assert.match(shown()[1]![0], /bench\.metric\{evil=\\x1b\[2J\\x07\} 1$/);
  });
});

describe('detailed verbosity', () => {
  const detailed = (show: (exporter: ReturnType<typeof createDebugExporter>) => unknown): string => {
    const { exporter, shown } = exporterOf({ verbosity: 'detailed' });
    show(exporter);
    return shown()[1]![0];
  };

  test('shows metrics with all their points', () => {
    const text = detailed((exporter) => exporter.consume.metrics!(metricBatch(oneOfEach()), ABORT));
    const head = `ResourceMetrics #0
Resource SchemaURL: 
Resource attributes:
     -> host.name: Str(bench-host)
     -> service.name: Str(loadgen)
ScopeMetrics #0
ScopeMetrics SchemaURL: 
InstrumentationScope loadgen 1.0.0
Metric #0
Descriptor:
     -> Name: bench.metric
     -> Description: Text.
     -> Unit: By
     -> DataType: Gauge
NumberDataPoints #0
Data point attributes:
     -> pod: Str(pod-0)
     -> series: Int(0)
StartTimestamp: 1970-01-01 00:00:00 +0000 UTC
Timestamp: 2026-11-21 02:16:33.509369393 +0000 UTC
Value: 0.250000
Metric #1`;
    assert.equal(text.slice(0, head.length), head);
    for (const lines of [
      '     -> DataType: Sum\n     -> IsMonotonic: true\n     -> AggregationTemporality: Delta\n',
      'Value: 42\n',
      'Count: 10\nSum: 12.500000\nMin: 0.100000\nMax: 9.000000\nExplicitBounds #0: 0.500000\nExplicitBounds #1: 1.000000\nBuckets #0, Count: 2\nBuckets #1, Count: 3\nBuckets #2, Count: 5\n',
      'Count: 10\nSum: 6.000000\nBucket [-4.000000, -2.000000), Count: 4\nBucket [0, 0], Count: 1\nBucket (1.000000, 2.000000], Count: 2\nBucket (2.000000, 4.000000], Count: 3\n',
      'Count: 3\nSum: 1.500000\nQuantileValue #0: Quantile 0.990000, Value 9.000000',
    ]) {
      assert.ok(text.includes(lines), `${lines} is in\n${text}`);
    }
  });

  test('shows log records', () => {
    const text = detailed((exporter) => exporter.consume.logs!(logs(), ABORT));
    for (const line of [
      'ResourceLog #0',
      'LogRecord #0',
      'Timestamp: 2026-11-21 02:16:33.509369393 +0000 UTC',
      'SeverityNumber: Info(9)',
      'EventName: ev',
      'Body: Str(hello)',
      '     -> n: Int(5)',
      '     -> ratio: Double(2)',
      'Trace ID: ',
      'Flags: 0',
    ]) {
      assert.ok(text.split('\n').includes(line), `${line} is a line of\n${text}`);
    }
  });

  test('shows spans', () => {
    const text = detailed((exporter) => exporter.consume.traces!(spans(), ABORT));
    assert.equal(
      text.slice(text.indexOf('Span #0')),
      `Span #0
    Trace ID       : ${'01'.repeat(16)}
    Parent ID      : 
    ID             : ${'02'.repeat(8)}
    Name           : lets-go
    Kind           : Client
    Start time     : 2026-11-21 02:16:33.509369393 +0000 UTC
    End time       : 2026-11-21 02:16:33.509369394 +0000 UTC
    Status code    : Error
    Status message : bad
Attributes:
     -> peer: Str(1.2.3.4)
Events:
SpanEvent #0
     -> Name: e
     -> Timestamp: 2026-11-21 02:16:33.509369393 +0000 UTC
     -> Attributes:
          -> k: Bool(true)`,
    );
  });
});

describe('sampling', () => {
  const batches = (config: Record<string, unknown>, counts: readonly number[]): number[] => {
    const { exporter, scope } = exporterOf(config);
    return counts.map((count) => {
      const before = scope.logs.length;
      for (let i = 0; i < count; i++) exporter.consume.logs!(logs(), ABORT);
      scope.clock.advance(1000);
      return scope.logs.length - before;
    });
  };

  test('is off by default', () => assert.deepEqual(batches({}, [20]), [20]));
  test('shows the first of every second, then every so-many-th', () => {
    assert.deepEqual(batches({ sampling_initial: 2, sampling_thereafter: 5 }, [2, 6, 7, 12]), [2, 2, 3, 4]);
  });
  test('shows only the first ones with 0', () => {
    assert.deepEqual(batches({ sampling_initial: 3, sampling_thereafter: 0 }, [10, 1]), [3, 1]);
    assert.deepEqual(batches({ sampling_initial: 3, sampling_thereafter: -1 }, [10, 1]), [3, 1]);
  });
  test('shows all with a number below 0, as the Collector', () => {
    assert.deepEqual(batches({ sampling_initial: -1, sampling_thereafter: 0 }, [10, 1]), [10, 1]);
  });
});
