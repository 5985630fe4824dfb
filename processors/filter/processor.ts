import {
  type LogBatch,
  type MatchProperties,
  type Metric,
  mapMetrics,
  matchItems,
  matchProperties,
  type Scope,
  type SeriesVerdict,
  selectLogs,
  selectSpans,
  seriesSelector,
  type TransformProcessor,
} from 'bpflow/sdk';
import type { FilterConfig, LogMatch, MetricMatch } from './config.ts';
import { ruleFilter } from './rules.ts';

/** Drops what the configuration does not want. What is dropped is entered as `filtered` by the core, and counted as in the Collector. */
export function createFilterProcessor(config: FilterConfig, scope: Scope): TransformProcessor {
  const { metrics, logs, spans } = config;
  const log = matchItems(logs.include && logProperties(logs.include), logs.exclude && logProperties(logs.exclude));
  const span = matchItems(spans.include, spans.exclude);
  const filterMetric = metricFilter(metrics.include, metrics.exclude);
  const rules = ruleFilter(config.rules, config.unmatched);
  const count = counters(scope);
  const byRules = (metric: Metric | undefined) => (rules === undefined ? metric : metric && rules.metric(metric));
  return {
    transform: {
      metrics: (batch) => mapMetrics(batch, (metric) => count.metrics(metric, byRules(filterMetric(metric)))),
      logs: (batch) => {
        if (log === undefined && rules === undefined) return batch;
        const isKept = (row: number) => (log?.log(batch, row) ?? true) && (rules?.log(batch, row) ?? true);
        return count.logs(batch, selectLogs(batch, isKept));
      },
      traces: (batch) => {
        if (span === undefined && rules === undefined) return batch;
        const isKept = (row: number) => (span?.span(batch, row) ?? true) && (rules?.span(batch, row) ?? true);
        const kept = selectSpans(batch, isKept);
        count.spans(batch.length - (kept?.length ?? 0));
        return kept;
      },
    },
  };
}

type MetricFilter = (metric: Metric) => Metric | undefined;

/** A metric is excluded by its name or by its resource, whichever matches. */
function metricFilter(include: MetricMatch | undefined, exclude: MetricMatch | undefined): MetricFilter {
  const wanted = metricProperties(include, true, true);
  const filters = [
    wanted && selector(wanted, undefined),
    ...[metricProperties(exclude, true, false), metricProperties(exclude, false, true)].map(
      (unwanted) => unwanted && selector(undefined, unwanted),
    ),
  ].filter((filter) => filter !== undefined);
  return (metric) => {
    let kept: Metric | undefined = metric;
    for (const filter of filters) kept = kept && filter(kept);
    return kept;
  };
}

function selector(include: MatchProperties | undefined, exclude: MatchProperties | undefined): MetricFilter {
  const match = matchItems(include, exclude)!;
  const selectors = new Map<SeriesVerdict, ReturnType<typeof seriesSelector>>();
  return (metric) => {
    const verdict = match.series(metric);
    if (verdict === undefined) return undefined;
    let select = selectors.get(verdict);
    if (select === undefined) {
      select = seriesSelector(verdict);
      selectors.set(verdict, select);
    }
    return select(metric);
  };
}

function metricProperties(
  match: MetricMatch | undefined,
  byName: boolean,
  byResource: boolean,
): MatchProperties | undefined {
  const metric_names = byName ? (match?.metric_names ?? []) : [];
  const resources = byResource ? (match?.resource_attributes ?? []) : [];
  if (match === undefined || metric_names.length + resources.length === 0) return undefined;
  return matchProperties().parse({ match_type: match.match_type, metric_names, resources });
}

/** A match without properties is none, as in the Collector. */
function logProperties(match: LogMatch): MatchProperties | undefined {
  const { match_type, resource_attributes, record_attributes, severity_texts, severity_number, bodies } = match;
  const severity = severity_number !== undefined && severity_number.min > 0 ? severity_number : undefined;
  const lists = [resource_attributes, record_attributes, severity_texts, bodies];
  if (severity === undefined && lists.every((list) => list.length === 0)) return undefined;
  return matchProperties().parse({
    match_type,
    resources: resource_attributes,
    attributes: record_attributes,
    log_severity_texts: severity_texts,
    log_bodies: bodies,
    ...(severity && { log_severity_number: severity }),
  });
}

/** The Collector's counters of this processor; they pass on what was kept. */
function counters(scope: Scope) {
  const attributes = { filter: String(scope.id) };
  const counter = (item: string, what: string) =>
    scope.meter.createCounter(`otelcol_processor_filter_${item}_filtered`, {
      description: `Number of ${what} dropped by the filter processor.`,
      unit: '1',
    });
  const points = counter('datapoints', 'metric data points');
  const records = counter('logs', 'logs');
  const spans = counter('spans', 'spans');
  return {
    metrics(before: Metric, kept: Metric | undefined): Metric | undefined {
      const dropped = before.points.length - (kept?.points.length ?? 0);
      if (dropped > 0) points.add(dropped, attributes);
      return kept;
    },
    logs(before: LogBatch, kept: LogBatch | undefined): LogBatch | undefined {
      const dropped = before.length - (kept?.length ?? 0);
      if (dropped > 0) records.add(dropped, attributes);
      return kept;
    },
    spans(dropped: number): void {
      if (dropped > 0) spans.add(dropped, attributes);
    },
  };
}
