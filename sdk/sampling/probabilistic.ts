import { hashedRandomness } from './hashed-randomness.ts';
import type { SamplingItem } from './items.ts';
import { type Mode, modeOf } from './mode.ts';
import type { ProbabilisticSettings } from './settings.ts';
import { ALWAYS, admits, type Bits56, formatRandomness, isBelow, MOST_RANDOMNESS, NEVER } from './threshold.ts';

/** What becomes of an item. Valid until the next decision. */
export interface Verdict {
  readonly isKept: boolean;
  /** What decided, as the Collector names it: `trace_id_w3c`, `sampling_priority`, … */
  readonly policy: string;
  /** Whether the item has no usable randomness or contradicts itself. */
  readonly isFaulty: boolean;
  /** The `th` to write on a kept item; undefined where nothing is written. */
  readonly threshold: string | undefined;
  /** The `rv` to write. */
  readonly randomness: string | undefined;
}

export interface ProbabilisticOptions {
  /** Instead of the mode of the settings. */
  readonly mode?: Mode;
  /** Makes the randomness of items that bring none; it is written on them. Without it they are faulty. */
  readonly draw?: () => Bits56;
}

/**
 * Decides item by item as the Collector's `probabilistic_sampler` does, without an object for each.
 * A decision is consistent: what a sampler of a smaller share keeps is kept by one of a larger share.
 */
export class ProbabilisticSampler {
  readonly mode: Mode;
  readonly #settings: Pick<ProbabilisticSettings, 'hash_seed' | 'fail_closed'>;
  readonly #hashesMissing: boolean;
  readonly #draw: (() => Bits56) | undefined;
  readonly #verdict = {
    isKept: false,
    policy: '',
    isFaulty: false,
    threshold: undefined as string | undefined,
    randomness: undefined as string | undefined,
  };

  constructor(settings: ProbabilisticSettings, signal: 'logs' | 'traces', options: ProbabilisticOptions = {}) {
    this.#settings = settings;
    this.#hashesMissing = signal === 'traces';
    this.#draw = options.draw;
    this.mode = options.mode ?? modeOf(settings);
  }

  /** `mode` instead of the sampler's own. */
  decide(item: SamplingItem, mode: Mode = this.mode): Verdict {
    const verdict = this.#verdict;
    let randomness: Bits56 | undefined;
    let isFaulty = item.isBroken;
    let isMarkable = true;
    let isNew = false;
    verdict.policy = 'missing_randomness';
    verdict.randomness = undefined;
    verdict.threshold = undefined;
    switch (mode.name) {
      case 'never':
        randomness = MOST_RANDOMNESS;
        verdict.policy = 'sampling_priority';
        break;
      case 'hash_seed': {
        const bytes = item.hashed();
        if (bytes !== undefined) {
          randomness = hashedRandomness(bytes, this.#settings.hash_seed);
          verdict.policy = item.hashedPolicy;
        }
        isFaulty ||= item.randomness !== undefined || item.threshold !== undefined;
        isMarkable = !isFaulty;
        isNew = isMarkable && (randomness !== undefined || this.#hashesMissing);
        break;
      }
      case 'proportional':
      case 'equalizing':
        if (isFaulty) isMarkable = false;
        else if (item.randomness !== undefined) {
          randomness = item.randomness;
          verdict.policy = 'sampling_randomness';
        } else {
          randomness = item.traceRandomness();
          if (randomness !== undefined) verdict.policy = 'trace_id_w3c';
          else if (this.#draw !== undefined) {
            randomness = this.#draw();
            verdict.policy = 'drawn';
            isNew = true;
          }
        }
        break;
      default:
        mode.name satisfies never;
    }
    let arriving = item.threshold;
    if (!isFaulty) {
      if (randomness === undefined) isFaulty = true;
      else if (arriving !== undefined && !admits(arriving, randomness)) {
        isFaulty = true;
        arriving = undefined;
      }
    }
    let threshold = isFaulty ? (this.#settings.fail_closed ? NEVER : ALWAYS) : mode.threshold(arriving);
    const priority = item.priority();
    if (priority !== undefined) {
      threshold = priority;
      verdict.policy = 'sampling_priority';
    }
    verdict.isFaulty = isFaulty;
    verdict.isKept = admits(threshold, randomness ?? MOST_RANDOMNESS);
    if (verdict.isKept && isMarkable) {
      // What was sampled less before stays what it is: a share can only fall.
      verdict.threshold = arriving !== undefined && isBelow(threshold, arriving) ? arriving.text : threshold.text;
      if (isNew) verdict.randomness = formatRandomness(randomness ?? MOST_RANDOMNESS);
    }
    return verdict;
  }
}
