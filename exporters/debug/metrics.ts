import {
  countPoints,
  type ExponentialBuckets,
  type ExponentialHistogram,
  flagsAt,
  formatFloat,
  formatInteger,
  type Histogram,
  type InstrumentationScope,
  type LogFields,
  type Metric,
  type MetricBatch,
  type Resource,
  type Summary,
  timeAt,
} from 'bpflow/sdk';
import { assignments, fixedText, hexId, Lines, printable, resourceHeading, scopeHeading, timeText } from './text.ts';

/** A metric's rows that have one resource and scope. */
interface MetricRows {
  readonly metric: Metric;
  readonly rows: number[];
}

type Scopes = Map<InstrumentationScope, MetricRows[]>;

export function metricCounts(batch: MetricBatch): LogFields {
  const groups = grouped(batch);
  let metrics = 0;
  for (const scopes of groups.values()) for (const rows of scopes.values()) metrics += rows.length;
  return { 'resource metrics': groups.size, metrics, 'data points': countPoints(batch) };
}

export function describeMetrics(batch: MetricBatch, detailed: boolean): string {
  const lines = new Lines();
  let r = 0;
  for (const [resource, scopes] of grouped(batch)) {
    if (detailed) lines.resource(`ResourceMetrics #${r}`, resource);
    else lines.add(resourceHeading(`ResourceMetrics #${r}`, resource));
    let s = 0;
    for (const [scope, metrics] of scopes) {
      if (detailed) lines.scope(`ScopeMetrics #${s}`, 'ScopeMetrics', scope);
      else lines.add(scopeHeading(`ScopeMetrics #${s}`, scope));
      for (const [m, { metric, rows }] of metrics.entries()) {
        if (detailed) describeMetric(lines, metric, rows, m);
        else for (const row of rows) lines.add(normalLine(metric, row));
      }
      s++;
    }
    r++;
  }
  return lines.toString();
}

/** By resource and scope, in the order of their first rows. */
function grouped(batch: MetricBatch): Map<Resource, Scopes> {
  const groups = new Map<Resource, Scopes>();
  for (const metric of batch.metrics) {
    const { points, series } = metric;
    for (let row = 0; row < points.length; row++) {
      const id = points.ids[row]!;
      const scopes = entry(groups, series.resource(id), (): Scopes => new Map());
      const metrics = entry(scopes, series.scope(id), (): MetricRows[] => []);
      if (metrics.at(-1)?.metric === metric) metrics.at(-1)!.rows.push(row);
      else metrics.push({ metric, rows: [row] });
    }
  }
  return groups;
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}

function normalLine(metric: Metric, row: number): string {
  const attributes = assignments(metric.series.attributes(metric.points.ids[row]!)).join(',');
  return printable(`${metric.name}{${attributes}} ${normalValue(metric, row)}`);
}

function normalValue(metric: Metric, row: number): string {
  switch (metric.kind) {
    case 'gauge':
    case 'sum': {
      const value = metric.points.values[row]!;
      return typeof value === 'bigint' || metric.points.integer ? formatInteger(value) : formatFloat(value);
    }
    case 'histogram': {
      const { bounds } = metric.points;
      const counts = bucketCounts(metric, row);
      const buckets = counts.map((count, k) =>
        k < bounds.length ? `le${formatFloat(bounds[k]!)}=${count}` : `${count}`,
      );
      return [...statistics(metric, row, counts), ...buckets].join(' ');
    }
    case 'exponential_histogram':
      return statistics(metric, row, [exponentialCount(metric, row)]).join(' ');
    case 'summary':
      return [
        `count=${metric.points.counts[row]}`,
        `sum=${fixedText(metric.points.sums[row]!)}`,
        ...quantiles(metric, row).map(([quantile, value]) => `q${formatFloat(quantile)}=${formatFloat(value)}`),
      ].join(' ');
    default:
      return metric satisfies never;
  }
}

function statistics(metric: Histogram | ExponentialHistogram, row: number, counts: readonly number[]): string[] {
  const { sums, min, max } = metric.points;
  const known: readonly (readonly [string, number | undefined])[] = [
    ['sum', sums[row]],
    ['min', min?.[row]],
    ['max', max?.[row]],
  ];
  return [
    `count=${counts.reduce((sum, count) => sum + count, 0)}`,
    ...known.flatMap(([name, value]) =>
      value === undefined || Number.isNaN(value) ? [] : [`${name}=${formatFloat(value)}`],
    ),
  ];
}

const TYPE_NAMES = {
  gauge: ['Gauge', 'NumberDataPoints'],
  sum: ['Sum', 'NumberDataPoints'],
  histogram: ['Histogram', 'HistogramDataPoints'],
  exponential_histogram: ['ExponentialHistogram', 'ExponentialHistogramDataPoints'],
  summary: ['Summary', 'SummaryDataPoints'],
} as const;

