import type { Scope } from 'bpflow/sdk';
import type { KeepReason } from './always-kept.ts';
import type { DropReason } from './policy.ts';

/** What becomes of an item. `sampled` is kept by the policy, `passed` is meant by no rule, `late_…` follows a decision of tail. */
export const OUTCOMES = [
  'sampled',
  'passed',
  'error',
  'keep',
  'first_seen',
  'late_sampled',
  'sampled_out',
  'sampling_error',
  'rate_limited',
  'not_sampled',
  'late_not_sampled',
] as const satisfies readonly (KeepReason | DropReason | string)[];
export type Outcome = (typeof OUTCOMES)[number];

/** From here on they are dropped. */
const FIRST_DROPPED = OUTCOMES.indexOf('sampled_out');

/** Items of one batch by outcome, as {@link OUTCOMES} are ordered. */
export type Tally = Uint32Array;

/** Items of one batch by rule and outcome; entered when it is known that the batch was taken. */
export class Counts {
  readonly #byRule = new Map<string, Tally>();

  add(rule: string, outcome: Outcome, items = 1): void {
    this.of(rule)[OUTCOMES.indexOf(outcome)]! += items;
  }

  of(rule: string): Tally {
    let tally = this.#byRule.get(rule);
    if (tally === undefined) {
      tally = new Uint32Array(OUTCOMES.length);
      this.#byRule.set(rule, tally);
    }
    return tally;
  }

  *[Symbol.iterator](): Generator<readonly [rule: string, outcome: Outcome, items: number]> {
    for (const [rule, tally] of this.#byRule) {
      for (const [i, items] of tally.entries()) if (items > 0) yield [rule, OUTCOMES[i]!, items];
    }
  }
}

/** Enters counts in `bpflow_sampling_items` and what was dropped in the ledger. */
export function samplingTelemetry(scope: Scope, signal: 'logs' | 'traces'): (counts: Counts) => void {
  const items = scope.meter.createCounter('bpflow_sampling_items', {
    description: 'Items by the rule that was for them and by what became of them.',
    unit: '{item}',
  });
  const processor = String(scope.id);
  const totals = new Map<string, Map<string, number>>();
  scope.inspect(`rules_${signal}`, () =>
    Object.fromEntries(Array.from(totals, ([rule, outcomes]) => [rule, Object.fromEntries(outcomes)])),
  );
  return (counts) => {
    for (const [rule, outcome, count] of counts) {
      items.add(count, { processor, signal, rule, outcome });
      if (OUTCOMES.indexOf(outcome) >= FIRST_DROPPED) scope.items.dropped(count, outcome);
      const outcomes = totals.get(rule) ?? new Map<string, number>();
      totals.set(rule, outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count));
    }
  };
}
