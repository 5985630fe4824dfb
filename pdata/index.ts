export * from './attribute-set.ts';
export * from './attributes.ts';
export { attributeSet, attributeSetFromBytes, EMPTY_ATTRIBUTES } from './encoded-attributes.ts';
export {
  type BucketRun,
  ExponentialHistogramPointsBuilder,
  type ExponentialValue,
} from './exponential-points-builder.ts';
export { HistogramPointsBuilder } from './histogram-points-builder.ts';
export * from './logs.ts';
export * from './make-metrics.ts';
export * from './metrics.ts';
export * from './number-points-builder.ts';
export * from './per-series.ts';
export * from './resource.ts';
export * from './series-interner.ts';
export * from './series-table.ts';
export * from './signals.ts';
export * from './traces.ts';
