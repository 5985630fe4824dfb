import type { MetricReport, MetricTally } from '../../../sdk/cardinality/index.ts';
import type { Probe } from './probe.ts';

/** A number without any budget, under the present configuration, and with half of each budget. */
export interface Compared {
  readonly before: number;
  readonly now: number;
  readonly half: number;
}

export interface AttributeEstimate {
  readonly attribute: string;
  /** Distinct values. */
  readonly values: Compared;
  /** Points whose value was replaced. */
  readonly folded: Omit<Compared, 'before'>;
}

export interface MetricEstimate {
  readonly metric: string;
  /** Points that came. */
  readonly points: number;
  /** Distinct series. */
  readonly series: Compared;
  /** Those with the most values first. */
  readonly attributes: readonly AttributeEstimate[];
}

export interface PipelineEstimate {
  readonly pipeline: string;
  /** Id of the processor that limits; null where none does. */
  readonly processor: string | null;
  readonly points: number;
  readonly series: Compared;
  /** Those with the most series first. */
  readonly metrics: readonly MetricEstimate[];
}

export function estimateOf(probe: Probe): PipelineEstimate {
  const now = byMetric(probe.now.metrics());
  const half = byMetric(probe.half.metrics());
  const folds = { now: foldsOf(probe.reports.now()), half: foldsOf(probe.reports.half()) };
  const metrics = probe.before.metrics().map(({ metric, points, series, values }): MetricEstimate => {
    const names = [...values.keys()];
    const valuesOf = (tally: MetricTally | undefined, name: string): number => tally?.values.get(name) ?? 0;
    const attributes = names.map((attribute) => ({
      attribute,
      values: {
        before: values.get(attribute)!,
        now: valuesOf(now.get(metric), attribute),
        half: valuesOf(half.get(metric), attribute),
      },
      folded: { now: folds.now(metric, attribute), half: folds.half(metric, attribute) },
    }));
    return {
      metric,
      points,
      series: { before: series, now: now.get(metric)?.series ?? 0, half: half.get(metric)?.series ?? 0 },
      attributes: attributes.sort((a, b) => b.values.before - a.values.before),
    };
  });
  return {
    pipeline: probe.pipeline,
    processor: probe.processor ?? null,
    points: metrics.reduce((sum, { points }) => sum + points, 0),
    series: {
      before: metrics.reduce((sum, { series }) => sum + series.before, 0),
      now: metrics.reduce((sum, { series }) => sum + series.now, 0),
      half: metrics.reduce((sum, { series }) => sum + series.half, 0),
    },
    metrics: metrics.sort((a, b) => b.series.before - a.series.before),
  };
}

function byMetric(tallies: readonly MetricTally[]): ReadonlyMap<string, MetricTally> {
  return new Map(tallies.map((tally) => [tally.metric, tally]));
}

function foldsOf(reports: readonly MetricReport[]): (metric: string, attribute: string) => number {
  const folded = new Map<string, number>();
  for (const { metric, attributes } of reports) {
    for (const report of attributes) {
      const key = `${metric}\0${report.attribute}`;
      folded.set(key, (folded.get(key) ?? 0) + report.folded);
    }
  }
  return (metric, attribute) => folded.get(`${metric}\0${attribute}`) ?? 0;
}
