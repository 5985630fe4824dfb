import { columnValue } from '../../pdata/log-columns.ts';
import type { LogBatch, LogColumn } from '../../pdata/logs.ts';
import type { SeriesVerdict } from '../../pdata/map-metrics.ts';
import type { Metric } from '../../pdata/metrics.ts';
import type { InstrumentationScope, Resource } from '../../pdata/series-table.ts';
import type { SpanBatch } from '../../pdata/traces.ts';
import { attributeMatcher } from './attribute-match.ts';
import { type MatchProperties, SPAN_KINDS } from './match-properties.ts';
import { textMatcher } from './patterns.ts';
import { valueText } from './values.ts';

/** Which items a processor is for: those that match `include` and do not match `exclude`. */
export interface ItemMatch {
  readonly log: (batch: LogBatch, row: number) => boolean;
  readonly span: (batch: SpanBatch, row: number) => boolean;
  /** Which series of the metric match; undefined for none. One of few functions, so that what is computed by them can be kept. */
  readonly series: (metric: Metric) => SeriesVerdict | undefined;
}

/** Compiles what a configuration says. Undefined when it says nothing: everything is meant. Throws SyntaxError for a bad pattern. */
export function matchItems(
  include: MatchProperties | undefined,
  exclude: MatchProperties | undefined,
): ItemMatch | undefined {
  if (include === undefined && exclude === undefined) return undefined;
  const wanted = include && compile(include);
  const unwanted = exclude && compile(exclude);
  const included: SeriesVerdict = (...series) => wanted?.series(...series) ?? true;
  const notExcluded: SeriesVerdict = (...series) => included(...series) && !unwanted!.series(...series);
  return {
    log: (batch, row) => (wanted?.log(batch, row) ?? true) && !(unwanted?.log(batch, row) ?? false),
    span: (batch, row) => (wanted?.span(batch, row) ?? true) && !(unwanted?.span(batch, row) ?? false),
    series({ name }) {
      if (wanted?.metricName(name) === false) return undefined;
      return unwanted?.metricName(name) ? notExcluded : included;
    },
  };
}

interface Compiled {
  readonly log: (batch: LogBatch, row: number) => boolean;
  readonly span: (batch: SpanBatch, row: number) => boolean;
  readonly metricName: (name: string) => boolean;
  readonly series: SeriesVerdict;
}

function compile(properties: MatchProperties): Compiled {
  const { match_type: type, log_severity_number: severity } = properties;
  const oneOf = (list: readonly string[]): ((text: string) => boolean) =>
    list.length === 0 ? () => true : textMatcher(list, type);
  const bodies = oneOf(properties.log_bodies);
  const severityTexts = oneOf(properties.log_severity_texts);
  const names = oneOf(properties.span_names);
  const kinds = oneOf(properties.span_kinds);
  const metricName = oneOf(properties.metric_names);
  const attributes = attributeMatcher(properties.attributes, type);
  const resource = perObject(resourceMatcher(properties));
  const scope = perObject(scopeMatcher(properties));
  const severityMatches = (value: number): boolean => {
    if (severity === undefined) return true;
    return value === 0 ? severity.match_undefined : value >= severity.min;
  };
  return {
    log: (batch, row) =>
      resource(batch.resources[batch.resource[row]!]!) &&
      scope(batch.scopes[batch.scope[row]!]!) &&
      severityMatches(batch.severity[row]!) &&
      severityTexts(batch.severityText.words[batch.severityText.codes[row]!]!) &&
      (properties.log_bodies.length === 0 || bodies(valueText(columnValue(batch.body, row)))) &&
      attributes(rowGetter(batch.attributes, row)),
    span: (batch, row) =>
      resource(batch.resources[batch.resource[row]!]!) &&
      scope(batch.scopes[batch.scope[row]!]!) &&
      names(batch.name.words[batch.name.codes[row]!]!) &&
      kinds(SPAN_KINDS[batch.kind[row]!] ?? '') &&
      attributes(rowGetter(batch.attributes, row)),
    metricName,
    series: (set, itsResource, itsScope) =>
      resource(itsResource) && scope(itsScope) && attributes((key) => set.get(key)),
  };
}

function rowGetter(columns: ReadonlyMap<string, LogColumn>, row: number) {
  return (key: string) => {
    const column = columns.get(key);
    return column === undefined ? undefined : columnValue(column, row);
  };
}

function resourceMatcher({ resources, services, match_type }: MatchProperties): (resource: Resource) => boolean {
  const attributes = attributeMatcher(resources, match_type);
  const service = services.length === 0 ? undefined : textMatcher(services, match_type);
  return (resource) =>
    attributes((key) => resource.attributes.get(key)) &&
    (service === undefined || service(valueText(resource.attributes.get('service.name') ?? '<nil-service-name>')));
}

function scopeMatcher({ libraries, match_type }: MatchProperties): (scope: InstrumentationScope) => boolean {
  const tests = libraries.map(({ name, version }) => ({
    name: textMatcher([name], match_type),
    version: version === undefined ? undefined : textMatcher([version], match_type),
  }));
  return (scope) => tests.every(({ name, version }) => name(scope.name) && (version?.(scope.version) ?? true));
}

/** A verdict that is found once for each object. */
function perObject<T extends object>(verdict: (object: T) => boolean): (object: T) => boolean {
  const verdicts = new WeakMap<T, boolean>();
  return (object) => {
    let known = verdicts.get(object);
    if (known === undefined) {
      known = verdict(object);
      verdicts.set(object, known);
    }
    return known;
  };
}
