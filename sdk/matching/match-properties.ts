import { z } from 'zod';
import type { ColumnSignal } from '../../pdata/signals.ts';
import { attributeMatchSettings } from './attribute-match.ts';
import { MATCH_TYPES } from './patterns.ts';

const texts = () => z.array(z.string()).default([]);

/** `include:` and `exclude:` as the Collector's processors have them. Every property that is given must match. */
export function matchProperties() {
  return z
    .strictObject({
      match_type: z
        .enum(MATCH_TYPES)
        .describe(
          'How texts are compared: strict (equal), regexp (found anywhere), glob (`*` and `?`, the whole text).',
        ),
      regexp: z
        .looseObject({})
        .optional()
        .describe('Options of a cache; accepted as in the Collector, without effect.'),
      services: texts().describe('Spans: service.name of the resource, one of these.'),
      span_names: texts().describe('Spans: the name, one of these.'),
      span_kinds: texts().describe(
        'Spans: the kind, one of SPAN_KIND_INTERNAL, _SERVER, _CLIENT, _PRODUCER, _CONSUMER.',
      ),
      log_bodies: texts().describe('Logs: the body as text, one of these.'),
      log_severity_texts: texts().describe('Logs: the severity text, one of these.'),
      log_severity_number: z
        .strictObject({
          min: z.int().min(0).max(24).describe('Lowest severity number that matches.'),
          match_undefined: z.boolean().default(false).describe('Whether records without a severity match.'),
        })
        .optional()
        .describe('Logs: the severity number.'),
      metric_names: texts().describe('Metrics: the name, one of these.'),
      attributes: attributeMatchSettings()
        .default([])
        .describe('Attributes of the span, record or data point, all of these.'),
      resources: attributeMatchSettings().default([]).describe('Attributes of the resource, all of these.'),
      libraries: z
        .array(
          z.strictObject({
            name: z.string().describe('Name of the instrumentation scope.'),
            version: z.string().optional().describe('Its version; without it any.'),
          }),
        )
        .default([])
        .describe('Instrumentation scopes: all of these must match, as in the Collector.'),
    })
    .check((context) => {
      const { regexp: _, match_type, log_severity_number, ...lists } = context.value;
      for (const [i, kind] of lists.span_kinds.entries()) {
        if (match_type !== 'strict' || SPAN_KINDS.indexOf(kind) > 0) continue;
        const message = `unknown span kind ${JSON.stringify(kind)}; use one of ${SPAN_KINDS.slice(1).join(', ')}`;
        context.issues.push({ code: 'custom', input: kind, path: ['span_kinds', i], message });
      }
      const empty = log_severity_number === undefined && Object.values(lists).every((list) => list.length === 0);
      if (!empty) return;
      const message =
        'at least one property to match must be specified: attributes, resources, libraries, metric_names, span_names, span_kinds, services, log_bodies, log_severity_texts or log_severity_number';
      context.issues.push({ code: 'custom', input: context.value, message });
    });
}

export type MatchProperties = z.output<ReturnType<typeof matchProperties>>;

/** Names of OTLP's span kinds, by number. */
export const SPAN_KINDS = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'].map(
  (kind) => `SPAN_KIND_${kind}`,
);

/** The first property that is given and says nothing of items of this signal; undefined when there is none. */
export function strangeProperty(properties: MatchProperties, signal: ColumnSignal): keyof MatchProperties | undefined {
  const isGiven = (key: keyof MatchProperties): boolean => {
    const value = properties[key];
    return Array.isArray(value) ? value.length > 0 : value !== undefined;
  };
  return STRANGE[signal].find(isGiven);
}

const OF_LOGS = ['log_bodies', 'log_severity_texts', 'log_severity_number'] as const;
const OF_SPANS = ['span_names', 'span_kinds'] as const;
const STRANGE: Readonly<Record<ColumnSignal, readonly (keyof MatchProperties)[]>> = {
  metrics: [...OF_LOGS, ...OF_SPANS],
  logs: [...OF_SPANS, 'metric_names'],
  traces: [...OF_LOGS, 'metric_names'],
};

/** `include` and `exclude` side by side, as fields of a strictObject. */
export function includeExclude() {
  return {
    include: matchProperties().optional().describe('Only what matches this; everything without it.'),
    exclude: matchProperties().optional().describe('Of that, what does not match this.'),
  };
}
