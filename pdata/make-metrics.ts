import type {
  ExponentialHistogram,
  ExponentialHistogramPoints,
  Gauge,
  Histogram,
  HistogramPoints,
  Metric,
  MetricBatch,
  MetricDefinition,
  MetricDescriptor,
  NumberPoints,
  Sum,
  Summary,
  SummaryPoints,
  Temporality,
} from './metrics.ts';
import type { SeriesTable } from './series-table.ts';

/** What a metric is called: a definition for metrics of our own, a descriptor for foreign ones. */
export type MetricNames = MetricDefinition | MetricDescriptor;

export function gauge(names: MetricNames, series: SeriesTable, points: NumberPoints): Gauge {
  return { ...describe(names), kind: 'gauge', series, points };
}

export function sum(
  names: MetricNames,
  series: SeriesTable,
  points: NumberPoints,
  options: { readonly monotonic: boolean; readonly temporality: Temporality },
): Sum {
  const { monotonic, temporality } = options;
  return { ...describe(names), kind: 'sum', series, points, monotonic, temporality };
}

export function histogram(
  names: MetricNames,
  series: SeriesTable,
  points: HistogramPoints,
  options: { readonly temporality: Temporality },
): Histogram {
  return { ...describe(names), kind: 'histogram', series, points, temporality: options.temporality };
}

export function exponentialHistogram(
  names: MetricNames,
  series: SeriesTable,
  points: ExponentialHistogramPoints,
  options: { readonly temporality: Temporality },
): ExponentialHistogram {
  return { ...describe(names), kind: 'exponential_histogram', series, points, temporality: options.temporality };
}

export function summary(names: MetricNames, series: SeriesTable, points: SummaryPoints): Summary {
  return { ...describe(names), kind: 'summary', series, points };
}

export function metricBatch(metrics: readonly Metric[]): MetricBatch {
  return { signal: 'metrics', metrics };
}

function describe(names: MetricNames): MetricDescriptor {
  const { name, unit, description } = names;
  if ('seedName' in names) return { name, unit, description, definition: names };
  return { name, unit, description, ...(names.definition && { definition: names.definition }) };
}
