import type { Attributes } from '../../pdata/attributes.ts';
import type { Metric, MetricBatch, StatedTemporality } from '../../pdata/metrics.ts';
import { type AnyPoint, points } from '../../pdata/points.ts';

/** One data point with all that is said of it, for `deepEqual`. What is empty, 0 or not known is left out. */
export interface PointRow {
  readonly name: string;
  readonly unit?: string;
  readonly kind: Metric['kind'];
  readonly temporality?: StatedTemporality;
  readonly monotonic?: boolean;
  readonly attributes: Attributes;
  readonly resource?: Attributes;
  readonly scope?: string;
  readonly time?: bigint;
  readonly startTime?: bigint;
  readonly flags?: number;
  readonly value?: number | bigint;
  readonly count?: number;
  readonly sum?: number;
  readonly min?: number;
  readonly max?: number;
  readonly bounds?: readonly number[];
  readonly counts?: readonly number[];
  readonly scale?: number;
  readonly zeroCount?: number;
  readonly zeroThreshold?: number;
  readonly positive?: { readonly offset: number; readonly counts: readonly number[] };
  readonly negative?: { readonly offset: number; readonly counts: readonly number[] };
  readonly quantiles?: readonly { readonly quantile: number; readonly value: number }[];
}

/** Every point of a batch, or of several, as a plain row, in order. */
export function metricsOf(...batches: readonly MetricBatch[]): PointRow[] {
  return batches.flatMap(({ metrics }) =>
    metrics.flatMap((metric) => Array.from(points(metric), (point) => rowOf(metric, point))),
  );
}

function rowOf(metric: Metric, point: AnyPoint): PointRow {
  const { attributes, resource, scope, time, startTime, flags } = point;
  return {
    name: metric.name,
    ...(metric.unit !== '' && { unit: metric.unit }),
    kind: metric.kind,
    ...('temporality' in metric && { temporality: metric.temporality }),
    ...('monotonic' in metric && { monotonic: metric.monotonic }),
    attributes: attributes.toObject(),
    ...(resource.attributes.size > 0 && { resource: resource.attributes.toObject() }),
    ...(scope.name !== '' && { scope: scope.name }),
    ...(time !== 0n && { time }),
    ...(startTime !== 0n && { startTime }),
    ...(flags !== 0 && { flags }),
    ...valuesOf(point),
  };
}

function valuesOf(point: AnyPoint): Partial<PointRow> {
  if ('value' in point) return { value: point.value };
  const shared = { count: point.count, ...known('sum', point.sum) };
  if ('quantiles' in point) return { ...shared, quantiles: point.quantiles };
  const distribution = { ...shared, ...known('min', point.min), ...known('max', point.max) };
  if ('bounds' in point) return { ...distribution, bounds: [...point.bounds], counts: [...point.counts] };
  const { scale, zeroCount, zeroThreshold, positive, negative } = point;
  return {
    ...distribution,
    scale,
    ...(zeroCount > 0 && { zeroCount }),
    ...(zeroThreshold > 0 && { zeroThreshold }),
    ...(positive.counts.length > 0 && { positive: { offset: positive.offset, counts: [...positive.counts] } }),
    ...(negative.counts.length > 0 && { negative: { offset: negative.offset, counts: [...negative.counts] } }),
  };
}

function known(key: 'sum' | 'min' | 'max', value: number): Partial<PointRow> {
  return Number.isNaN(value) ? {} : { [key]: value };
}
