import { type Bits56, Marks, type Scope } from 'bpflow/sdk';
import { AlwaysKept, anyOf } from './always-kept.ts';
import type { RuleConfig, SamplingConfig } from './config.ts';
import type { Policy, Turn } from './policy.ts';
import { rateLimitPolicy } from './rate-limit.ts';
import type { RowBatch, Rows, RowTest } from './rows.ts';
import { adaptivePolicy, probabilisticPolicy } from './shares.ts';
import { Counts, OUTCOMES } from './telemetry.ts';

/** What becomes of a batch. */
export interface Decided<B> {
  /** Undefined when nothing is kept. */
  readonly kept: B | undefined;
  readonly counts: Counts;
  /** To be called when what follows did not take the kept items: the batch will come again. */
  takeBack(): void;
}

interface Rule<B extends RowBatch> {
  readonly name: string;
  readonly matches: RowTest<B> | undefined;
  readonly policy: Policy<B>;
}

/** Decides row by row: first whether an item is always kept, then by the first rule that matches it. */
export class RuleSampler<B extends RowBatch> {
  readonly #rows: Rows<B>;
  readonly #kept: AlwaysKept<B>;
  readonly #rules: readonly Rule<B>[];

  constructor(config: SamplingConfig, rows: Rows<B>, scope: Scope, draw: () => Bits56) {
    this.#rows = rows;
    this.#kept = new AlwaysKept(config.keep, rows, scope.clock);
    this.#rules = (config.rules ?? [{ ...config, name: 'all', match: undefined }]).map((rule) => ({
      name: rule.name,
      matches: rule.match && anyOf([rule.match], rows),
      policy: policyOf(rule, rows, scope, draw),
    }));
  }

  decide(batch: B): Decided<B> {
    const { length } = batch;
    // 0: no rule; otherwise the rule's index + 1.
    const ruleOf = new Uint16Array(length);
    // 0: ordinary; otherwise the outcome's index.
    const reasons = new Uint8Array(length);
    this.#kept.begin();
    for (let row = 0; row < length; row++) {
      const rule = this.#ruleFor(batch, row);
      ruleOf[row] = rule + 1;
      const reason = rule < 0 ? undefined : this.#kept.reason(batch, row);
      if (reason !== undefined) reasons[row] = OUTCOMES.indexOf(reason);
    }
    const turns: Turn<B>[] = this.#rules.map(({ policy }, rule) =>
      policy.begin(batch, (row) => ruleOf[row] === rule + 1 && reasons[row] === 0),
    );
    const counts = new Counts();
    const tallies = ['', ...this.#rules.map(({ name }) => name)].map((name) => counts.of(name));
    const marks = new Marks();
    const decide = (row: number): boolean => {
      const rule = ruleOf[row]!;
      const tally = tallies[rule]!;
      if (rule === 0) {
        marks.add(undefined);
        tally[PASSED]!++;
        return true;
      }
      const reason = reasons[row]!;
      if (reason > 0) {
        turns[rule - 1]!.keep(batch, row, marks);
        tally[reason]!++;
        return true;
      }
      const dropped = turns[rule - 1]!.decide(batch, row, marks);
      tally[dropped === undefined ? SAMPLED : OUTCOMES.indexOf(dropped)]!++;
      return dropped === undefined;
    };
    const selected = this.#rows.select(batch, decide);
    const { fresh } = this.#kept;
    return {
      kept: selected && this.#rows.mark(selected, marks),
      counts,
      takeBack: () => {
        this.#kept.takeBack(fresh);
        for (const turn of turns) turn.takeBack?.();
      },
    };
  }

  #ruleFor(batch: B, row: number): number {
    for (let rule = 0; rule < this.#rules.length; rule++) {
      const { matches } = this.#rules[rule]!;
      if (matches === undefined || matches(batch, row)) return rule;
    }
    return -1;
  }

  /** Of each rule that owes: the items for which no kept one stands yet. */
  owed(): readonly (readonly [rule: string, items: number])[] {
    return this.#rules.flatMap(({ name, policy }) =>
      policy.owed === undefined ? [] : [[name, policy.owed()] as const],
    );
  }

  view(): unknown {
    return {
      first_seen_keys: this.#kept.keys,
      policies: Object.fromEntries(this.#rules.map(({ name, policy }) => [name, policy.view?.() ?? {}])),
    };
  }
}

const SAMPLED = OUTCOMES.indexOf('sampled');
const PASSED = OUTCOMES.indexOf('passed');

function policyOf<B extends RowBatch>(
  { probabilistic, adaptive, rate_limit }: Omit<RuleConfig, 'name' | 'match'>,
  rows: Rows<B>,
  scope: Scope,
  draw: () => Bits56,
): Policy<B> {
  if (probabilistic !== undefined) return probabilisticPolicy(probabilistic, rows, draw);
  if (adaptive !== undefined) return adaptivePolicy(adaptive, rows, draw, () => scope.clock.monotonic());
  if (rate_limit !== undefined) return rateLimitPolicy(rate_limit, rows, scope.clock);
  throw new TypeError('The configuration was not checked: a rule has no policy.');
}
