import type { AttributeReport, Scope } from 'bpflow/sdk';
import type { Report } from './processor.ts';

/** Attributes of a metric that are shown, those with the most values first. */
const TOP_ATTRIBUTES = 5;

/** Metrics whose attributes are shown, those with the most series first. */
const TOP_METRICS = 100;

/** Publishes the view `cardinality` and the processor's metrics. */
export function observe(scope: Scope, report: () => Report): void {
  const whose = { processor: String(scope.id), ...(scope.pipeline !== undefined && { pipeline: scope.pipeline }) };
  scope.inspect('cardinality', report);
  const { meter } = scope;
  const total = meter.createObservableGauge('bpflow_cardinality_limit_total_series', {
    description: 'Series of all metrics behind the cardinality limit.',
    unit: '{series}',
  });
  const series = meter.createObservableGauge('bpflow_cardinality_limit_series', {
    description: 'Series of a metric behind the cardinality limit.',
    unit: '{series}',
  });
  const folded = meter.createObservableCounter('bpflow_cardinality_limit_folded', {
    description: 'Number of points, records and spans whose value of an attribute was replaced by the overflow value.',
    unit: '{item}',
  });
  const values = meter.createObservableGauge('bpflow_cardinality_limit_attribute_values', {
    description: 'About how many values of an attribute came, for the attributes of a metric that have the most.',
    unit: '{value}',
  });
  meter.addBatchObservableCallback(
    (result) => {
      const now = report();
      result.observe(total, now.series, whose);
      const show = (labels: Readonly<Record<string, string>>, attributes: readonly AttributeReport[]): void => {
        for (const { attribute, folded: count } of attributes) {
          if (count > 0) result.observe(folded, count, { ...labels, attribute });
        }
      };
      const showTop = (labels: Readonly<Record<string, string>>, attributes: readonly AttributeReport[]): void => {
        for (const { attribute, values: count } of attributes.slice(0, TOP_ATTRIBUTES)) {
          result.observe(values, count, { ...labels, attribute });
        }
      };
      for (const [i, { metric, series: count, attributes }] of now.metrics.entries()) {
        const labels = { ...whose, metric };
        show(labels, attributes);
        if (i >= TOP_METRICS) continue;
        result.observe(series, count, labels);
        showTop(labels, attributes);
      }
      for (const [signal, attributes] of Object.entries({ logs: now.logs, traces: now.spans })) {
        show({ ...whose, signal }, attributes);
        showTop({ ...whose, signal }, attributes);
      }
    },
    [total, series, folded, values],
  );
}
