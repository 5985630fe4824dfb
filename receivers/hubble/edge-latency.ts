import type { ExponentialHistogramPoint, HistogramPoint, LatencyBucket, ServiceMapLatency } from 'bpflow/sdk';

const NS_PER_S = 1e9;

interface Latencies {
  seconds: number;
  /** By their lower bounds. */
  readonly buckets: Map<number, LatencyBucket>;
}

/** How long the answers of one edge took: of this period and of the one before. */
export class EdgeLatency {
  readonly seenBy: ServiceMapLatency['seenBy'];
  #current = nothing();
  #previous = nothing();

  constructor(seenBy: ServiceMapLatency['seenBy']) {
    this.seenBy = seenBy;
  }

  /** Durations in ns. */
  addExplicit({ bounds, counts, sum }: HistogramPoint): void {
    this.#current.seconds += sum / NS_PER_S;
    for (const [i, answers] of counts.entries()) {
      if (answers === 0) continue;
      const above = i === 0 ? 0 : bounds[i - 1]! / NS_PER_S;
      this.#add(i === bounds.length ? { above, answers } : { above, upTo: bounds[i]! / NS_PER_S, answers });
    }
  }

  /** Durations in s. Buckets of one power of two are put together: there are few then, whatever comes. */
  addExponential({ scale, zeroCount, positive, sum }: ExponentialHistogramPoint): void {
    this.#current.seconds += sum;
    if (zeroCount > 0) this.#add({ above: 0, upTo: 0, answers: zeroCount });
    for (const [i, answers] of positive.counts.entries()) {
      if (answers === 0) continue;
      const power = Math.floor((positive.offset + i) / 2 ** scale);
      this.#add({ above: 2 ** power, upTo: 2 ** (power + 1), answers });
    }
  }

  /** A period has passed. */
  turn(): void {
    this.#previous = this.#current;
    this.#current = nothing();
  }

  /** Undefined when there were no answers. */
  get view(): ServiceMapLatency | undefined {
    const sum = nothing();
    for (const { seconds, buckets } of [this.#previous, this.#current]) {
      sum.seconds += seconds;
      for (const bucket of buckets.values()) add(sum.buckets, bucket);
    }
    const buckets = [...sum.buckets.values()].sort((a, b) => a.above - b.above || (a.upTo ?? 0) - (b.upTo ?? 0));
    const answers = buckets.reduce((total, bucket) => total + bucket.answers, 0);
    return answers === 0 ? undefined : { seenBy: this.seenBy, answers, seconds: sum.seconds, buckets };
  }

  #add(bucket: LatencyBucket): void {
    add(this.#current.buckets, bucket);
  }
}

function nothing(): Latencies {
  return { seconds: 0, buckets: new Map() };
}

function add(buckets: Map<number, LatencyBucket>, bucket: LatencyBucket): void {
  const known = buckets.get(bucket.above);
  buckets.set(bucket.above, known === undefined ? bucket : { ...known, answers: known.answers + bucket.answers });
}
