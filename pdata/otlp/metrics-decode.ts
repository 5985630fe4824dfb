import type { Metric, MetricBatch, MetricDescriptor, StatedTemporality } from '../metrics.ts';
import type { SeriesInterner } from '../series-interner.ts';
import type { InstrumentationScope, Resource } from '../series-table.ts';
import { decodeUtf8 } from './any-value.ts';
import { FieldCursor } from './field-cursor.ts';
import { joinBytes } from './join-bytes.ts';
import { type PointPlaces, PointSource } from './point-cells.ts';
import { decodeExponential } from './points-exponential.ts';
import { decodeHistograms } from './points-histogram.ts';
import { decodeNumbers } from './points-number.ts';
import { decodeSummaries } from './points-summary.ts';
import { readEnvelope } from './row-envelope.ts';
import { DELIMITED, VARINT } from './wire.ts';

/**
 * The data points of an ExportMetricsServiceRequest that `checkRequest` has passed, as columns. The batch keeps the bytes: nobody
 * may write to them. A metric whose points do not fit together (ints and doubles, other bounds) becomes several of the same name,
 * neighbours. Metrics without points are left out. What columns cannot say is in `sent`, `envelope` and `dataEnvelope`.
 */
export function decodeMetrics(bytes: Uint8Array, interner: SeriesInterner): MetricBatch {
  const { resources, resource, scopes, scope, start, end } = readEnvelope(bytes);
  const source = new PointSource(bytes, interner);
  const metrics: Metric[] = [];
  for (let row = 0; row < start.length; row++) {
    decodeMetric(metrics, source, start[row]!, end[row]!, resources[resource[row]!]!, scopes[scope[row]!]!);
  }
  return { signal: 'metrics', metrics };
}

/**
 * Metric: 1 name, 2 description, 3 unit, 5 gauge, 7 sum, 9 histogram, 10 exponential_histogram, 11 summary. One of several kinds,
 * which no sender should write, becomes several.
 */
function decodeMetric(
  metrics: Metric[],
  source: PointSource,
  start: number,
  end: number,
  resource: Resource,
  scope: InstrumentationScope,
): void {
  const { bytes } = source;
  const field = new FieldCursor(bytes);
  const data: number[] = [];
  const others: Uint8Array[] = [];
  let name = '';
  let description = '';
  let unit = '';
  field.enter(start, end);
  for (let from = start; field.next(); from = field.end) {
    switch (field.tag) {
      case 1 * 8 + DELIMITED:
        name = decodeUtf8(bytes, field.start, field.end);
        break;
      case 2 * 8 + DELIMITED:
        description = decodeUtf8(bytes, field.start, field.end);
        break;
      case 3 * 8 + DELIMITED:
        unit = decodeUtf8(bytes, field.start, field.end);
        break;
      case 5 * 8 + DELIMITED:
      case 7 * 8 + DELIMITED:
      case 9 * 8 + DELIMITED:
      case 10 * 8 + DELIMITED:
      case 11 * 8 + DELIMITED:
        data.push(field.tag >>> 3, field.start, field.end);
        break;
      default:
        others.push(bytes.subarray(from, field.end));
    }
  }
  const envelope = others.length > 0 ? { envelope: joinBytes(others).slice() } : undefined;
  const names: MetricDescriptor = { name, description, unit, ...envelope };
  for (let i = 0; i < data.length; i += 3) {
    const read = readData(field, bytes, data[i]!, data[i + 1]!, data[i + 2]!);
    if (read.places.length === 0) continue;
    const places = { resource, scope, ...columns(read.places) };
    for (const metric of decodeKind(data[i]!, names, read, source, places)) metrics.push(metric);
  }
}

function decodeKind(
  kind: number,
  { name, unit, description, envelope }: MetricDescriptor,
  { temporality, monotonic, others }: Data,
  source: PointSource,
  places: PointPlaces,
): readonly Metric[] {
  const series = source.interner.table;
  const dataEnvelope = others.length > 0 && { dataEnvelope: joinBytes(others).slice() };
  const shared = { name, unit, description, series, ...(envelope && { envelope }), ...dataEnvelope };
  switch (kind) {
    case 5:
      return decodeNumbers(source, places).map((points) => ({ ...shared, kind: 'gauge', points }));
    case 7:
      return decodeNumbers(source, places).map((points) => ({
        ...shared,
        kind: 'sum',
        points,
        monotonic,
        temporality,
      }));
    case 9:
      return decodeHistograms(source, places).map((points) => ({ ...shared, kind: 'histogram', points, temporality }));
    case 10:
      return [{ ...shared, kind: 'exponential_histogram', points: decodeExponential(source, places), temporality }];
    default:
      return [{ ...shared, kind: 'summary', points: decodeSummaries(source, places) }];
  }
}

interface Data {
  /** Start and end of each point. */
  readonly places: readonly number[];
  readonly temporality: StatedTemporality;
  readonly monotonic: boolean;
  readonly others: readonly Uint8Array[];
}

/** Gauge, Sum, Histogram, ExponentialHistogram, Summary: 1 data_points, 2 aggregation_temporality, 3 is_monotonic. */
function readData(field: FieldCursor, bytes: Uint8Array, kind: number, start: number, end: number): Data {
  const places: number[] = [];
  const others: Uint8Array[] = [];
  const hasTemporality = kind === 7 || kind === 9 || kind === 10;
  let temporality: StatedTemporality = 'unspecified';
  let monotonic = false;
  field.enter(start, end);
  for (let from = start; field.next(); from = field.end) {
    if (field.tag === 1 * 8 + DELIMITED) {
      places.push(field.start, field.end);
    } else if (field.tag === 2 * 8 + VARINT && hasTemporality && field.uint32() <= 2) {
      temporality = TEMPORALITIES[field.uint32()]!;
    } else if (field.tag === 3 * 8 + VARINT && kind === 7) {
      monotonic = field.uint32() !== 0;
    } else {
      others.push(bytes.subarray(from, field.end));
    }
  }
  return { places, temporality, monotonic, others };
}

const TEMPORALITIES: readonly StatedTemporality[] = ['unspecified', 'delta', 'cumulative'];

function columns(places: readonly number[]): { readonly start: Uint32Array; readonly end: Uint32Array } {
  const length = places.length / 2;
  const start = new Uint32Array(length);
  const end = new Uint32Array(length);
  for (let i = 0; i < length; i++) {
    start[i] = places[i * 2]!;
    end[i] = places[i * 2 + 1]!;
  }
  return { start, end };
}
