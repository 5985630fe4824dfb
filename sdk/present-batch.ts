import { editAttributes } from '../pdata/edit-attributes.ts';
import { isEncoded } from '../pdata/encoded-batch.ts';
import { seriesMapper } from '../pdata/map-metrics.ts';
import type {
  Exemplars,
  HistogramPoints,
  Metric,
  MetricBatch,
  MetricDefinition,
  NumberPoints,
  SummaryPoints,
} from '../pdata/metrics.ts';
import { type Names, type Presentation, present } from './names.ts';

/**
 * The batch as others see it: metrics of our own under the names, units and attribute keys of a profile, with their values
 * scaled and correctly rounded, as if they were foreign (without `definition`). Foreign metrics stay as they are; so does
 * a batch that has no other. Exponential histograms keep the unit measured, since their bounds cannot be scaled. The same
 * series table gives the same derived table each time.
 */
export function presentBatch(batch: MetricBatch, names: Names): MetricBatch {
  if (isEncoded(batch) || batch.metrics.every((metric) => metric.definition === undefined)) return batch;
  return { signal: 'metrics', metrics: batch.metrics.map((metric) => presented(metric, names)) };
}

function presented(metric: Metric, names: Names): Metric {
  const { definition } = metric;
  if (definition === undefined) return metric;
  const presentation = present(metric, names);
  const { name, description } = presentation;
  // Bounds of exponential histograms are powers of two of the unit measured, which another unit does not have.
  const unit = metric.kind === 'exponential_histogram' ? metric.unit : presentation.unit;
  const { definition: _, ...rest } = scaled(metric, presentation);
  const shown = { ...rest, name, unit, description } as Metric;
  return names === 'seed' ? renamer(definition)(shown) : shown;
}

/** Renames attribute keys to the labels of the seed profile; remembers derived tables. */
function renamer(definition: MetricDefinition): <M extends Metric>(metric: M) => M {
  let rename = RENAMERS.get(definition.attributes);
  if (rename === undefined) {
    const labels = Object.entries(definition.attributes).filter(([key, label]) => key !== label);
    rename = seriesMapper((attributes) =>
      editAttributes(attributes, (editor) => {
        const values = labels.map(([key]) => editor.get(key));
        for (const [i, [key]] of labels.entries()) if (values[i] !== undefined) editor.delete(key);
        for (const [i, [, label]] of labels.entries()) if (values[i] !== undefined) editor.set(label, values[i]);
      }),
    );
    RENAMERS.set(definition.attributes, rename);
  }
  return rename;
}

/** By the attributes of a definition. A cache: what is in it is always what would be made again. */
const RENAMERS = new WeakMap<object, <M extends Metric>(metric: M) => M>();

function scaled(metric: Metric, { factor, scale }: Presentation): Metric {
  if (factor === 1) return metric;
  const column = (values: Float64Array | BigInt64Array): Float64Array =>
    Float64Array.from(values as ArrayLike<number | bigint>, (value) => scale(Number(value)));
  switch (metric.kind) {
    case 'gauge':
      return { ...metric, points: numbers(metric.points, column) };
    case 'sum':
      return { ...metric, points: numbers(metric.points, column) };
    case 'histogram':
      return { ...metric, points: histograms(metric.points, column) };
    case 'summary':
      return { ...metric, points: summaries(metric.points, column) };
    case 'exponential_histogram':
      return metric;
    default:
      return metric satisfies never;
  }
}

type Column = (values: Float64Array | BigInt64Array) => Float64Array;

function numbers(points: NumberPoints, column: Column): NumberPoints {
  return { ...points, integer: false, values: column(points.values), ...samples(points.exemplars, column) };
}

function histograms(points: HistogramPoints, column: Column): HistogramPoints {
  return {
    ...points,
    bounds: column(points.bounds),
    sums: column(points.sums),
    ...(points.min && { min: column(points.min) }),
    ...(points.max && { max: column(points.max) }),
    ...samples(points.exemplars, column),
  };
}

function summaries(points: SummaryPoints, column: Column): SummaryPoints {
  return { ...points, sums: column(points.sums), values: column(points.values) };
}

function samples(exemplars: Exemplars | undefined, column: Column): { readonly exemplars?: Exemplars } {
  return exemplars === undefined
    ? {}
    : { exemplars: { ...exemplars, integer: false, values: column(exemplars.values) } };
}
