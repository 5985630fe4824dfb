import { attributeSet } from '../../pdata/encoded-attributes.ts';
import { ExponentialHistogramPointsBuilder } from '../../pdata/exponential-points-builder.ts';
import { HistogramPointsBuilder } from '../../pdata/histogram-points-builder.ts';
import { LogBuilder } from '../../pdata/log-builder.ts';
import type { DictionaryColumn, LogBatch } from '../../pdata/logs.ts';
import { exponentialHistogram, gauge, histogram, metricBatch, sum } from '../../pdata/make-metrics.ts';
import type { MetricBatch, Temporality } from '../../pdata/metrics.ts';
import { NumberPointsBuilder } from '../../pdata/number-points-builder.ts';
import { OtlpDecoder } from '../../pdata/otlp/decoder.ts';
import { otlpFromJson } from '../../pdata/otlp/json-decode.ts';
import type { ProfileBatch } from '../../pdata/profiles.ts';
import { createResource, createScope } from '../../pdata/resource.ts';
import { SeriesInterner } from '../../pdata/series-interner.ts';
import type { Signal, Signals } from '../../pdata/signals.ts';
import type { SpanBatch } from '../../pdata/traces.ts';

const RESOURCE = createResource({ 'service.name': 'checkout', 'host.name': 'node-1' });
const SCOPE = createScope('bpflow.testing', '1.0');
const SECOND = 1_000_000_000n;

/**
 * A small batch of every kind of item a signal has, foreign to the agent. `interval` numbers batches of one sender: times move
 * on with it.
 */
export function sampleBatch<S extends Signal>(
  signal: S,
  options: { readonly interval?: number; readonly temporality?: Temporality } = {},
): Signals[S] {
  const { interval = 0, temporality = 'delta' } = options;
  const time = 1_700_000_000n * SECOND + BigInt(interval + 1) * 10n * SECOND;
  const make: { readonly [K in Signal]: () => Signals[K] } = {
    metrics: () => sampleMetrics(time, temporality),
    logs: () => sampleLogs(time),
    traces: () => sampleSpans(time),
    profiles: () => sampleProfiles(time),
  };
  return make[signal]();
}

function sampleMetrics(time: bigint, temporality: Temporality): MetricBatch {
  const interner = new SeriesInterner();
  const start = temporality === 'delta' ? time - 10n * SECOND : 1_700_000_000n * SECOND;
  const ids = ['GET', 'POST', 'PUT'].map((method) =>
    interner.intern(RESOURCE, SCOPE, attributeSet({ 'http.request.method': method, 'http.response.status_code': 200 })),
  );
  const integers = new NumberPointsBuilder({ integer: true });
  const doubles = new NumberPointsBuilder({ integer: false });
  const buckets = new HistogramPointsBuilder([0.1, 1, 10]);
  const exponential = new ExponentialHistogramPointsBuilder();
  for (const [i, id] of ids.entries()) {
    integers.add(id, i + 1);
    doubles.add(id, i + 0.5);
    buckets.add(id, [1, i, 0, 2], 20 + i);
    exponential.add(id, { scale: 2, zeroCount: 1, positive: { offset: -3, counts: [1, i, 4] }, sum: 5 });
  }
  const table = interner.table;
  const named = (name: string, unit: string): { name: string; unit: string; description: string } => ({
    name,
    unit,
    description: `What the test calls ${name}.`,
  });
  return metricBatch([
    sum(named('http.requests', '{request}'), table, integers.take(time, start), { monotonic: true, temporality }),
    gauge(named('queue.fill', '1'), table, doubles.take(time, 0n)),
    histogram(named('http.duration', 's'), table, buckets.take(time, start), { temporality }),
    exponentialHistogram(named('http.size', 'By'), table, exponential.take(time, start), { temporality }),
  ]);
}

function sampleLogs(time: bigint): LogBatch {
  const builder = new LogBuilder({ resource: RESOURCE, scope: SCOPE });
  builder.add({ time, severity: 9, severityText: 'INFO', body: 'Started.', attributes: { port: 8080, ready: true } });
  builder.add({ time: time + 1n, severity: 17, body: { code: 7, reason: 'disk full' }, eventName: 'storage.failed' });
  builder.add({ time: time + 2n, severity: 13, body: 'Slow.', attributes: { seconds: 1.5, path: '/pay' } });
  return builder.take()!;
}

function sampleSpans(time: bigint): SpanBatch {
  const same = (word: string): DictionaryColumn => ({ codes: new Uint32Array(2), words: [word] });
  return {
    signal: 'traces',
    length: 2,
    resources: [RESOURCE],
    resource: new Uint32Array(2),
    scopes: [SCOPE],
    scope: new Uint32Array(2),
    traceIds: new Uint8Array(32).fill(7),
    spanIds: Uint8Array.from({ length: 16 }, (_, i) => i + 1),
    parentSpanIds: Uint8Array.from({ length: 16 }, (_, i) => (i < 8 ? 0 : i - 7)),
    traceState: same(''),
    name: { codes: Uint32Array.of(0, 1), words: ['GET /pay', 'charge'] },
    kind: Uint8Array.of(2, 1),
    startTime: BigUint64Array.of(time, time + 1000n),
    endTime: BigUint64Array.of(time + SECOND, time + 5000n),
    attributes: new Map([['http.route', { kind: 'string', values: same('/pay') }]]),
    statusCode: Uint8Array.of(1, 2),
    statusMessage: { codes: Uint32Array.of(0, 1), words: ['', 'declined'] },
    flags: 1,
    events: {
      span: Uint32Array.of(1),
      time: BigUint64Array.of(time + 2000n),
      name: { codes: new Uint32Array(1), words: ['exception'] },
      attributes: [attributeSet({ 'exception.type': 'Declined' })],
    },
    links: {
      span: new Uint32Array(0),
      traceIds: new Uint8Array(0),
      spanIds: new Uint8Array(0),
      traceState: { codes: new Uint32Array(0), words: [''] },
      attributes: [],
    },
  };
}

/** Two profiles of three samples each, which share the dictionary. */
function sampleProfiles(time: bigint): ProfileBatch {
  const profile = (count: number) => ({
    sampleType: { typeStrindex: 1, unitStrindex: 2 },
    samples: [0, 1, 2].map((i) => ({ stackIndex: 1, attributeIndices: [1], values: [count + i] })),
    timeUnixNano: String(time),
    durationNano: String(10n * SECOND),
    periodType: { typeStrindex: 1, unitStrindex: 2 },
    period: 1,
    profileId: '00112233445566778899aabbccddeeff',
  });
  const request = {
    resourceProfiles: [
      {
        resource: {
          attributes: [
            { key: 'service.name', value: { stringValue: 'checkout' } },
            { key: 'host.name', value: { stringValue: 'node-1' } },
          ],
        },
        scopeProfiles: [{ scope: { name: 'bpflow.testing', version: '1.0' }, profiles: [profile(1), profile(10)] }],
      },
    ],
    dictionary: {
      mappingTable: [{}],
      locationTable: [{}, { lines: [{ functionIndex: 1, line: 7 }] }],
      functionTable: [{}, { nameStrindex: 3 }],
      linkTable: [{}],
      stringTable: ['', 'samples', 'count', 'main', 'thread.name'],
      attributeTable: [{}, { keyStrindex: 4, value: { stringValue: 'worker' } }],
      stackTable: [{}, { locationIndices: [1] }],
    },
  };
  return new OtlpDecoder().decode('profiles', otlpFromJson('profiles', JSON.stringify(request)));
}
