import type { AttributeSet } from './attribute-set.ts';
import type { DictionaryColumn, LogColumn } from './logs.ts';
import type { InstrumentationScope, Resource } from './series-table.ts';

/** What flows through a traces pipeline: columns; row i of each belongs to span i. Immutable. */
export interface SpanBatch {
  readonly signal: 'traces';
  readonly length: number;
  readonly resources: readonly Resource[];
  readonly resource: Uint32Array;
  readonly scopes: readonly InstrumentationScope[];
  readonly scope: Uint32Array;
  /** 16 bytes a row. */
  readonly traceIds: Uint8Array;
  /** 8 bytes a row. */
  readonly spanIds: Uint8Array;
  /** 8 bytes a row, zeros for a root span. */
  readonly parentSpanIds: Uint8Array;
  readonly traceState: DictionaryColumn;
  readonly name: DictionaryColumn;
  /** OTLP span kinds, 0…5. */
  readonly kind: Uint8Array;
  readonly startTime: BigUint64Array;
  readonly endTime: BigUint64Array;
  readonly attributes: ReadonlyMap<string, LogColumn>;
  /** OTLP status codes, 0…2. */
  readonly statusCode: Uint8Array;
  readonly statusMessage: DictionaryColumn;
  readonly flags: number | Uint32Array;
  readonly events: SpanEvents;
  readonly links: SpanLinks;
  /** Dropped attributes, events, links: three counts a row; absent when all are 0. */
  readonly dropped?: Uint32Array;
}

/** Events of all spans, sorted by span. */
export interface SpanEvents {
  readonly span: Uint32Array;
  readonly time: BigUint64Array;
  readonly name: DictionaryColumn;
  readonly attributes: readonly AttributeSet[];
}

/** Links of all spans, sorted by span. */
export interface SpanLinks {
  readonly span: Uint32Array;
  readonly traceIds: Uint8Array;
  readonly spanIds: Uint8Array;
  readonly traceState: DictionaryColumn;
  readonly attributes: readonly AttributeSet[];
}
