import type { LatencyBucket, ServiceMapLatency } from '../../../sdk/service-map.ts';

/** Latencies of the same edge from two components: those of the server's side where one has them. */
export function mergedLatency(
  a: ServiceMapLatency | undefined,
  b: ServiceMapLatency | undefined,
): { readonly latency?: ServiceMapLatency } {
  if (a === undefined || b === undefined) {
    const latency = a ?? b;
    return latency === undefined ? {} : { latency };
  }
  if (a.seenBy !== b.seenBy) return { latency: a.seenBy === 'server' ? a : b };
  const buckets = new Map<string, LatencyBucket>();
  for (const bucket of [...a.buckets, ...b.buckets]) {
    const name = `${bucket.above} ${bucket.upTo}`;
    buckets.set(name, { ...bucket, answers: bucket.answers + (buckets.get(name)?.answers ?? 0) });
  }
  return {
    latency: {
      seenBy: a.seenBy,
      answers: a.answers + b.answers,
      seconds: a.seconds + b.seconds,
      buckets: [...buckets.values()].sort((one, two) => one.above - two.above),
    },
  };
}

/** Interpolated in its bucket; the lower bound of the last bucket, where that has no upper one. In s. */
export function quantileOf({ buckets, answers }: ServiceMapLatency, q: number): number {
  let rank = q * answers;
  for (const { above, upTo, answers: own } of buckets) {
    if (rank <= own) return upTo === undefined ? above : above + ((upTo - above) * rank) / own;
    rank -= own;
  }
  return buckets.at(-1)?.above ?? 0;
}
