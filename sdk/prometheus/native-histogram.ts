import type { ExponentialHistogramPoints } from '../../pdata/metrics.ts';
import { type Buckets, downscale, type ExponentialCounts, trim } from '../../pdata/temporality/exponential-value.ts';
import type { MessageWriter } from './message-writer.ts';

/** Scales that Prometheus's native histograms have: the finer ones are made coarser. */
const MAX_SCHEMA = 8;
const MIN_SCHEMA = -4;
/** Empty buckets in a row that stay in a span; more begin a new one, which costs two numbers. */
const MAX_GAP = 2;

/** The counts of point i, copied. */
export function exponentialCounts(points: ExponentialHistogramPoints, i: number): ExponentialCounts {
  const side = ({ offset, start, counts }: ExponentialHistogramPoints['positive']): Buckets =>
    trim({ offset: offset[i]!, counts: counts.slice(start[i]!, start[i + 1]!) });
  return {
    scale: points.scale[i]!,
    zeroCount: points.zeroCount[i]!,
    zeroThreshold: points.zeroThreshold[i]!,
    positive: side(points.positive),
    negative: side(points.negative),
  };
}

/** All values that were counted. */
export function countOf({ zeroCount, positive, negative }: ExponentialCounts): number {
  let count = zeroCount;
  for (const each of positive.counts) count += each;
  for (const each of negative.counts) count += each;
  return count;
}

/** Whether it can be shown as a native histogram. */
export function isNative({ scale }: ExponentialCounts): boolean {
  return scale >= MIN_SCHEMA;
}

/**
 * The native part of a Histogram message: 5 schema, 6 zero_threshold, 7 zero_count, 9 negative_span, 10 negative_delta,
 * 12 positive_span, 13 positive_delta.
 *
 * Prometheus numbers buckets by their upper bounds, OTLP by their lower ones: index i there is i + 1 here.
 */
export function writeNative(out: MessageWriter, value: ExponentialCounts): void {
  const { scale, zeroCount, zeroThreshold, positive, negative } = downscale(value, MAX_SCHEMA);
  out.sint(5, scale);
  out.double(6, zeroThreshold);
  out.uint(7, zeroCount);
  writeBuckets(out, 9, 10, negative);
  writeBuckets(out, 12, 13, positive);
  const isEmpty = zeroCount === 0 && zeroThreshold === 0 && positive.counts.length + negative.counts.length === 0;
  // Without any of these a reader would take it for a classic histogram.
  if (isEmpty) writeSpan(out, 12, 0, 0);
}

/** Spans of buckets, each so far behind the one before, and their counts, each as what it is more than the one before. */
function writeBuckets(out: MessageWriter, spanField: number, deltaField: number, { offset, counts }: Buckets): void {
  let end = 0;
  let at = 0;
  const deltas: number[] = [];
  let before = 0;
  while (at < counts.length) {
    const from = at;
    for (let gap = 0; at < counts.length && gap <= MAX_GAP; at++) gap = counts[at] === 0 ? gap + 1 : 0;
    const next = at;
    let last = at;
    while (counts[last - 1] === 0) last--;
    writeSpan(out, spanField, offset + 1 + from - end, last - from);
    end = offset + 1 + last;
    for (let k = from; k < last; k++) {
      deltas.push(counts[k]! - before);
      before = counts[k]!;
    }
    at = next;
    while (counts[at] === 0) at++;
  }
  for (const delta of deltas) out.sint(deltaField, delta);
}

/** BucketSpan: 1 offset, 2 length. */
function writeSpan(out: MessageWriter, field: number, offset: number, length: number): void {
  out.message(field, (span) => {
    span.sint(1, offset);
    span.uint(2, length);
  });
}
