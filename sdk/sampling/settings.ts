import { z } from 'zod';

export const SAMPLING_MODES = ['proportional', 'equalizing', 'hash_seed'] as const;
export type SamplingMode = (typeof SAMPLING_MODES)[number];

/** The keys of the Collector's `probabilistic_sampler`, as fields of a strictObject. */
export function probabilisticSettings() {
  return {
    mode: z
      .union([z.enum(SAMPLING_MODES), z.literal('')])
      .default('')
      .describe(
        'proportional keeps this share of what arrives; equalizing brings everything down to this share, what was sampled before included; hash_seed hashes the trace id or an attribute. Default: hash_seed.',
      ),
    sampling_percentage: z
      .number()
      .default(0)
      .transform(Math.fround)
      .check((context) => {
        const percentage = context.value;
        if (percentage < 0) fail(context, `sampling rate is negative: ${percentage}%`);
        else if (!Number.isFinite(percentage)) fail(context, `sampling rate is invalid: ${percentage}%`);
        else if (percentage > 0 && percentage / 100 < 2 ** -56)
          fail(context, `sampling rate is too small: ${percentage}%`);
      })
      .describe('Percentage that is kept: 100 and above keeps everything, 0 nothing.'),
    sampling_precision: z
      .int()
      .min(1, 'invalid sampling precision: must be from 1 to 14')
      .max(14, 'sampling precision is too great, should be <= 14')
      .default(4)
      .describe('Hex digits of a threshold that is written.'),
    hash_seed: z
      .int()
      .min(0)
      .max(4294967295)
      .default(0)
      .describe('Seed of the hash: the same for all agents of one tier.'),
    fail_closed: z
      .boolean()
      .default(true)
      .describe('Whether items are dropped that have no randomness, or whose sampling information contradicts itself.'),
    attribute_source: z
      .union([z.enum(['traceID', 'record']), z.literal('')])
      .default('traceID')
      .describe(
        'Logs, hash_seed: what is hashed, the trace id (from_attribute where there is none) or always from_attribute.',
      ),
    from_attribute: z.string().default('').describe('Logs, hash_seed: attribute that is hashed, such as a unique id.'),
    sampling_priority: z
      .string()
      .default('')
      .describe('Logs: attribute whose number is the percentage for this record, instead of sampling_percentage.'),
  };
}

const settings = z.strictObject(probabilisticSettings());
export type ProbabilisticSettings = z.output<typeof settings>;

function fail(context: z.core.ParsePayload<number>, message: string): void {
  context.issues.push({ code: 'custom', input: context.value, message });
}
