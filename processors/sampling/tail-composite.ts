import type { Threshold } from 'bpflow/sdk';
import type { CompositeConfig } from './tail-config.ts';
import { criterion, type Keep, type TailPolicy, verdictOf } from './tail-policies.ts';

/** What a policy has dropped for its rate: the next trace that it keeps stands for that too. */
export class Debt {
  #items = 0;

  get items(): number {
    return this.#items;
  }

  add(items: number): void {
    this.#items += items;
  }

  take(): number {
    const items = this.#items;
    this.#items = 0;
    return items;
  }
}

/** A policy inside, with the part of the rate that it has. */
interface Part {
  readonly policy: string;
  readonly spansPerSecond: number;
  readonly verdict: (
    ...trace: Parameters<typeof verdictOf> extends [unknown, ...infer R] ? R : never
  ) => Threshold | undefined;
  readonly debt: Debt;
  /** Spans kept in this second. */
  spans: number;
}

/**
 * The first of its policies, in `policy_order`, that wants a trace decides on it: it is kept when the policy's part of the rate has
 * room for all its spans in this second. `nowMs` is monotonic.
 */
export function compositePolicy(name: string, config: CompositeConfig, nowMs: () => number): TailPolicy {
  const { max_total_spans_per_second: most, policy_order, composite_sub_policy: inside, rate_allocation } = config;
  const parts = policy_order.map((wanted): Part => {
    const policy = inside.find((each) => each.name === wanted)!;
    const percent = rate_allocation.find((each) => each.policy === wanted)?.percent ?? 0;
    const decides = criterion(policy);
    return {
      policy: `${name}/${wanted}`,
      spansPerSecond: percent === 0 ? Math.floor(most / inside.length) : Math.floor((most * percent) / 100),
      verdict: (trace, spans) => verdictOf(decides, trace, spans),
      debt: new Debt(),
      spans: 0,
    };
  });
  let second = Number.NaN;
  let total = 0;
  const begin = (): void => {
    const now = Math.floor(nowMs() / 1000);
    if (now === second) return;
    second = now;
    total = 0;
    for (const part of parts) part.spans = 0;
  };
  return {
    name,
    debts: parts.map(({ policy, debt }) => [policy, debt]),
    late(trace, spans): Keep | undefined {
      begin();
      for (const part of parts) {
        const threshold = part.verdict(trace, spans);
        if (threshold === undefined) continue;
        const { policy, debt } = part;
        const isLimited = part.spans + trace.spans > part.spansPerSecond || total + trace.spans > most;
        if (isLimited) return { policy, threshold, debt, isLimited };
        part.spans += trace.spans;
        total += trace.spans;
        return { policy, threshold, debt };
      }
      return undefined;
    },
  };
}
