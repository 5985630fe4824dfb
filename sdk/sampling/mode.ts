import type { ProbabilisticSettings, SamplingMode } from './settings.ts';
import {
  ALWAYS,
  canonical,
  isBelow,
  NEVER,
  probabilityOf,
  type Threshold,
  thresholdOf,
  thresholdOfBits,
} from './threshold.ts';

/** How a share is turned into thresholds. `never` keeps nothing and asks for no randomness. */
export interface Mode {
  readonly name: SamplingMode | 'never';
  /** The threshold of an item that arrived with this one, if with any. */
  readonly threshold: (arriving: Threshold | undefined) => Threshold;
}

/** Which mode a configuration means, as in the Collector. */
export function modeOf(settings: ProbabilisticSettings): Mode {
  const percentage = Math.min(settings.sampling_percentage, 100);
  if (percentage === 0) return NEVER_MODE;
  const ratio = Math.max(percentage / 100, 2 ** -56);
  switch (settings.mode) {
    case 'equalizing':
      return equalizing(thresholdOf(ratio, settings.sampling_precision)!);
    case 'proportional':
      return proportional(ratio, settings.sampling_precision);
    case 'hash_seed':
    case '': {
      const buckets = Math.trunc(Math.fround(percentage * Math.fround(HASH_BUCKETS / 100)));
      if (buckets === 0) return NEVER_MODE;
      const threshold = thresholdOfBits(BigInt(HASH_BUCKETS - buckets) << 42n);
      return { name: 'hash_seed', threshold: () => threshold };
    }
    default:
      return settings.mode satisfies never;
  }
}

/** Keeps `ratio` of what arrives. */
export function proportional(ratio: number, precision: number): Mode {
  const fresh = thresholdOf(ratio, precision) ?? NEVER;
  const known = new Map<string, Threshold>();
  return {
    name: 'proportional',
    threshold(arriving) {
      if (arriving === undefined || arriving === ALWAYS) return fresh;
      let threshold = known.get(arriving.text);
      if (threshold === undefined) {
        threshold = thresholdOf(probabilityOf(arriving) * ratio, precision) ?? NEVER;
        if (known.size >= MAX_KNOWN) known.clear();
        known.set(arriving.text, threshold);
      }
      return threshold;
    },
  };
}

/** Brings what was sampled less down to this threshold, and leaves the rest as it is. */
export function equalizing(threshold: Threshold): Mode {
  return {
    name: 'equalizing',
    threshold: (arriving) => (arriving !== undefined && isBelow(threshold, arriving) ? canonical(arriving) : threshold),
  };
}

const NEVER_MODE: Mode = { name: 'never', threshold: () => NEVER };
const HASH_BUCKETS = 2 ** 14;
/** Senders use few thresholds. */
const MAX_KNOWN = 1024;
