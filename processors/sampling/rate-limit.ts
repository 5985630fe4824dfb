import type { Clock, Marks, ProbabilisticSettings } from 'bpflow/sdk';
import type { RateLimitConfig } from './config.ts';
import type { DropReason, Policy, Turn } from './policy.ts';
import { attributeKey, countColumn, type RowBatch, type Rows, weightOf } from './rows.ts';

/** What is left of a key's limit, and how many items were dropped for which no kept one stands yet. */
interface Bucket {
  tokens: number;
  /** Monotonic, ms. */
  at: number;
  owed: number;
}

/** What a batch did to a bucket. */
interface Change {
  tokens: number;
  owed: number;
}

/**
 * A token bucket for each key. What is dropped is owed: the next kept item of the key carries the count of all that were dropped
 * before it, so that at every moment items = adjusted counts + owed.
 */
export function rateLimitPolicy<B extends RowBatch>(config: RateLimitConfig, rows: Rows<B>, clock: Clock): Policy<B> {
  const buckets = new Map<string, Bucket>();
  const items = rows.items(NO_SETTINGS);
  const key = config.attributes.length === 0 ? () => '' : attributeKey<B>(config.attributes);
  let sweptAt = Number.NEGATIVE_INFINITY;

  const fresh = (now: number): Bucket => ({ tokens: config.burst, at: now, owed: 0 });
  /** A full bucket that owes nothing says what a new one says. */
  const sweep = (now: number): void => {
    if (now - sweptAt < SWEEP_EVERY_MS) return;
    sweptAt = now;
    for (const [name, bucket] of buckets) {
      refill(bucket, config, now);
      if (bucket.owed === 0 && bucket.tokens >= config.burst && name !== OTHERS) buckets.delete(name);
    }
  };
  const find = (name: string, now: number): Bucket => {
    let bucket = buckets.get(name);
    if (bucket !== undefined) return bucket;
    if (buckets.size >= config.max_keys) sweep(now);
    if (buckets.size >= config.max_keys && name !== OTHERS) return find(OTHERS, now);
    bucket = fresh(now);
    buckets.set(name, bucket);
    return bucket;
  };
  const owed = (): number => {
    let total = 0;
    for (const bucket of buckets.values()) total += bucket.owed;
    return total;
  };

  return {
    owed,
    begin(batch): Turn<B> {
      const now = clock.monotonic();
      const counts = countColumn(batch);
      const changes = new Map<Bucket, Change>();
      const entered = (row: number): Bucket => {
        const bucket = find(key(batch, row), now);
        if (changes.has(bucket)) return bucket;
        refill(bucket, config, now);
        changes.set(bucket, { tokens: 0, owed: 0 });
        return bucket;
      };
      const weight = (row: number): number => weightOf(items.move(batch, row), counts, row);
      const pass = (bucket: Bucket, row: number, marks: Marks): void => {
        const change = changes.get(bucket)!;
        const taken = Math.min(1, bucket.tokens);
        bucket.tokens -= taken;
        change.tokens += taken;
        if (bucket.owed <= 0) {
          marks.add(undefined);
          return;
        }
        marks.add('', undefined, weight(row) + bucket.owed);
        change.owed += bucket.owed;
        bucket.owed = 0;
      };
      return {
        decide(_, row, marks): DropReason | undefined {
          const bucket = entered(row);
          if (bucket.tokens >= 1) {
            pass(bucket, row, marks);
            return undefined;
          }
          const lost = weight(row);
          bucket.owed += lost;
          changes.get(bucket)!.owed -= lost;
          return 'rate_limited';
        },
        keep: (_, row, marks) => pass(entered(row), row, marks),
        takeBack() {
          for (const [bucket, change] of changes) {
            bucket.tokens = Math.min(config.burst, bucket.tokens + change.tokens);
            bucket.owed += change.owed;
          }
        },
      };
    },
    view: () => ({ limit: config.limit, keys: buckets.size, owed: owed() }),
  };
}

const SWEEP_EVERY_MS = 1000;
/** The limit that keys beyond `max_keys` share. No key of values looks so. */
const OTHERS = '\0\0others';
const NO_SETTINGS: ProbabilisticSettings = {
  mode: 'proportional',
  sampling_percentage: 100,
  sampling_precision: 4,
  hash_seed: 0,
  fail_closed: false,
  attribute_source: 'traceID',
  from_attribute: '',
  sampling_priority: '',
};

function refill(bucket: Bucket, { limit, burst }: RateLimitConfig, now: number): void {
  bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) * limit) / 1000);
  bucket.at = now;
}
