export * from './attribute-set.ts';
export * from './attributes.ts';
export * from './batches.ts';
export { concatMetrics, splitMetrics } from './concat-metrics.ts';
export { type AttributeEditor, editAttributeColumns, editAttributes } from './edit-attributes.ts';
export { attributeSet, attributeSetFromBytes, EMPTY_ATTRIBUTES } from './encoded-attributes.ts';
export { type EncodedBatch, encodedParts, isEncoded } from './encoded-batch.ts';
export {
  type BucketRun,
  ExponentialHistogramPointsBuilder,
  type ExponentialValue,
} from './exponential-points-builder.ts';
export { HistogramPointsBuilder } from './histogram-points-builder.ts';
export * from './log-builder.ts';
export { columnValue } from './log-columns.ts';
export { logRecord, logRecords, selectLogs } from './log-records.ts';
export * from './logs.ts';
export * from './make-metrics.ts';
export * from './map-metrics.ts';
export { mapResources } from './map-resources.ts';
export * from './metrics.ts';
export * from './number-points-builder.ts';
export { OtlpDecoder } from './otlp/decoder.ts';
export { encodeOtlp, encodeOtlpJson } from './otlp/encoder.ts';
export { otlpFromJson } from './otlp/json-decode.ts';
export { otlpToJson } from './otlp/json-encode.ts';
export { OtlpJsonError } from './otlp/json-error.ts';
export { WrittenLists } from './otlp/json-written.ts';
export { WireError, WireReader, WireWriter } from './otlp/wire.ts';
export * from './per-series.ts';
export { concatLogs, splitLogs } from './pick-logs.ts';
export { concatSpans, selectSpans, splitSpans } from './pick-spans.ts';
export * from './points.ts';
export * from './resource.ts';
export { isUnchanged, NOT_SENT, type RowBatch, type SentRows } from './sent-rows.ts';
export * from './series-interner.ts';
export * from './series-table.ts';
export * from './signals.ts';
export * from './span-builder.ts';
export { spanRecord, spanRecords } from './span-records.ts';
export { TemporalityConverter, type TemporalityConverterOptions } from './temporality/converter.ts';
export type { DropReason } from './temporality/series-stream.ts';
export * from './traces.ts';
