import { duration, z } from 'bpflow/sdk';

const MIB = 1024 * 1024;

/** Configuration of the `memory_limiter` processor: the Collector's keys, defaults and checks. */
export const memoryLimiterConfig = z
  .strictObject({
    check_interval: duration()
      .prefault('0s')
      .describe('How often the memory is measured. Must be set; 1s is a good value.'),
    limit_mib: z.int().min(0).default(0).describe('Hard limit, in MiB of resident memory.'),
    spike_limit_mib: z
      .int()
      .min(0)
      .default(0)
      .describe('The soft limit is the hard limit less this. Default: a fifth of the hard limit.'),
    limit_percentage: z
      .int()
      .min(0)
      .max(100)
      .default(0)
      .describe(
        "Hard limit, in per cent of the container's memory, or the machine's. Counts where limit_mib is not set.",
      ),
    spike_limit_percentage: z
      .int()
      .min(0)
      .max(100)
      .default(0)
      .describe('The same for the soft limit. Default: a fifth of the hard limit.'),
    min_gc_interval_when_soft_limited: duration()
      .prefault('10s')
      .describe('Shortest time between two garbage collections above the soft limit.'),
    min_gc_interval_when_hard_limited: duration()
      .prefault('0s')
      .describe('Shortest time between two garbage collections above the hard limit.'),
  })
  .check(({ value, issues }) => {
    const refuse = (key: string, message: string): void => {
      issues.push({ code: 'custom', input: value, path: [key], message });
    };
    if (value.check_interval === 0) refuse('check_interval', "'check_interval' must be greater than zero");
    if (value.limit_mib === 0 && value.limit_percentage === 0) {
      refuse('limit_mib', "'limit_mib' or 'limit_percentage' must be greater than zero");
    }
    if (value.limit_mib > 0 && value.spike_limit_mib >= value.limit_mib) {
      refuse('spike_limit_mib', "'spike_limit_mib' must be smaller than 'limit_mib'");
    }
    if (value.limit_percentage > 0 && value.spike_limit_percentage >= value.limit_percentage) {
      refuse('spike_limit_percentage', "'spike_limit_percentage' must be smaller than 'limit_percentage'");
    }
    if (value.min_gc_interval_when_soft_limited < value.min_gc_interval_when_hard_limited) {
      refuse(
        'min_gc_interval_when_soft_limited',
        "'min_gc_interval_when_soft_limited' should be larger than 'min_gc_interval_when_hard_limited'",
      );
    }
  });

export type MemoryLimiterConfig = z.output<typeof memoryLimiterConfig>;

/** Bytes above which data is refused (soft), and above which garbage is collected at once (hard). */
export interface Limits {
  readonly soft: number;
  readonly hard: number;
}

/** `total`: bytes of memory that percentages are of. */
export function limitsOf(config: MemoryLimiterConfig, total: number): Limits {
  const { limit_mib, spike_limit_mib, limit_percentage, spike_limit_percentage } = config;
  const hard = limit_mib > 0 ? limit_mib * MIB : Math.floor((total * limit_percentage) / 100);
  const spike = limit_mib > 0 ? spike_limit_mib * MIB : Math.floor((total * spike_limit_percentage) / 100);
  return { hard, soft: hard - (spike > 0 ? spike : Math.floor(hard / 5)) };
}
