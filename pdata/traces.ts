import type { AttributeSet } from './attribute-set.ts';
import type { DictionaryColumn, LogColumn } from './logs.ts';
import type { SentRows } from './sent-rows.ts';
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
  /** The bytes that the spans came in, if they did. */
  readonly sent?: SentRows;
}

/** Events of all spans, sorted by span. */
export interface SpanEvents {
  readonly span: Uint32Array;
  readonly time: BigUint64Array;
  readonly name: DictionaryColumn;
  readonly attributes: readonly AttributeSet[];
  /** Attributes that were dropped, of each; absent when all are 0. */
  readonly dropped?: Uint32Array;
}

/** Links of all spans, sorted by span. */
export interface SpanLinks {
  readonly span: Uint32Array;
  readonly traceIds: Uint8Array;
  readonly spanIds: Uint8Array;
  readonly traceState: DictionaryColumn;
  readonly attributes: readonly AttributeSet[];
  /** Attributes that were dropped, of each; absent when all are 0. */
  readonly dropped?: Uint32Array;
  /** Trace flags of each; absent when all are 0. */
  readonly flags?: Uint32Array;
}

/** One span read out of the columns; made on demand, for authors who prefer an object. */
export interface SpanRecord {
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
  /** Hex digits; empty for none. */
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly name: string;
  /** OTLP span kinds, 0…5. */
  readonly kind: number;
  /** ns since 1970. */
  readonly startTime: bigint;
  readonly endTime: bigint;
  readonly attributes: AttributeSet;
  /** OTLP status codes, 0…2. */
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly flags: number;
  readonly events: readonly SpanEvent[];
  readonly links: readonly SpanLink[];
  readonly droppedAttributes: number;
  readonly droppedEvents: number;
  readonly droppedLinks: number;
}

export interface SpanEvent {
  /** ns since 1970. */
  readonly time: bigint;
  readonly name: string;
  readonly attributes: AttributeSet;
  readonly droppedAttributes: number;
}

export interface SpanLink {
  /** Hex digits; empty for none. */
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState: string;
  readonly attributes: AttributeSet;
  readonly droppedAttributes: number;
  readonly flags: number;
}
