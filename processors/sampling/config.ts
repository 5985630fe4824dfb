import { duration, matchProperties, probabilisticSettings, z } from 'bpflow/sdk';
import { tailSettings } from './tail-config.ts';

const POLICIES = ['probabilistic', 'adaptive', 'rate_limit', 'tail'] as const;

/** Configuration of the `sampling` processor: one policy for everything, or rules with a policy each. */
export const samplingConfig = z
  .strictObject({
    keep: keepSettings().prefault({}).describe('What is always kept, whatever the policy says.'),
    ...rowPolicies(),
    tail: tailSettings().optional().describe('Traces: decides when a trace is there as a whole.'),
    rules: z
      .array(
        z
          .strictObject({
            name: z.string().min(1).describe('Its name in counters.'),
            match: matchProperties().optional().describe('Which items it is for; all without it.'),
            ...rowPolicies(),
          })
          .check((context) => {
            const given = POLICIES.filter((policy) => policy in context.value && context.value[policy as 'adaptive']);
            if (given.length === 1) return;
            const message = `a rule has one policy, probabilistic, adaptive or rate_limit; this one has ${given.length}`;
            context.issues.push({ code: 'custom', input: context.value, message });
          }),
      )
      .max(1000)
      .optional()
      .describe('The first rule that matches an item decides; what none matches passes.'),
  })
  .check((context) => {
    const { value } = context;
    const given = [...POLICIES, 'rules' as const].filter((key) => value[key] !== undefined);
    const fail = (message: string, path: PropertyKey[] = []) =>
      context.issues.push({ code: 'custom', input: value, message, path });
    if (given.length !== 1) {
      fail(
        `name one of probabilistic, adaptive, rate_limit, tail and rules; ${given.length === 0 ? 'there is none' : `there are ${given.join(' and ')}`}`,
      );
    }
    const names = (value.rules ?? []).map(({ name }) => name);
    const twice = names.find((name, i) => names.indexOf(name) < i);
    if (twice !== undefined) fail(`two rules are named ${twice}`, ['rules']);
  });

export type SamplingConfig = z.output<typeof samplingConfig>;
export type KeepConfig = SamplingConfig['keep'];
export type AdaptiveConfig = NonNullable<SamplingConfig['adaptive']>;
export type RateLimitConfig = NonNullable<SamplingConfig['rate_limit']>;
export type RuleConfig = NonNullable<SamplingConfig['rules']>[number];

/** Policies that decide item by item. */
function rowPolicies() {
  const { mode, ...rest } = probabilisticSettings();
  return {
    probabilistic: z
      .strictObject({ mode: mode.prefault('proportional'), ...rest })
      .optional()
      .describe('A fixed share: the keys of the Collector’s probabilistic_sampler; the default mode is proportional.'),
    adaptive: adaptiveSettings().optional().describe('A share by importance, lowered in a burst.'),
    rate_limit: rateLimitSettings()
      .optional()
      .describe('So many a second for each key; each kept item says for how many it stands.'),
  };
}

function keepSettings() {
  return z.strictObject({
    errors: z.boolean().default(true).describe('Spans with the status ERROR, log records of severity ERROR and above.'),
    first_seen: z
      .strictObject({
        attributes: z
          .array(z.string())
          .default([])
          .describe(
            'Attributes, of the item or its resource, whose values make the key. Default: service.name, with the name and kind of a span, with the event name, severity and scope of a record.',
          ),
        max_keys: z
          .int()
          .min(0)
          .max(10_000_000)
          .default(10_000)
          .describe('Most keys that are new within forget_after; further ones are not kept for being new. 0: off.'),
        forget_after: duration()
          .prefault('1h')
          .describe('A key that was not seen so long, up to twice this time, is new again.'),
      })
      .prefault({})
      .describe('The first item of each key.'),
    match: z.array(matchProperties()).default([]).describe('Items that match one of these.'),
  });
}

function adaptiveSettings() {
  return z.strictObject({
    base_rate: z
      .number()
      .gt(0, 'must be above 0')
      .max(1, 'is a share from 0 to 1, not a percentage')
      .default(0.1)
      .describe('Share of ordinary items that is kept, above 0 to 1.'),
    importance_boost: z
      .number()
      .min(1)
      .default(10)
      .describe('An item of importance i is kept with the share base_rate × importance_boost^i, at most 1.'),
    importance_attribute: z.string().default('').describe('Attribute whose number, from 0 to 1, is the importance.'),
    important: z.array(matchProperties()).default([]).describe('Items that match one of these have importance 1.'),
    min_severity: z
      .int()
      .min(1)
      .max(24)
      .default(13)
      .describe('Log records of at least this severity number have importance 1. 13 is WARN.'),
    slow: duration().optional().describe('Spans that last at least so long have importance 1.'),
    burst_protection: z
      .boolean()
      .default(true)
      .describe('Whether shares fall when more than burst_threshold would be kept.'),
    burst_threshold: z
      .number()
      .gt(0)
      .default(10_000)
      .describe('Items a second that are kept at most, beside those that are always kept.'),
  });
}

function rateLimitSettings() {
  return z
    .strictObject({
      limit: z.number().gt(0).default(10_000).describe('Items a second, for each key.'),
      burst: z
        .number()
        .min(1)
        .optional()
        .describe(
          'Items that may pass at once after a pause: in t seconds at most limit × t + burst. Not below the size of the batches that arrive. Default: a tenth of the limit.',
        ),
      attributes: z
        .array(z.string())
        .default([])
        .describe(
          'Attributes, of the item or its resource, whose values make the key. Without any there is one limit for all.',
        ),
      max_keys: z
        .int()
        .min(1)
        .max(1_000_000)
        .default(10_000)
        .describe('Most keys with a limit of their own; further ones share one.'),
    })
    .transform(({ burst, ...rest }) => ({ ...rest, burst: burst ?? Math.max(1, rest.limit / 10) }));
}
