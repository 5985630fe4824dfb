import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Attributes, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import {
  JsonLogsSerializer,
  JsonMetricsSerializer,
  JsonTraceSerializer,
  ProtobufLogsSerializer,
  ProtobufMetricsSerializer,
  ProtobufTraceSerializer,
} from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import { AggregationType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import {
  type ColumnSignal,
  encodeOtlp,
  encodeOtlpJson,
  logRecords,
  OtlpDecoder,
  otlpFromJson,
  spanRecords,
} from '../index.ts';
import { content } from './test/requests.ts';

const resource = resourceFromAttributes({ 'service.name': 'checkout', 'process.pid': 7, ratio: 0.5 });
const attributes: Attributes = { text: 'ü"\\\n', whole: 3, part: 1.5, yes: true, list: ['a', 'b'], numbers: [1, 2.5] };
/** OpenTelemetry JS has no profiles. */
const SIGNALS = ['metrics', 'logs', 'traces'] as const satisfies readonly ColumnSignal[];

/** What OpenTelemetry JS sends, in both encodings. */
async function requests(): Promise<{
  readonly [S in ColumnSignal]: { readonly proto: Uint8Array; readonly json: Uint8Array };
}> {
  const spans = new InMemorySpanExporter();
  const tracers = new TracerProvider({ resource, spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] });
  const tracer = tracers.getTracer('lib', '1.2', { schemaUrl: 'https://opentelemetry.io/schemas/1.27.0' });
  const linked = {
    traceId: '5b8efff798038103d269b633813fc60c',
    spanId: 'eee19b7ec3c1b174',
    traceFlags: TraceFlags.SAMPLED,
  };
  const span = tracer.startSpan('GET /pay', {
    kind: SpanKind.SERVER,
    attributes,
    links: [{ context: linked, attributes: { why: 'retry' } }],
    startTime: [1_700_000_000, 123_456_789],
  });
  span.addEvent('exception', { type: 'Declined' }, [1_700_000_001, 5]);
  span.setStatus({ code: SpanStatusCode.ERROR, message: 'declined' });
  span.end([1_700_000_002, 0]);
  tracers
    .getTracer('other')
    .startSpan('child', { startTime: [1_700_000_000, 1] })
    .end([1_700_000_000, 2]);
  await tracers.forceFlush();

  const logs = new InMemoryLogRecordExporter();
  const loggers = new LoggerProvider({ resource, processors: [new SimpleLogRecordProcessor({ exporter: logs })] });
  const logger = loggers.getLogger('lib', '1.2');
  logger.emit({
    timestamp: [1_700_000_000, 123_456_789],
    severityNumber: 13,
    severityText: 'WARN',
    body: { code: 7, reason: 'disk full', nested: { list: [1, 'x', null, true] }, bytes: Uint8Array.of(1, 2, 255) },
    attributes: { ...attributes, deep: { a: [{ b: 1.25 }] } },
    eventName: 'storage.failed',
  });
  logger.emit({ body: 'plain' });
  await loggers.forceFlush();

  const reader = new Collecting();
  const meters = new MeterProvider({
    resource,
    readers: [reader],
    views: [{ instrumentName: 'size', aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM } }],
  });
  const meter = meters.getMeter('lib', '1.2');
  meter.createCounter('requests', { unit: '{request}', description: 'How many.' }).add(5, attributes);
  meter.createUpDownCounter('queue').add(-2.5);
  meter.createGauge('fill', { unit: '1' }).record(0.75, { a: 'b' });
  const duration = meter.createHistogram('duration', { unit: 's', advice: { explicitBucketBoundaries: [0.5, 1] } });
  for (const value of [0.1, 0.7, 5]) duration.record(value, { route: '/pay' });
  const size = meter.createHistogram('size', { unit: 'By' });
  for (const value of [0, 1, 1000, 1e6]) size.record(value);
  const { resourceMetrics } = await reader.collect();

  const bytes = (made: Uint8Array | undefined): Uint8Array => made!.slice();
  return {
    metrics: {
      proto: bytes(ProtobufMetricsSerializer.serializeRequest(resourceMetrics)),
      json: bytes(JsonMetricsSerializer.serializeRequest(resourceMetrics)),
    },
    logs: {
      proto: bytes(ProtobufLogsSerializer.serializeRequest(logs.getFinishedLogRecords())),
      json: bytes(JsonLogsSerializer.serializeRequest(logs.getFinishedLogRecords())),
    },
    traces: {
      proto: bytes(ProtobufTraceSerializer.serializeRequest(spans.getFinishedSpans())),
      json: bytes(JsonTraceSerializer.serializeRequest(spans.getFinishedSpans())),
    },
  };
}

class Collecting extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }

  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

test('what OpenTelemetry JS sends means the same in both encodings, and passes unchanged', async () => {
  const sent = await requests();
  for (const signal of SIGNALS) {
    const { proto, json } = sent[signal];
    const expected = content(signal, proto);
    assert.ok(JSON.stringify(expected).length > 1000);
    assert.deepEqual(content(signal, otlpFromJson(signal, json)), expected);
    const batch = new OtlpDecoder().decode(signal, proto);
    assert.equal(encodeOtlp(batch), proto);
    assert.deepEqual(content(signal, encodeOtlp({ ...batch })), expected);
    assert.deepEqual(JSON.parse(new TextDecoder().decode(encodeOtlpJson({ ...batch }))), expected);
  }
});

test('spans of OpenTelemetry JS are read', async () => {
  const { proto } = (await requests()).traces;
  const [span, child] = [...spanRecords(new OtlpDecoder().decode('traces', proto))];
  assert.equal(span!.name, 'GET /pay');
  assert.equal(span!.kind, 2);
  assert.equal(span!.startTime, 1_700_000_000_123_456_789n);
  assert.equal(span!.endTime, 1_700_000_002_000_000_000n);
  assert.deepEqual([span!.statusCode, span!.statusMessage], [2, 'declined']);
  assert.equal(span!.scope.schemaUrl, 'https://opentelemetry.io/schemas/1.27.0');
  assert.deepEqual(span!.attributes.toObject(), attributes);
  assert.equal(span!.events[0]!.time, 1_700_000_001_000_000_005n);
  assert.deepEqual(span!.events[0]!.attributes.toObject(), { type: 'Declined' });
  assert.equal(span!.links[0]!.traceId, '5b8efff798038103d269b633813fc60c');
  assert.equal(child!.scope.name, 'other');
  assert.match(child!.traceId, /^[0-9a-f]{32}$/);
});

test('log records of OpenTelemetry JS are read', async () => {
  const { proto } = (await requests()).logs;
  const [first, second] = [...logRecords(new OtlpDecoder().decode('logs', proto))];
  assert.equal(first!.time, 1_700_000_000_123_456_789n);
  assert.equal(first!.severity, 13);
  assert.equal(first!.eventName, 'storage.failed');
  assert.deepEqual(first!.body, {
    code: 7,
    reason: 'disk full',
    nested: { list: [1, 'x', null, true] },
    bytes: Uint8Array.of(1, 2, 255),
  });
  assert.deepEqual(first!.attributes.get('deep'), { a: [{ b: 1.25 }] });
  assert.equal(first!.resource.attributes.get('process.pid'), 7);
  assert.equal(second!.body, 'plain');
});
