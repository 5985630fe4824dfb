import type { Metric, MetricBatch } from '../metrics.ts';
import type { InstrumentationScope, Resource } from '../series-table.ts';
import { encodePoints } from './points-encode.ts';
import { encodedSeries } from './series-encode.ts';
import { DELIMITED, VARINT, WireWriter } from './wire.ts';

/** Points of one metric that belong to one resource and scope: where their bytes are in the writer of points. */
interface Segment {
  readonly metric: Metric;
  readonly from: number;
  readonly to: number;
}

/**
 * An ExportMetricsServiceRequest of all points. Resources, and scopes in them, are in the order of their first point; metrics
 * and points keep their order there.
 *
 * The points are written first, then what is around them, whose lengths are known by then: nothing is moved.
 */
export function encodeMetrics(batch: MetricBatch): Uint8Array {
  const writer = new WireWriter(64 * 1024);
  const groups = new Map<Resource, Map<InstrumentationScope, Segment[]>>();
  for (const metric of batch.metrics) {
    for (const { resource, scope, rows } of rowsByOwner(metric)) {
      const from = writer.length;
      encodePoints(writer, metric, rows);
      if (writer.length === from) continue;
      const scopes = entry(groups, resource, () => new Map<InstrumentationScope, Segment[]>());
      entry(scopes, scope, () => []).push({ metric, from, to: writer.length });
    }
  }
  return new Assembly(writer.take()).request(groups);
}

interface OwnedRows {
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
  /** Undefined for all. */
  readonly rows: Uint32Array | undefined;
}

function rowsByOwner(metric: Metric): readonly OwnedRows[] {
  const { ids, length } = metric.points;
  if (length === 0) return [];
  const series = encodedSeries(metric.series);
  const first = series.owner(ids[0]!);
  let same = true;
  for (let row = 1; row < length && same; row++) same = series.owner(ids[row]!) === first;
  if (same) return [{ ...series.ownerAt(first), rows: undefined }];
  const rows = new Map<number, number[]>();
  for (let row = 0; row < length; row++) entry(rows, series.owner(ids[row]!), () => []).push(row);
  return Array.from(rows, ([owner, list]) => ({ ...series.ownerAt(owner), rows: Uint32Array.from(list) }));
}

/** Puts headers around the bytes of points. Lengths are found from the inside out. */
class Assembly {
  readonly #points: Uint8Array;
  readonly #headers = new WireWriter(1024);

  constructor(points: Uint8Array) {
    this.#points = points;
  }

  /** ExportMetricsServiceRequest: 1 resource_metrics. ResourceMetrics: 1 resource, 2 scope_metrics, 3 schema_url. */
  request(groups: ReadonlyMap<Resource, ReadonlyMap<InstrumentationScope, readonly Segment[]>>): Uint8Array {
    const parts: Part[] = [];
    for (const [resource, scopes] of groups) {
      const inner: Part[] = [this.#header((writer) => writer.bytes(1, resource.bytes))];
      for (const [scope, segments] of scopes) inner.push(...this.#field(2, this.#scope(scope, segments)));
      inner.push(
        this.#header((writer) => {
          if (resource.schemaUrl !== '') writer.string(3, resource.schemaUrl);
          if (resource.envelope) writer.raw(resource.envelope);
        }),
      );
      parts.push(...this.#field(1, inner));
    }
    return joined(parts);
  }

  /** ScopeMetrics: 1 scope, 2 metrics, 3 schema_url. */
  #scope(scope: InstrumentationScope, segments: readonly Segment[]): Part[] {
    const parts: Part[] = [this.#header((writer) => writer.bytes(1, scope.bytes))];
    for (const segment of segments) parts.push(...this.#field(2, this.#metric(segment)));
    parts.push(
      this.#header((writer) => {
        if (scope.schemaUrl !== '') writer.string(3, scope.schemaUrl);
        if (scope.envelope) writer.raw(scope.envelope);
      }),
    );
    return parts;
  }

  /** Metric: 1 name, 2 description, 3 unit, 5 gauge, 7 sum, 9 histogram, 10 exponential_histogram, 11 summary. */
  #metric({ metric, from, to }: Segment): Part[] {
    const data = [this.#points.subarray(from, to), this.#header((writer) => writeKind(writer, metric))];
    return [
      this.#header((writer) => {
        if (metric.name !== '') writer.string(1, metric.name);
        if (metric.description !== '') writer.string(2, metric.description);
        if (metric.unit !== '') writer.string(3, metric.unit);
      }),
      ...this.#field(KIND_FIELDS[metric.kind], data),
      ...(metric.envelope ? [metric.envelope] : []),
    ];
  }

  #field(number: number, content: readonly Part[]): Part[] {
    let length = 0;
    for (const part of content) length += part.length;
    const head = this.#header((writer) => {
      writer.tag(number, DELIMITED);
      writer.varint(length);
    });
    return [head, ...content];
  }

  #header(write: (writer: WireWriter) => void): Part {
    write(this.#headers);
    return this.#headers.take();
  }
}

type Part = Uint8Array;

const KIND_FIELDS: { readonly [K in Metric['kind']]: number } = {
  gauge: 5,
  sum: 7,
  histogram: 9,
  exponential_histogram: 10,
  summary: 11,
};

/** Sum, Histogram, ExponentialHistogram: 2 aggregation_temporality. Sum: 3 is_monotonic. */
function writeKind(writer: WireWriter, metric: Metric): void {
  if (metric.kind === 'gauge' || metric.kind === 'summary') return;
  writer.tag(2, VARINT);
  writer.varint(metric.temporality === 'delta' ? 1 : 2);
  if (metric.kind !== 'sum' || !metric.monotonic) return;
  writer.tag(3, VARINT);
  writer.varint(1);
}

function joined(parts: readonly Part[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
