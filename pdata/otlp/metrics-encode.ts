import { sameEnvelopes } from '../concat-metrics.ts';
import type { Metric, MetricBatch } from '../metrics.ts';
import type { InstrumentationScope, Resource } from '../series-table.ts';
import { pointsSegments, type Segment } from './points-segment.ts';
import { encodedSeries } from './series-encode.ts';
import { DELIMITED, VARINT, WireWriter } from './wire.ts';

/** One OTLP `Metric`: ours of the same description that belong to one resource and scope. */
interface Entry {
  readonly metric: Metric;
  readonly segments: Segment[];
}

/**
 * An ExportMetricsServiceRequest of all points. Resources, and scopes in them, are in the order of their first point; metrics
 * and points keep their order there. Neighbouring metrics that differ only in how their points are kept are one.
 *
 * Sizes are found first, from the inside out; then all is written once, to where it belongs.
 */
export function encodeMetrics(batch: MetricBatch): Uint8Array {
  const groups = new Map<Resource, Map<InstrumentationScope, Entry[]>>();
  for (const metric of batch.metrics) {
    for (const { resource, scope, rows } of rowsByOwner(metric)) {
      const scopes = entry(groups, resource, () => new Map<InstrumentationScope, Entry[]>());
      const entries = entry(scopes, scope, () => []);
      const segments = pointsSegments(metric, rows);
      const last = entries.at(-1);
      if (last !== undefined && isSameMetric(last.metric, metric)) last.segments.push(...segments);
      else entries.push({ metric, segments });
    }
  }
  return request(groups);
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

function isSameMetric(a: Metric, b: Metric): boolean {
  if (a.kind !== b.kind || a.name !== b.name || a.unit !== b.unit || a.description !== b.description) return false;
  if (!sameEnvelopes(a, b)) return false;
  if (a.kind === 'gauge' || a.kind === 'summary') return true;
  if (a.temporality !== (b as typeof a).temporality) return false;
  return a.kind !== 'sum' || a.monotonic === (b as typeof a).monotonic;
}

/** Bytes there are, or points that are written when the place is known. */
type Part = Uint8Array | Segment;

/** A request's parts in their order. A message's length comes before it, and is known when all of it is there. */
class Assembly {
  readonly #parts: Part[] = [];
  readonly #writer = new WireWriter(256);

  /** Adds what `write` writes; returns its length. */
  bytes(write: (writer: WireWriter) => void): number {
    write(this.#writer);
    return this.part(this.#writer.take());
  }

  part(part: Part): number {
    if (part.length > 0) this.#parts.push(part);
    return part.length;
  }

  /** Adds a message as a field of this number, with what `fill` adds; returns the length of all. */
  message(field: number, fill: () => number): number {
    const place = this.#parts.push(NOTHING) - 1;
    const length = fill();
    this.#writer.tag(field, DELIMITED);
    this.#writer.varint(length);
    const head = this.#writer.take();
    this.#parts[place] = head;
    return head.length + length;
  }

  take(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    const view = new DataView(bytes.buffer);
    let at = 0;
    for (const part of this.#parts) {
      if (part instanceof Uint8Array) bytes.set(part, at);
      else part.write(bytes, view, at);
      at += part.length;
    }
    return bytes;
  }
}

const NOTHING = new Uint8Array(0);

/** ExportMetricsServiceRequest: 1 resource_metrics. ResourceMetrics: 1 resource, 2 scope_metrics, 3 schema_url. */
function request(groups: ReadonlyMap<Resource, ReadonlyMap<InstrumentationScope, readonly Entry[]>>): Uint8Array {
  const assembly = new Assembly();
  let length = 0;
  for (const [resource, scopes] of groups) {
    length += assembly.message(1, () => {
      let inner = assembly.bytes((writer) => writer.bytes(1, resource.bytes));
      for (const [scope, entries] of scopes) inner += assembly.message(2, () => scopeMetrics(assembly, scope, entries));
      return inner + assembly.bytes((writer) => writeRest(writer, resource));
    });
  }
  return assembly.take(length);
}

/** ScopeMetrics: 1 scope, 2 metrics, 3 schema_url. */
function scopeMetrics(assembly: Assembly, scope: InstrumentationScope, entries: readonly Entry[]): number {
  let length = assembly.bytes((writer) => writer.bytes(1, scope.bytes));
  for (const one of entries) length += assembly.message(2, () => oneMetric(assembly, one));
  return length + assembly.bytes((writer) => writeRest(writer, scope));
}

/** Metric: 1 name, 2 description, 3 unit, 5 gauge, 7 sum, 9 histogram, 10 exponential_histogram, 11 summary. */
function oneMetric(assembly: Assembly, { metric, segments }: Entry): number {
  let length = assembly.bytes((writer) => {
    if (metric.name !== '') writer.string(1, metric.name);
    if (metric.description !== '') writer.string(2, metric.description);
    if (metric.unit !== '') writer.string(3, metric.unit);
  });
  length += assembly.message(KIND_FIELDS[metric.kind], () => {
    let inner = 0;
    for (const segment of segments) inner += assembly.part(segment);
    inner += assembly.bytes((writer) => writeKind(writer, metric));
    return metric.dataEnvelope === undefined ? inner : inner + assembly.part(metric.dataEnvelope);
  });
  return metric.envelope === undefined ? length : length + assembly.part(metric.envelope);
}

function writeRest(writer: WireWriter, { schemaUrl, envelope }: Resource | InstrumentationScope): void {
  if (schemaUrl !== '') writer.string(3, schemaUrl);
  if (envelope) writer.raw(envelope);
}

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
  if (metric.temporality !== 'unspecified') {
    writer.tag(2, VARINT);
    writer.varint(metric.temporality === 'delta' ? 1 : 2);
  }
  if (metric.kind !== 'sum' || !metric.monotonic) return;
  writer.tag(3, VARINT);
  writer.varint(1);
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
