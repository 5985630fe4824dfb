import { concat, concatFlags, concatOptional, concatShifted, concatTime } from './columns.ts';
import { sameBytes } from './encoded-attributes.ts';
import {
  countPoints,
  type Exemplars,
  type ExponentialBuckets,
  type ExponentialHistogramPoints,
  type HistogramPoints,
  type Metric,
  type MetricBatch,
  type NumberPoints,
  type PointColumns,
  type SummaryPoints,
} from './metrics.ts';
import { pickPoints } from './pick-points.ts';
import { concatSentPoints } from './sent-points.ts';

/**
 * One batch of all. Metrics that are the same in every respect (names, kind, temporality, table, bounds, value type) become
 * one, their points behind one another; all others are shared as they are.
 */
export function concatMetrics(batches: readonly MetricBatch[]): MetricBatch {
  if (batches.length === 1) return batches[0]!;
  const groups = new Map<string, [Metric, ...Metric[]][]>();
  const inOrder: [Metric, ...Metric[]][] = [];
  for (const { metrics } of batches) {
    for (const metric of metrics) {
      const key = `${metric.kind}\0${metric.name}\0${metric.unit}`;
      const candidates = groups.get(key) ?? [];
      groups.set(key, candidates);
      const group = candidates.find(([first]) => same(first, metric));
      if (group !== undefined) {
        group.push(metric);
        continue;
      }
      const begun: [Metric] = [metric];
      candidates.push(begun);
      inOrder.push(begun);
    }
  }
  return {
    signal: 'metrics',
    metrics: inOrder.map((group) =>
      group.length === 1 ? group[0] : ({ ...group[0], points: concatWithSent(group) } as Metric),
    ),
  };
}

/** The batch in pieces of at most `maxPoints` points. Columns of the pieces are views; nothing is copied. */
export function splitMetrics(batch: MetricBatch, maxPoints: number): MetricBatch[] {
  if (!(maxPoints >= 1)) throw new RangeError(`A batch cannot be split into pieces of ${maxPoints} points.`);
  if (countPoints(batch) <= maxPoints) return [batch];
  const pieces: MetricBatch[] = [];
  let metrics: Metric[] = [];
  let room = maxPoints;
  for (const metric of batch.metrics) {
    const { length } = metric.points;
    for (let from = 0; from < length; ) {
      const to = Math.min(length, from + room);
      metrics.push(from === 0 && to === length ? metric : pickPoints(metric, { from, to }));
      room -= to - from;
      from = to;
      if (room > 0) continue;
      pieces.push({ signal: 'metrics', metrics });
      metrics = [];
      room = maxPoints;
    }
  }
  if (metrics.length > 0) pieces.push({ signal: 'metrics', metrics });
  return pieces;
}

function same(a: Metric, b: Metric): boolean {
  if (a.series !== b.series || a.kind !== b.kind || a.name !== b.name || a.unit !== b.unit) return false;
  if (a.description !== b.description || a.definition !== b.definition) return false;
  if (!sameEnvelopes(a, b)) return false;
  if (!sameExemplars(a.points, b.points)) return false;
  switch (a.kind) {
    case 'gauge':
      return sameValues(a.points, b.points as NumberPoints);
    case 'sum': {
      const other = b as typeof a;
      return (
        a.temporality === other.temporality && a.monotonic === other.monotonic && sameValues(a.points, other.points)
      );
    }
    case 'histogram': {
      const other = b as typeof a;
      return a.temporality === other.temporality && sameBounds(a.points.bounds, other.points.bounds);
    }
    case 'exponential_histogram':
      return a.temporality === (b as typeof a).temporality;
    case 'summary':
      return true;
    default:
      return a satisfies never;
  }
}

/** Whether two metrics say the same in the fields that have no member of their own. */
export function sameEnvelopes(a: Metric, b: Metric): boolean {
  return sameOptional(a.envelope, b.envelope) && sameOptional(a.dataEnvelope, b.dataEnvelope);
}

function sameOptional(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && sameBytes(a, b));
}

function sameValues(a: NumberPoints, b: NumberPoints): boolean {
  const wide = a.values instanceof BigInt64Array;
  return a.integer === b.integer && wide === b.values instanceof BigInt64Array;
}

function sameExemplars(a: PointColumns, b: PointColumns): boolean {
  return a.exemplars === undefined || b.exemplars === undefined || a.exemplars.integer === b.exemplars.integer;
}

