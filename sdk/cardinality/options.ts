import type { AttributeValue } from '../../pdata/attributes.ts';

/** Who keeps a name when there are more than the budget allows: who came first, or the largest of late. */
export type Strategy = 'first_come' | 'heavy_hitters';

/** What the value of a folded gauge is, of the last values of the series that went into it. */
export type GaugeAggregation = 'sum' | 'min' | 'max' | 'mean' | 'last';

/** What becomes of one attribute. */
export interface AttributeLimit {
  /** The attribute is taken out. */
  readonly drop?: boolean;
  /** Makes few values of many, before they are counted. Must give the same for the same value. */
  readonly rewrite?: (value: AttributeValue) => AttributeValue;
  /** Values that keep their name; the others become the overflow value. */
  readonly maxValues?: number;
}

/** The budget of a metric. */
export interface MetricLimit {
  /** Series at any time, those included that others were folded into. At least 1. */
  readonly maxSeries: number;
  readonly strategy: Strategy;
  readonly gauges: GaugeAggregation;
  readonly attributes: ReadonlyMap<string, AttributeLimit>;
}

export interface CardinalityOptions {
  /** The budget of a metric, by its names: the OTel name and, for our own, the seed name. */
  readonly limitOf: (names: readonly string[]) => MetricLimit;
  /** Series of one resource, over all metrics. */
  readonly maxSeriesPerResource: number;
  /** Series of all metrics. The last resort of a metric, its overflow series, comes on top. */
  readonly maxTotalSeries: number;
  /** Metrics that are told apart; the points of further ones are dropped. */
  readonly maxMetrics: number;
  /** Series behind folded gauges whose last value is remembered, for each metric. */
  readonly maxGaugeSources: number;
  /** A series that was silent for so long gives its place up, ms. */
  readonly idleTimeoutMs: number;
  /** Stands for all values without a name. */
  readonly overflowValue: string;
}

/** Places that are kept even of small budgets, as long as that is not more than half. */
const MIN_RESERVE = 8;

/**
 * Places of a budget that only folded series may take, so that those that still tell the attributes apart which do not explode
 * find room when the budget is used up: a tenth, of small budgets more.
 */
export function reserveOf(budget: number): number {
  if (!Number.isFinite(budget)) return 0;
  return Math.max(Math.ceil(budget / 10), Math.min(MIN_RESERVE, Math.floor(budget / 2)));
}
