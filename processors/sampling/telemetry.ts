import type { Scope } from 'bpflow/sdk';
import type { KeepReason } from './always-kept.ts';
import type { DropReason } from './policy.ts';

/** `sampled` is kept by the policy, `passed` is meant by no rule. */
export type Outcome = KeepReason | DropReason | TailOutcome | 'sampled' | 'passed';
/** What only `tail` knows. */
export type TailOutcome = 'not_sampled' | 'late_sampled' | 'late_not_sampled';

const DROPPED: ReadonlySet<string> = new Set<Outcome>([
  'sampled_out',
  'sampling_error',
  'rate_limited',
  'not_sampled',
  'late_not_sampled',
]);

/** Items of one batch by rule and outcome; entered when it is known that the batch was taken. */
export class Counts {
  readonly #byRule = new Map<string, Map<Outcome, number>>();

  add(rule: string, outcome: Outcome, items = 1): void {
    let outcomes = this.#byRule.get(rule);
    if (outcomes === undefined) {
      outcomes = new Map();
      this.#byRule.set(rule, outcomes);
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + items);
  }

  *[Symbol.iterator](): Generator<readonly [rule: string, outcome: Outcome, items: number]> {
    for (const [rule, outcomes] of this.#byRule) for (const [outcome, items] of outcomes) yield [rule, outcome, items];
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
      if (DROPPED.has(outcome)) scope.items.dropped(count, outcome);
      const outcomes = totals.get(rule) ?? new Map<string, number>();
      totals.set(rule, outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count));
    }
  };
}