/** Whether two lists of bounds describe the same buckets. */
export function sameBounds(a: Float64Array, b: Float64Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function concatWithSent(group: readonly [Metric, ...Metric[]]): Metric['points'] {
  return concatSentPoints(
    group.map(({ points }) => points),
    concatPoints(group),
  );
}

function concatPoints(group: readonly [Metric, ...Metric[]]): Metric['points'] {
  const parts = group.map(({ points }) => points);
  switch (group[0].kind) {
    case 'gauge':
    case 'sum':
      return concatNumbers(parts as NumberPoints[]);
    case 'histogram':
      return concatHistograms(parts as HistogramPoints[]);
    case 'exponential_histogram':
      return concatExponential(parts as ExponentialHistogramPoints[]);
    case 'summary':
      return concatSummaries(parts as SummaryPoints[]);
    default:
      return group[0] satisfies never;
  }
}

function concatNumbers(parts: readonly NumberPoints[]): NumberPoints {
  return {
    ...concatShared(parts),
    values: concat<Float64Array | BigInt64Array>(parts.map(({ values }) => values)),
    integer: parts[0]!.integer,
  };
}

function concatHistograms(parts: readonly HistogramPoints[]): HistogramPoints {
  return {
    ...concatShared(parts),
    ...concatExtremes(parts),
    bounds: parts[0]!.bounds,
    counts: concat(parts.map(({ counts }) => counts)),
    sums: concat(parts.map(({ sums }) => sums)),
  };
}

function concatExponential(parts: readonly ExponentialHistogramPoints[]): ExponentialHistogramPoints {
  return {
    ...concatShared(parts),
    ...concatExtremes(parts),
    scale: concat(parts.map(({ scale }) => scale)),
    zeroCount: concat(parts.map(({ zeroCount }) => zeroCount)),
    zeroThreshold: concat(parts.map(({ zeroThreshold }) => zeroThreshold)),
    positive: concatBuckets(parts.map(({ positive }) => positive)),
    negative: concatBuckets(parts.map(({ negative }) => negative)),
    sums: concat(parts.map(({ sums }) => sums)),
  };
}

function concatSummaries(parts: readonly SummaryPoints[]): SummaryPoints {
  return {
    ...concatShared(parts),
    counts: concat(parts.map(({ counts }) => counts)),
    sums: concat(parts.map(({ sums }) => sums)),
    start: concatStarts(parts),
    quantiles: concat(parts.map(({ start, quantiles }) => used(start, quantiles))),
    values: concat(parts.map(({ start, values }) => used(start, values))),
  };
}

function concatBuckets(parts: readonly ExponentialBuckets[]): ExponentialBuckets {
  return {
    offset: concat(parts.map(({ offset }) => offset)),
    start: concatStarts(parts),
    counts: concat(parts.map(({ start, counts }) => used(start, counts))),
  };
}

/** Positions in the used values of all parts, put behind one another. */
function concatStarts(parts: readonly { readonly start: Uint32Array }[]): Uint32Array {
  const result = new Uint32Array(parts.reduce((rows, { start }) => rows + start.length - 1, 1));
  let row = 0;
  let at = 0;
  for (const { start } of parts) {
    for (let i = 1; i < start.length; i++) {
      at += start[i]! - start[i - 1]!;
      result[++row] = at;
    }
  }
  return result;
}

/** What rows refer to: a piece of a batch shares the values of the whole. */
function used(start: Uint32Array, values: Float64Array): Float64Array {
  return values.subarray(start[0]!, start.at(-1)!);
}

function concatExtremes(parts: readonly (HistogramPoints | ExponentialHistogramPoints)[]): {
  min?: Float64Array;
  max?: Float64Array;
} {
  const lengths = parts.map(({ length }) => length);
  const min = concatOptional(
    parts.map((part) => part.min),
    lengths,
    Number.NaN,
  );
  const max = concatOptional(
    parts.map((part) => part.max),
    lengths,
    Number.NaN,
  );
  return { ...(min && { min }), ...(max && { max }) };
}

function concatShared(parts: readonly PointColumns[]): PointColumns {
  const lengths = parts.map(({ length }) => length);
  return {
    length: lengths.reduce((sum, length) => sum + length, 0),
    ids: concat(parts.map(({ ids }) => ids)),
    time: concatTime(
      parts.map(({ time }) => time),
      lengths,
    ),
    startTime: concatTime(
      parts.map(({ startTime }) => startTime),
      lengths,
    ),
    flags: concatFlags(
      parts.map(({ flags }) => flags),
      lengths,
    ),
    ...concatExemplars(parts, lengths),
  };
}

function concatExemplars(parts: readonly PointColumns[], lengths: readonly number[]): { exemplars?: Exemplars } {
  let rows = 0;
  const firstRow = lengths.map((length) => {
    rows += length;
    return rows - length;
  });
  const known: Exemplars[] = [];
  const shifts: number[] = [];
  for (const [i, { exemplars }] of parts.entries()) {
    if (exemplars === undefined) continue;
    known.push(exemplars);
    shifts.push(firstRow[i]!);
  }
  if (known.length === 0) return {};
  return {
    exemplars: {
      point: concatShifted(
        known.map(({ point }) => point),
        shifts,
      ),
      time: concat(known.map(({ time }) => time)),
      values: concat(known.map(({ values }) => values)),
      integer: known[0]!.integer,
      traceIds: concat(known.map(({ traceIds }) => traceIds)),
      spanIds: concat(known.map(({ spanIds }) => spanIds)),
      attributes: known.flatMap(({ attributes }) => attributes),
    },
  };
}
