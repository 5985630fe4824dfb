import { attributeMatchSettings, includeExclude, MATCH_TYPES, strangeProperty, z } from 'bpflow/sdk';
import { ruleSettings } from './rule-config.ts';
import { severitySetting } from './severity.ts';

/** Configuration of the `filter` processor: the Collector's keys other than its conditions in OTTL, and rules of ours. */
export const filterConfig = z.strictObject({
  error_mode: z
    .enum(['propagate', 'ignore', 'silent'])
    .default('propagate')
    .describe('Accepted as in the Collector: it concerns conditions in OTTL.'),
  metrics: z
    .strictObject({
      include: metricMatch().optional().describe('Only metrics that match this.'),
      exclude: metricMatch().optional().describe('No metrics whose name, and no series whose resource, matches this.'),
      regexp: z
        .looseObject({})
        .optional()
        .describe('Options of a cache; accepted as in the Collector, without effect.'),
      resource: conditions(),
      metric: conditions(),
      datapoint: conditions(),
    })
    .prefault({})
    .describe('Which metrics go on.'),
  logs: z
    .strictObject({
      include: logMatch().optional().describe('Only records that match this.'),
      exclude: logMatch().optional().describe('Of those, none that match this.'),
      resource: conditions(),
      log_record: conditions(),
    })
    .prefault({})
    .describe('Which log records go on.'),
  spans: z
    .strictObject(includeExclude())
    .prefault({})
    .superRefine((spans, context) => {
      for (const side of ['include', 'exclude'] as const) {
        const match = spans[side];
        const key = match && strangeProperty(match, 'traces');
        if (key === undefined) continue;
        const message = `${key} should not be specified for trace spans`;
        context.addIssue({ code: 'custom', path: [side, key], message });
      }
    })
    .describe('Which spans go on.'),
  traces: z
    .strictObject({ resource: conditions(), span: conditions(), spanevent: conditions() })
    .optional()
    .describe('Conditions in OTTL; use `spans`.'),
  rules: z
    .array(ruleSettings())
    .max(1000)
    .default([])
    .describe('Of what include and exclude leave: the first rule that matches an item decides. A key of bpflow.'),
  unmatched: z.enum(['keep', 'drop']).default('keep').describe('What happens to items that no rule matches.'),
  metric_conditions: conditions(),
  log_conditions: conditions(),
  trace_conditions: conditions(),
});

export type FilterConfig = z.output<typeof filterConfig>;
export type MetricMatch = z.output<ReturnType<typeof metricMatch>>;
export type LogMatch = z.output<ReturnType<typeof logMatch>>;

function metricMatch() {
  return z.strictObject({
    match_type: matchType(),
    regexp: z.looseObject({}).optional().describe('Options of a cache; accepted as in the Collector, without effect.'),
    metric_names: z.array(z.string()).default([]).describe('The name is one of these. OpenTelemetry names.'),
    resource_attributes: attributeMatchSettings().default([]).describe('The resource has all of these.'),
    expressions: z
      .array(z.string())
      .max(0, 'expressions are not supported; use metric_names and resource_attributes')
      .default([])
      .describe('Refused: the language expr is not supported.'),
  });
}

function logMatch() {
  return z.strictObject({
    match_type: matchType(),
    resource_attributes: attributeMatchSettings().default([]).describe('The resource has all of these.'),
    record_attributes: attributeMatchSettings().default([]).describe('The record has all of these.'),
    severity_texts: z.array(z.string()).default([]).describe('The severity text is one of these.'),
    severity_number: z
      .strictObject({
        min: severitySetting()
          .prefault('')
          .describe(
            'Lowest severity that matches: TRACE, DEBUG, INFO, WARN, ERROR, FATAL, each also with 2, 3 or 4 behind, or 1 to 24.',
          ),
        match_undefined: z.boolean().default(false).describe('Whether records without a severity match.'),
      })
      .optional()
      .describe('The severity.'),
    bodies: z.array(z.string()).default([]).describe('The body as text is one of these.'),
  });
}

function matchType() {
  return z
    .string()
    .pipe(
      z.enum(MATCH_TYPES, {
        error: ({ input }) =>
          input === 'expr'
            ? 'match_type expr is not supported; use strict, regexp or glob'
            : `unrecognized match_type: '${input}', valid types are: [regexp strict glob]`,
      }),
    )
    .describe('How texts are compared: strict (equal), regexp (found anywhere), glob (`*` and `?`, the whole text).');
}

/** A list of conditions in OTTL, which must be empty. */
function conditions() {
  return z
    .array(z.unknown())
    .max(0, 'conditions in OTTL are not supported; use include and exclude')
    .optional()
    .describe('Refused: conditions in OTTL are not supported; use include and exclude.');
}
