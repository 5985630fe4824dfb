import {
  type Bits56,
  type Marks,
  type Mode,
  ProbabilisticSampler,
  type ProbabilisticSettings,
  proportional,
  type SamplingItem,
} from 'bpflow/sdk';
import { anyOf } from './always-kept.ts';
import { BurstGuard } from './burst-guard.ts';
import type { AdaptiveConfig } from './config.ts';
import type { DropReason, Policy, Turn } from './policy.ts';
import { type ItemsOf, numberAt, type RowBatch, type Rows, type RowTest } from './rows.ts';

/** A fixed share, as the Collector decides. What brings no randomness is given some where the mode allows it. */
export function probabilisticPolicy<B extends RowBatch>(
  settings: ProbabilisticSettings,
  rows: Rows<B>,
  draw: () => Bits56,
): Policy<B> {
  const sampler = new ProbabilisticSampler(settings, rows.signal, { draw });
  const items = rows.items(settings);
  const turn: Turn<B> = {
    decide: (batch, row, marks) => decide(sampler, items.move(batch, row), sampler.mode, marks),
    keep: (batch, row, marks) => markKept(items, batch, row, marks),
  };
  return { begin: () => turn };
}

/** A share by importance, lowered in a burst. The share of an item does not depend on chance, so totals stay unbiased. */
export function adaptivePolicy<B extends RowBatch>(
  config: AdaptiveConfig,
  rows: Rows<B>,
  draw: () => Bits56,
  now: () => number,
): Policy<B> {
  const sampler = new ProbabilisticSampler(DEFAULTS, rows.signal, { draw });
  const items = rows.items(DEFAULTS);
  const importance = importanceOf(config, rows);
  const share = (batch: B, row: number): number =>
    Math.min(1, config.base_rate * config.importance_boost ** importance(batch, row));
  const guard = config.burst_protection ? new BurstGuard(config.burst_threshold, now) : undefined;
  let factor = 1;
  return {
    begin(batch, isOrdinary) {
      const shares = new Float64Array(batch.length);
      let expected = 0;
      for (let row = 0; row < batch.length; row++) {
        if (!isOrdinary(row)) continue;
        shares[row] = share(batch, row);
        expected += shares[row]!;
      }
      factor = guard?.factor(expected) ?? 1;
      const modes = new Map<number, Mode>();
      const modeOf = (wanted: number): Mode => {
        let mode = modes.get(wanted);
        if (mode === undefined) {
          mode = proportional(Math.max(wanted * factor, SMALLEST), DEFAULTS.sampling_precision);
          modes.set(wanted, mode);
        }
        return mode;
      };
      return {
        decide: (_, row, marks) => decide(sampler, items.move(batch, row), modeOf(shares[row]!), marks),
        keep: (_, row, marks) => markKept(items, batch, row, marks),
        takeBack: () => guard?.takeBack(expected),
      };
    },
    view: () => ({ base_rate: config.base_rate, factor }),
  };
}

const SMALLEST = 2 ** -56;
const DEFAULTS: ProbabilisticSettings = {
  mode: 'proportional',
  sampling_percentage: 100,
  sampling_precision: 4,
  hash_seed: 0,
  fail_closed: false,
  attribute_source: 'traceID',
  from_attribute: '',
  sampling_priority: '',
};

function decide(sampler: ProbabilisticSampler, item: SamplingItem, mode: Mode, marks: Marks): DropReason | undefined {
  const verdict = sampler.decide(item, mode);
  if (!verdict.isKept) return verdict.isFaulty ? 'sampling_error' : 'sampled_out';
  marks.add(verdict.threshold, verdict.randomness);
  return undefined;
}

/** What is always kept stands for itself, and for what its threshold said before. */
function markKept<B extends RowBatch>(items: ItemsOf<B>, batch: B, row: number, marks: Marks): void {
  const { threshold, isBroken } = items.move(batch, row);
  marks.add(threshold === undefined && !isBroken ? '0' : undefined);
}

/** From 0 to 1. */
function importanceOf<B extends RowBatch>(config: AdaptiveConfig, rows: Rows<B>): (batch: B, row: number) => number {
  const { slow, min_severity, importance_attribute: attribute } = config;
  const matches: RowTest<B> = anyOf(config.important, rows) ?? (() => false);
  return (batch, row) => {
    if (rows.severity(batch, row) >= min_severity) return 1;
    if (slow !== undefined && rows.isSlow(batch, row, slow)) return 1;
    if (matches(batch, row)) return 1;
    const column = attribute === '' ? undefined : batch.attributes.get(attribute);
    const value = column && numberAt(column, row);
    // In hundredths, so that there are few shares.
    return value === undefined || !(value > 0) ? 0 : Math.round(Math.min(1, value) * 100) / 100;
  };
}
