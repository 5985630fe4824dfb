/** Counts of neighbouring buckets, the first of index `offset`. */
export interface Buckets {
  readonly offset: number;
  readonly counts: Float64Array;
}

/** One exponential histogram, without its sum. Never changed, only replaced. */
export interface ExponentialCounts {
  readonly scale: number;
  readonly zeroCount: number;
  readonly zeroThreshold: number;
  readonly positive: Buckets;
  readonly negative: Buckets;
}

/** Buckets a merged histogram may have on each side, as in OpenTelemetry's SDKs and the Collector; it becomes coarser before. */
export const MAX_BUCKETS = 160;

export const NO_BUCKETS: Buckets = { offset: 0, counts: new Float64Array(0) };

/**
 * Both together, at the coarser scale and the wider zero bucket, with at most {@link MAX_BUCKETS} on each side.
 * Shares no memory with `right`.
 */
export function merge(left: ExponentialCounts | undefined, right: ExponentialCounts): ExponentialCounts {
  let a: ExponentialCounts = left ?? { ...right, zeroCount: 0, positive: NO_BUCKETS, negative: NO_BUCKETS };
  let b = right;
  while (a.zeroThreshold !== b.zeroThreshold) {
    const threshold = Math.max(a.zeroThreshold, b.zeroThreshold);
    a = widenZero(a, threshold);
    b = widenZero(b, threshold);
  }
  a = { ...a, positive: trim(a.positive), negative: trim(a.negative) };
  b = { ...b, positive: trim(b.positive), negative: trim(b.negative) };
  let scale = Math.min(a.scale, b.scale);
  while (
    width(a.positive, a.scale, b.positive, b.scale, scale) > MAX_BUCKETS ||
    width(a.negative, a.scale, b.negative, b.scale, scale) > MAX_BUCKETS
  ) {
    scale--;
  }
  const [x, y] = [downscale(a, scale), downscale(b, scale)];
  return {
    scale,
    zeroCount: x.zeroCount + y.zeroCount,
    zeroThreshold: x.zeroThreshold,
    positive: addBuckets(x.positive, y.positive),
    negative: addBuckets(x.negative, y.negative),
  };
}

/** What `after` has more than `before`; undefined when something is less, or `after` is finer: then the series has begun anew. */
export function difference(after: ExponentialCounts, before: ExponentialCounts): ExponentialCounts | undefined {
  if (after.scale > before.scale || after.zeroThreshold < before.zeroThreshold) return undefined;
  const widened = widenZero(before, after.zeroThreshold);
  if (widened.zeroThreshold !== after.zeroThreshold) return undefined;
  const old = downscale(widened, after.scale);
  const positive = subtractBuckets(after.positive, old.positive);
  const negative = subtractBuckets(after.negative, old.negative);
  const zeroCount = after.zeroCount - old.zeroCount;
  if (positive === undefined || negative === undefined || zeroCount < 0) return undefined;
  return { ...after, zeroCount, positive, negative };
}

/** The same histogram at a coarser scale: each step makes one bucket of two neighbours. */
export function downscale(value: ExponentialCounts, scale: number): ExponentialCounts {
  const steps = value.scale - scale;
  if (steps <= 0) return value;
  return { ...value, scale, positive: coarsen(value.positive, steps), negative: coarsen(value.negative, steps) };
}

/**
 * The same histogram with everything up to `threshold` in the zero bucket. Where the threshold lies inside a bucket that
 * has counts, that bucket goes there as a whole, and the threshold becomes its upper bound.
 */
export function widenZero(value: ExponentialCounts, threshold: number): ExponentialCounts {
  if (threshold <= value.zeroThreshold) return value;
  const last = bucketIndex(threshold, value.scale);
  const positive = splitBelow(value.positive, last);
  const negative = splitBelow(value.negative, last);
  const upper = upperBound(last, value.scale);
  const inside = positive.atLast + negative.atLast > 0 && upper > threshold;
  return {
    scale: value.scale,
    zeroCount: value.zeroCount + positive.below + negative.below,
    zeroThreshold: inside ? upper : threshold,
    positive: positive.rest,
    negative: negative.rest,
  };
}

