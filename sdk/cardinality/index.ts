export {
  type AttributeReport,
  CardinalityLimiter,
  type DropReason as CardinalityDropReason,
  type LimitedBatch,
  type MetricReport,
} from './cardinality-limiter.ts';
export { ColumnLimiter, type ColumnLimiterOptions } from './column-limiter.ts';
export { CumulativeFolder, type CumulativeFolderOptions, type Folded } from './cumulative-folder.ts';
export {
  type AttributeLimit,
  type CardinalityOptions,
  type GaugeAggregation,
  type MetricLimit,
  reserveOf,
  type Strategy,
} from './options.ts';
export { type MetricTally, SeriesTally } from './series-tally.ts';
