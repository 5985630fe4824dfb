import type { Metric, MetricBatch, MetricDescriptor } from '../metrics.ts';
import type { SeriesInterner } from '../series-interner.ts';
import type { InstrumentationScope, Resource } from '../series-table.ts';
import { decodeUtf8 } from './any-value.ts';
import { FieldCursor } from './field-cursor.ts';
import { joinBytes } from './join-bytes.ts';
import { decodeExponential } from './points-exponential.ts';
import { decodeHistograms } from './points-histogram.ts';
import { decodeNumbers } from './points-number.ts';
import { decodeSummaries } from './points-summary.ts';
import { readEnvelope } from './row-envelope.ts';
import { DELIMITED } from './wire.ts';

/** What the points of one metric are decoded with. */
export interface PointSource {
  readonly bytes: Uint8Array;
  /** Places of the points' messages, in pairs: start, end. */
  readonly places: readonly number[];
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
  readonly interner: SeriesInterner;
}

/**
 * The data points of an ExportMetricsServiceRequest that `checkRequest` has passed, as columns. A metric whose points do not fit
 * together (ints and doubles, other bounds) becomes several of the same name. A temporality that is not given counts as
 * cumulative. Metrics without points are left out.
 */
export function decodeMetrics(bytes: Uint8Array, interner: SeriesInterner): MetricBatch {
  const { resources, resource, scopes, scope, start, end } = readEnvelope(bytes);
  const metrics: Metric[] = [];
  for (let row = 0; row < start.length; row++) {
    decodeMetric(metrics, start[row]!, end[row]!, {
      bytes,
      places: [],
      resource: resources[resource[row]!]!,
      scope: scopes[scope[row]!]!,
      interner,
    });
  }
  return { signal: 'metrics', metrics };
}

/** Metric: 1 name, 2 description, 3 unit, 5 gauge, 7 sum, 9 histogram, 10 exponential_histogram, 11 summary. Of several kinds the last counts. */
function decodeMetric(metrics: Metric[], start: number, end: number, source: PointSource): void {
  const { bytes } = source;
  const field = new FieldCursor(bytes);
  const texts = ['', '', ''];
  const others: Uint8Array[] = [];
  let kind = 0;
  let dataStart = 0;
  let dataEnd = 0;
  field.enter(start, end);
  for (let from = start; field.next(); from = field.end) {
    switch (field.tag) {
      case 1 * 8 + DELIMITED:
      case 2 * 8 + DELIMITED:
      case 3 * 8 + DELIMITED:
        texts[(field.tag >>> 3) - 1] = decodeUtf8(bytes, field.start, field.end);
        break;
      case 5 * 8 + DELIMITED:
      case 7 * 8 + DELIMITED:
      case 9 * 8 + DELIMITED:
      case 10 * 8 + DELIMITED:
      case 11 * 8 + DELIMITED:
        kind = field.tag >>> 3;
        dataStart = field.start;
        dataEnd = field.end;
        break;
      default:
        others.push(bytes.subarray(from, field.end));
    }
  }
  const data = readData(bytes, dataStart, dataEnd);
  if (data.places.length === 0) return;
  const names: MetricDescriptor = {
    name: texts[0]!,
    description: texts[1]!,
    unit: texts[2]!,
    ...(others.length > 0 && { envelope: joinBytes(others).slice() }),
  };
  metrics.push(...decodeKind(kind, names, data, { ...source, places: data.places }));
}

function decodeKind(kind: number, names: MetricDescriptor, data: Data, source: PointSource): readonly Metric[] {
  const series = source.interner.table;
  const temporality = data.temporality === 1 ? 'delta' : 'cumulative';
  switch (kind) {
    case 5:
      return decodeNumbers(source).map((points) => ({ ...names, kind: 'gauge', series, points }));
    case 7:
      return decodeNumbers(source).map((points) => {
        return { ...names, kind: 'sum', series, points, monotonic: data.monotonic, temporality };
      });
    case 9:
      return decodeHistograms(source).map((points) => ({ ...names, kind: 'histogram', series, points, temporality }));
    case 10:
      return [{ ...names, kind: 'exponential_histogram', series, points: decodeExponential(source), temporality }];
    default:
      return [{ ...names, kind: 'summary', series, points: decodeSummaries(source) }];
  }
}

interface Data {
  readonly places: readonly number[];
  readonly temporality: number;
  readonly monotonic: boolean;
}

/** Gauge, Sum, Histogram, ExponentialHistogram, Summary: 1 data_points, 2 aggregation_temporality, 3 is_monotonic. */
function readData(bytes: Uint8Array, start: number, end: number): Data {
  const field = new FieldCursor(bytes);
  const places: number[] = [];
  let temporality = 0;
  let monotonic = false;
  field.enter(start, end);
  while (field.next()) {
    if (field.tag === 1 * 8 + DELIMITED) places.push(field.start, field.end);
    else if (field.tag === 2 * 8) temporality = field.uint32();
    else if (field.tag === 3 * 8) monotonic = field.uint32() !== 0;
  }
  return { places, temporality, monotonic };
}
