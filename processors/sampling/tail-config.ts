import { byteSize, compileRegexp, duration, z } from 'bpflow/sdk';

/** `tail:` with the keys of the Collector's tail_sampling where it has them. */
export function tailSettings() {
  return z.strictObject({
    decision_wait: duration().prefault('30s').describe('How long after its first span a trace is decided on.'),
    num_traces: z
      .int()
      .min(1)
      .default(50_000)
      .describe('Most traces that wait. With more the oldest are decided on by what is there.'),
    max_spans: z
      .int()
      .min(1)
      .default(500_000)
      .describe('Most spans that wait. With more the oldest traces are decided on by what is there.'),
    max_bytes: byteSize().prefault('256MiB').describe('Most memory of spans that wait, likewise.'),
    expected_new_traces_per_sec: z
      .int()
      .min(0)
      .optional()
      .describe('Accepted for configurations of the Collector, without effect.'),
    decision_cache: z
      .strictObject({
        sampled_cache_size: z.int().min(0).max(10_000_000).default(50_000).describe('Traces that were kept.'),
        non_sampled_cache_size: z.int().min(0).max(10_000_000).default(50_000).describe('Traces that were not.'),
      })
      .prefault({})
      .describe('How many decisions are remembered for spans that come late.'),
    policies: z.array(policy()).default([]).describe('A trace is kept when one of these says so.'),
  });
}

export type TailConfig = z.output<ReturnType<typeof tailSettings>>;
export type PolicyConfig = TailConfig['policies'][number];

function policy() {
  const name = z.string().min(1).describe('Its name in counters.');
  return z.discriminatedUnion('type', [
    z.strictObject({ name, type: z.literal('always_sample').describe('Every trace.') }),
    z.strictObject({
      name,
      type: z.literal('status_code').describe('A span has one of these statuses.'),
      status_code: z
        .strictObject({ status_codes: z.array(z.enum(STATUS_CODES)).min(1).describe('OK, ERROR, UNSET.') })
        .describe('Which statuses.'),
    }),
    z.strictObject({
      name,
      type: z.literal('latency').describe('From the first start to the last end it takes so long.'),
      latency: z
        .strictObject({
          threshold_ms: z.int().min(0).describe('At least so many ms.'),
          upper_threshold_ms: z
            .int()
            .min(0)
            .default(0)
            .describe('At most so many ms, and then more than threshold_ms. 0: no bound.'),
        })
        .describe('How long.'),
    }),
    z.strictObject({
      name,
      type: z.literal('string_attribute').describe('A span or its resource has an attribute with one of these texts.'),
      string_attribute: z
        .strictObject({
          key: z.string().min(1).describe('Key of the attribute.'),
          values: z.array(z.string()).min(1).describe('Its values.'),
          enabled_regex_matching: z.boolean().default(false).describe('Whether values are regular expressions.'),
          cache_max_size: z.int().optional().describe('Accepted for configurations of the Collector, without effect.'),
        })
        .check((context) => {
          if (!context.value.enabled_regex_matching) return;
          for (const [i, value] of context.value.values.entries()) {
            try {
              compileRegexp(value);
            } catch (thrown) {
              const { message } = thrown as Error;
              context.issues.push({ code: 'custom', input: value, path: ['values', i], message });
            }
          }
        })
        .describe('Which attribute.'),
    }),
    z.strictObject({
      name,
      type: z.literal('numeric_attribute').describe('A span or its resource has an attribute in this range.'),
      numeric_attribute: z
        .strictObject({
          key: z.string().min(1).describe('Key of the attribute.'),
          min_value: z.number().default(Number.MIN_SAFE_INTEGER).describe('From here …'),
          max_value: z.number().default(Number.MAX_SAFE_INTEGER).describe('… to here.'),
        })
        .describe('Which attribute.'),
    }),
    z.strictObject({
      name,
      type: z.literal('boolean_attribute').describe('A span or its resource has an attribute with this value.'),
      boolean_attribute: z
        .strictObject({
          key: z.string().min(1).describe('Key of the attribute.'),
          value: z.boolean().describe('Its value.'),
        })
        .describe('Which attribute.'),
    }),
    z.strictObject({
      name,
      type: z.literal('span_count').describe('It has so many spans.'),
      span_count: z
        .strictObject({
          min_spans: z.int().min(0).default(0).describe('At least.'),
          max_spans: z.int().min(0).default(0).describe('At most; 0: no bound.'),
        })
        .describe('How many.'),
    }),
    z.strictObject({
      name,
      type: z.literal('probabilistic').describe('A share of the traces.'),
      probabilistic: z
        .strictObject({
          sampling_percentage: z.number().min(0).max(100).describe('Percentage that is kept, by the trace id.'),
        })
        .describe('Which share. The threshold is written on the spans.'),
    }),
  ]);
}

const STATUS_CODES = ['UNSET', 'OK', 'ERROR'] as const;
