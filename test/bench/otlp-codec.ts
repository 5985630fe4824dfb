import { ProtobufMetricsSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { DataPointType, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import {
  attributeSet,
  createResource,
  createScope,
  encodeOtlp,
  gauge,
  type MetricBatch,
  metricBatch,
  NumberPointsBuilder,
  OtlpDecoder,
  SeriesInterner,
} from 'bpflow/sdk';
import { spread } from './statistics.ts';
import { printTable } from './table.ts';

const POINTS = 100_000;
const TIME = 1_700_000_000_000_000_000n;

/** Against the serializer of OpenTelemetry JS, whose objects are made beforehand. */
export async function encode(rounds: number): Promise<void> {
  const own = columns();
  const objects = openTelemetryObjects();
  const bytes = encodeOtlp(own).length;
  const contenders: readonly [string, () => Uint8Array | undefined][] = [
    ['bpflow, from columns', () => encodeOtlp(own)],
    ['bpflow, same series, new values', freshColumns(own)],
    ['OpenTelemetry JS, ProtobufMetricsSerializer', () => ProtobufMetricsSerializer.serializeRequest(objects)],
  ];
  const times = contenders.map((): number[] => []);
  for (let round = 0; round < rounds + WARM_UP; round++) {
    for (const [i, [, make]] of contenders.entries()) {
      const taken = milliseconds(make);
      if (round >= WARM_UP) times[i]!.push(taken);
    }
  }
  printTable(
    `otlp-encode: ${POINTS} points with 5 attributes, ${(bytes / 1e6).toFixed(1)} MB (median [min-max] of rounds)`,
    contenders.map(([what], i) => ({ what, ms: spread(times[i]!) })),
  );
}

/** Of requests of 1,000 points, as senders make them. */
export async function decode(rounds: number): Promise<void> {
  const requests = Array.from({ length: POINTS / 1000 }, (_, i) => encodeOtlp(columns(i * 1000, 1000)));
  const decoder = new OtlpDecoder();
  const check = (): void => {
    for (const request of requests) decoder.decode('metrics', request);
  };
  const full = (with_: OtlpDecoder) => (): void => {
    for (const request of requests) void with_.decode('metrics', request).metrics;
  };
  const rows: readonly [string, () => void][] = [
    ['checked and counted', check],
    ['columns, series known', full(decoder)],
    ['columns, series new', () => full(new OtlpDecoder())()],
  ];
  const times = rows.map((): number[] => []);
  for (let round = 0; round < rounds + WARM_UP; round++) {
    for (const [i, [, make]] of rows.entries()) {
      const taken = milliseconds(make);
      if (round >= WARM_UP) times[i]!.push((taken * 1000) / POINTS);
    }
  }
  printTable(
    'otlp-decode: requests of 1,000 gauge points with 5 attributes (median [min-max] of rounds)',
    rows.map(([what], i) => ({ what, 'µs per point': spread(times[i]!, 3) })),
  );
}

const WARM_UP = 5;

/** CPU time of this thread, collection of garbage on other threads left out. */
function milliseconds(work: () => unknown): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}

function attributesOf(i: number): Record<string, string | number> {
  return {
    command: 'node',
    'cpu.mode': i % 2 === 0 ? 'user' : 'system',
    namespace: 'production',
    'host.name': `node-${i % 100}`,
    pod: `checkout-${i}`,
  };
}

const RESOURCE = { 'service.name': 'bench', 'service.version': '1.0.0' };

function columns(from = 0, count = POINTS): MetricBatch {
  const interner = new SeriesInterner();
  const builder = new NumberPointsBuilder({ integer: false });
  const resource = createResource(RESOURCE);
  const scope = createScope('bench', '1');
  for (let i = from; i < from + count; i++) {
    builder.add(interner.intern(resource, scope, attributeSet(attributesOf(i))), i + 0.5);
  }
  const points = builder.take(TIME, TIME - 1_000_000_000n);
  return metricBatch([gauge({ name: 'bench.gauge', unit: '1', description: 'A gauge.' }, interner.table, points)]);
}

function freshColumns(batch: MetricBatch): () => Uint8Array {
  let round = 0;
  return () => {
    round++;
    const metrics = batch.metrics.map((metric) => {
      if (metric.kind !== 'gauge' || metric.points.values instanceof BigInt64Array) return metric;
      const values = metric.points.values.map((value) => value + round);
      return { ...metric, points: { ...metric.points, values, time: TIME + BigInt(round) } };
    });
    return encodeOtlp(metricBatch(metrics));
  };
}

function openTelemetryObjects(): ResourceMetrics {
  const endTime: [number, number] = [1_700_000_000, 0];
  const startTime: [number, number] = [1_699_999_999, 0];
  const dataPoints = Array.from({ length: POINTS }, (_, i) => ({
    attributes: attributesOf(i),
    startTime,
    endTime,
    value: i + 0.5,
  }));
  const descriptor = { name: 'bench.gauge', unit: '1', description: 'A gauge.', valueType: 1, advice: {} };
  return {
    resource: resourceFromAttributes(RESOURCE),
    scopeMetrics: [
      {
        scope: { name: 'bench', version: '1' },
        metrics: [{ descriptor, dataPointType: DataPointType.GAUGE, aggregationTemporality: 1, dataPoints }],
      },
    ],
  } as unknown as ResourceMetrics;
}