/** Index of the bucket (base^i, base^(i+1)] that holds a positive value. */
export function bucketIndex(value: number, scale: number): number {
  const index = Math.ceil(Math.log2(value) * 2 ** scale) - 1;
  // 0 × ∞: senders may claim any scale of 32 bits.
  return Number.isNaN(index) ? (value === Number.POSITIVE_INFINITY ? value : -1) : index;
}

function upperBound(index: number, scale: number): number {
  return 2 ** ((index + 1) / 2 ** scale);
}

/** Buckets above index `last`; how many counts lie in those up to it, and in it. */
function splitBelow({ offset, counts }: Buckets, last: number): { below: number; atLast: number; rest: Buckets } {
  const cut = Math.min(Math.max(last + 1 - offset, 0), counts.length);
  let below = 0;
  for (let k = 0; k < cut; k++) below += counts[k]!;
  const atLast = last - offset >= 0 && last - offset < counts.length ? counts[last - offset]! : 0;
  const rest = cut === 0 ? { offset, counts } : trim({ offset: offset + cut, counts: counts.subarray(cut) });
  return { below, atLast, rest };
}

function coarsen(buckets: Buckets, steps: number): Buckets {
  const { offset, counts } = trim(buckets);
  if (counts.length === 0) return NO_BUCKETS;
  const size = bucketsInOne(steps);
  const first = Math.floor(offset / size);
  const last = Math.floor((offset + counts.length - 1) / size);
  const coarse = new Float64Array(last - first + 1);
  for (let k = 0; k < counts.length; k++) coarse[Math.floor((offset + k) / size) - first]! += counts[k]!;
  return { offset: first, counts: coarse };
}

/** How many buckets become one; more than 2^64 make no difference to indexes of 32 bits. */
function bucketsInOne(steps: number): number {
  return 2 ** Math.min(steps, 64);
}

/** Buckets that both need together at a scale. They are trimmed. */
function width(a: Buckets, aScale: number, b: Buckets, bScale: number, scale: number): number {
  const [aFirst, aEnd] = rangeAt(a, aScale - scale);
  const [bFirst, bEnd] = rangeAt(b, bScale - scale);
  if (aFirst > aEnd) return Math.max(0, bEnd - bFirst + 1);
  if (bFirst > bEnd) return aEnd - aFirst + 1;
  return Math.max(aEnd, bEnd) - Math.min(aFirst, bFirst) + 1;
}

function rangeAt({ offset, counts }: Buckets, steps: number): [first: number, last: number] {
  if (counts.length === 0) return [0, -1];
  const size = bucketsInOne(steps);
  return [Math.floor(offset / size), Math.floor((offset + counts.length - 1) / size)];
}

function addBuckets(a: Buckets, b: Buckets): Buckets {
  const x = trim(a);
  const y = trim(b);
  if (x.counts.length === 0) return { offset: y.offset, counts: y.counts.slice() };
  if (y.counts.length === 0) return x;
  const offset = Math.min(x.offset, y.offset);
  const end = Math.max(x.offset + x.counts.length, y.offset + y.counts.length);
  const counts = new Float64Array(end - offset);
  counts.set(x.counts, x.offset - offset);
  for (let k = 0; k < y.counts.length; k++) counts[y.offset - offset + k]! += y.counts[k]!;
  return { offset, counts };
}

function subtractBuckets(a: Buckets, b: Buckets): Buckets | undefined {
  const less = trim(b);
  if (less.counts.length === 0) return a;
  const counts = a.counts.slice();
  for (let k = 0; k < less.counts.length; k++) {
    const at = less.offset - a.offset + k;
    if (less.counts[k] === 0) continue;
    if (!(at >= 0 && at < counts.length) || counts[at]! < less.counts[k]!) return undefined;
    counts[at]! -= less.counts[k]!;
  }
  return trim({ offset: a.offset, counts });
}

/** Without empty buckets at both ends. */
export function trim(buckets: Buckets): Buckets {
  const { offset, counts } = buckets;
  let from = 0;
  let to = counts.length;
  while (from < to && counts[from] === 0) from++;
  while (to > from && counts[to - 1] === 0) to--;
  if (from === to) return NO_BUCKETS;
  return to - from === counts.length ? buckets : { offset: offset + from, counts: counts.subarray(from, to) };
}
