export {
  type AttributeReport,
  CardinalityLimiter,
  type DropReason as CardinalityDropReason,
  type LimitedBatch,
  type MetricReport,
} from './cardinality-limiter.ts';
export { ColumnLimiter, type ColumnLimiterOptions } from './column-limiter.ts';
export type { AttributeLimit, CardinalityOptions, GaugeAggregation, MetricLimit, Strategy } from './options.ts';
export { type MetricTally, SeriesTally } from './series-tally.ts';