function describeMetric(lines: Lines, metric: Metric, rows: readonly number[], index: number): void {
  const [type, points] = TYPE_NAMES[metric.kind];
  lines.add(`Metric #${index}`);
  lines.add('Descriptor:');
  lines.add(`     -> Name: ${metric.name}`);
  lines.add(`     -> Description: ${metric.description}`);
  lines.add(`     -> Unit: ${metric.unit}`);
  lines.add(`     -> DataType: ${type}`);
  if (metric.kind === 'sum') lines.add(`     -> IsMonotonic: ${metric.monotonic}`);
  if ('temporality' in metric) {
    lines.add(`     -> AggregationTemporality: ${metric.temporality === 'delta' ? 'Delta' : 'Cumulative'}`);
  }
  for (const [i, row] of rows.entries()) {
    lines.add(`${points} #${i}`);
    lines.attributes('Data point attributes', metric.series.attributes(metric.points.ids[row]!));
    lines.add(`StartTimestamp: ${timeText(timeAt(metric.points.startTime, row))}`);
    lines.add(`Timestamp: ${timeText(timeAt(metric.points.time, row))}`);
    const flags = flagsAt(metric.points.flags, row);
    if (flags !== 0) lines.add(`Flags: ${flags}`);
    describeValue(lines, metric, row);
    describeExemplars(lines, metric, row);
  }
}

function describeValue(lines: Lines, metric: Metric, row: number): void {
  switch (metric.kind) {
    case 'gauge':
    case 'sum': {
      const value = metric.points.values[row]!;
      const integer = typeof value === 'bigint' || metric.points.integer;
      lines.add(`Value: ${integer ? formatInteger(value) : fixedText(value)}`);
      return;
    }
    case 'histogram': {
      const counts = bucketCounts(metric, row);
      describeStatistics(
        lines,
        metric,
        row,
        counts.reduce((sum, count) => sum + count, 0),
      );
      for (const [i, bound] of metric.points.bounds.entries()) lines.add(`ExplicitBounds #${i}: ${fixedText(bound)}`);
      for (const [i, count] of counts.entries()) lines.add(`Buckets #${i}, Count: ${count}`);
      return;
    }
    case 'exponential_histogram': {
      describeStatistics(lines, metric, row, exponentialCount(metric, row));
      const { negative, positive, zeroCount, scale } = metric.points;
      for (const [lower, upper, count] of exponentialBuckets(negative, row, scale[row]!).reverse()) {
        lines.add(`Bucket [${fixedText(-upper)}, ${fixedText(-lower)}), Count: ${count}`);
      }
      if (zeroCount[row]! > 0) lines.add(`Bucket [0, 0], Count: ${zeroCount[row]}`);
      for (const [lower, upper, count] of exponentialBuckets(positive, row, scale[row]!)) {
        lines.add(`Bucket (${fixedText(lower)}, ${fixedText(upper)}], Count: ${count}`);
      }
      return;
    }
    case 'summary':
      lines.add(`Count: ${metric.points.counts[row]}`);
      lines.add(`Sum: ${fixedText(metric.points.sums[row]!)}`);
      for (const [i, [quantile, value]] of quantiles(metric, row).entries()) {
        lines.add(`QuantileValue #${i}: Quantile ${fixedText(quantile)}, Value ${fixedText(value)}`);
      }
      return;
    default:
      metric satisfies never;
  }
}

function describeStatistics(
  lines: Lines,
  { points }: Histogram | ExponentialHistogram,
  row: number,
  count: number,
): void {
  lines.add(`Count: ${count}`);
  const known: readonly (readonly [string, number | undefined])[] = [
    ['Sum', points.sums[row]],
    ['Min', points.min?.[row]],
    ['Max', points.max?.[row]],
  ];
  for (const [name, value] of known) {
    if (value !== undefined && !Number.isNaN(value)) lines.add(`${name}: ${fixedText(value)}`);
  }
}

function describeExemplars(lines: Lines, metric: Metric, row: number): void {
  const { exemplars } = metric.points;
  if (exemplars === undefined) return;
  let shown = 0;
  for (let e = 0; e < exemplars.point.length; e++) {
    if (exemplars.point[e] !== row) continue;
    if (shown === 0) lines.add('Exemplars:');
    const value = exemplars.values[e]!;
    lines.add(`Exemplar #${shown++}`);
    lines.add(`     -> Trace ID: ${hexId(exemplars.traceIds, e, 16)}`);
    lines.add(`     -> Span ID: ${hexId(exemplars.spanIds, e, 8)}`);
    lines.add(`     -> Timestamp: ${timeText(exemplars.time[e]!)}`);
    lines.add(`     -> Value: ${exemplars.integer ? formatInteger(value) : fixedText(value)}`);
  }
}

function bucketCounts({ points }: Histogram, row: number): number[] {
  const width = points.bounds.length + 1;
  return [...points.counts.subarray(row * width, (row + 1) * width)];
}

function exponentialCount({ points }: ExponentialHistogram, row: number): number {
  let count = points.zeroCount[row]!;
  for (const { start, counts } of [points.positive, points.negative]) {
    for (let k = start[row]!; k < start[row + 1]!; k++) count += counts[k]!;
  }
  return count;
}

function exponentialBuckets(
  { offset, start, counts }: ExponentialBuckets,
  row: number,
  scale: number,
): [number, number, number][] {
  const result: [number, number, number][] = [];
  const bound = (index: number): number => 2 ** (index * 2 ** -scale);
  for (let k = start[row]!; k < start[row + 1]!; k++) {
    const index = offset[row]! + k - start[row]!;
    result.push([bound(index), bound(index + 1), counts[k]!]);
  }
  return result;
}

function quantiles({ points }: Summary, row: number): [number, number][] {
  const result: [number, number][] = [];
  for (let q = points.start[row]!; q < points.start[row + 1]!; q++)
    result.push([points.quantiles[q]!, points.values[q]!]);
  return result;
}
