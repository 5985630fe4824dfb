import { compileRegexp, duration, z } from 'bpflow/sdk';

const STRATEGIES = ['first_come', 'heavy_hitters'] as const;
const GAUGES = ['sum', 'min', 'max', 'mean', 'last'] as const;

/** Configuration of the `cardinality_limit` processor. */
export const cardinalityLimitConfig = z.strictObject({
  limits: z
    .array(
      z.strictObject({
        metric: z.string().min(1).describe('Glob for names of metrics; the first limit that matches counts.'),
        max_series: maxSeries().optional().describe('Series of each of these metrics. Default: that for all.'),
        strategy: z.enum(STRATEGIES).optional().describe('Who keeps a name. Default: that for all.'),
        gauges: z.enum(GAUGES).optional().describe('What a folded gauge shows. Default: that for all.'),
        attributes: attributeRules().describe('What becomes of attributes, by name.'),
      }),
    )
    .default([])
    .describe('Budgets of metrics.'),
  max_series: maxSeries().default(2000).describe('Series of each metric that no limit names otherwise.'),
  max_series_per_resource: maxSeries()
    .optional()
    .describe('Series of each resource, over all metrics. Default: no limit.'),
  max_total_series: maxSeries()
    .default(100_000)
    .describe('Series of all metrics; an overflow series for each metric comes on top.'),
  max_metrics: z
    .int()
    .min(1)
    .default(10_000)
    .describe('Metrics that are told apart. Points of further ones are dropped and counted.'),
  max_gauge_sources: z
    .int()
    .min(1)
    .default(100_000)
    .describe('Series behind the folded gauges of a metric whose last values are remembered.'),
  idle_timeout: duration()
    .prefault('5m')
    .refine((ms) => ms > 0, 'must be greater than zero')
    .describe('A series that was silent for so long gives its place up.'),
  overflow_value: z.string().min(1).default('other').describe('Stands for all values without a name.'),
  strategy: z
    .enum(STRATEGIES)
    .default('first_come')
    .describe('Who keeps a name: who came first, or the largest of the last minutes.'),
  gauges: z
    .enum(GAUGES)
    .default('sum')
    .describe('What a folded gauge shows: an aggregate of the last values of the series in it.'),
  logs: z
    .strictObject({ attributes: attributeRules().describe('What becomes of attributes of log records, by name.') })
    .prefault({})
    .describe('Limits for log records.'),
  spans: z
    .strictObject({ attributes: attributeRules().describe('What becomes of attributes of spans, by name.') })
    .prefault({})
    .describe('Limits for spans.'),
});

export type CardinalityLimitConfig = z.output<typeof cardinalityLimitConfig>;
export type AttributeRule = CardinalityLimitConfig['logs']['attributes'][string];

function maxSeries() {
  return z.int().min(1);
}

function attributeRules() {
  return z.record(z.string().min(1), attributeRule()).default({});
}

/** A number of values, `drop`, or how values are brought together. */
function attributeRule() {
  const rule = rewriteRule();
  // Of a map its own mistakes are told, not that it is neither a number nor `drop`.
  const error = ({ input }: { readonly input?: unknown }): string => {
    const issues = typeof input === 'object' && input !== null ? (rule.safeParse(input).error?.issues ?? []) : [];
    const own = issues.map(({ path, message }) => [...path.map(String), message].join(': '));
    return own.length > 0
      ? own.join('; ')
      : 'expected a number of values, drop, or a map with max_values, buckets, regex or routes';
  };
  return z.union([z.int().min(0), z.literal('drop'), rule], { error });
}

function rewriteRule() {
  return z
    .strictObject({
      max_values: z.int().min(0).optional().describe('Values that keep their name, after what follows.'),
      buckets: z
        .array(z.number())
        .min(1)
        .optional()
        .describe('Ascending bounds: a number becomes the least bound that is not below it, or +Inf.'),
      regex: z.string().min(1).optional().describe('Every match of it is replaced.'),
      replacement: z.string().optional().describe('By this; $1 is the first group. Default: the overflow value.'),
      routes: z
        .union([z.literal('auto'), z.array(z.string().startsWith('/')).min(1)])
        .optional()
        .describe(
          'Templates for paths: {id} and * stand for a segment, ** for the rest; what matches none becomes the overflow value. ' +
            'auto replaces segments that look like ids.',
        ),
    })
    .check(({ value, issues }) => {
      const refuse = (key: string, message: string): void => {
        issues.push({ code: 'custom', input: value, path: [key], message });
      };
      const ways = (['buckets', 'regex', 'routes'] as const).filter((key) => value[key] !== undefined);
      if (ways.length > 1) refuse(ways[1]!, `"${ways[1]}" cannot stand beside "${ways[0]}"`);
      if (ways.length === 0 && value.max_values === undefined) refuse('max_values', 'the map says nothing');
      if (value.replacement !== undefined && value.regex === undefined)
        refuse('replacement', '"replacement" needs "regex"');
      if (value.buckets?.some((bound, i, all) => i > 0 && bound <= all[i - 1]!))
        refuse('buckets', 'bounds must ascend');
      if (value.regex !== undefined) {
        try {
          compileRegexp(value.regex);
        } catch (cause) {
          refuse('regex', `no regular expression: ${cause instanceof Error ? cause.message : String(cause)}`);
        }
      }
    });
}
