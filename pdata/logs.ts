import type { AttributeSet } from './attribute-set.ts';
import type { AttributeValue } from './attributes.ts';
import type { TimeColumn } from './metrics.ts';
import type { SentRows } from './sent-rows.ts';
import type { InstrumentationScope, Resource } from './series-table.ts';

/** A column of strings: row i is `words[codes[i]]`. */
export interface DictionaryColumn {
  readonly codes: Uint32Array;
  readonly words: readonly string[];
}

/**
 * One attribute over all rows of a batch; a row without it is marked absent.
 * `encoded` carries foreign values as the OTLP bytes of their AnyValue, so that nothing is lost; `sparse` does so where few rows
 * have one.
 */
export type LogColumn =
  | { readonly kind: 'int'; readonly values: Float64Array; readonly present?: Uint8Array }
  | { readonly kind: 'double'; readonly values: Float64Array; readonly present?: Uint8Array }
  | { readonly kind: 'bool'; readonly values: Uint8Array; readonly present?: Uint8Array }
  | { readonly kind: 'string'; readonly values: DictionaryColumn; readonly present?: Uint8Array }
  | { readonly kind: 'encoded'; readonly values: readonly (Uint8Array | undefined)[] }
  | {
      readonly kind: 'sparse';
      /** The rows that have a value, ascending. */
      readonly rows: Uint32Array;
      /** The value of each of them. */
      readonly values: readonly Uint8Array[];
    };

/** What flows through a logs pipeline: columns; row i of each belongs to record i. Immutable. */
export interface LogBatch {
  readonly signal: 'logs';
  readonly length: number;
  readonly resources: readonly Resource[];
  /** Row → index in `resources`. */
  readonly resource: Uint32Array;
  readonly scopes: readonly InstrumentationScope[];
  /** Row → index in `scopes`. */
  readonly scope: Uint32Array;
  readonly time: TimeColumn;
  readonly observedTime: TimeColumn;
  /** OTLP severity numbers, 0 for none. */
  readonly severity: Uint8Array;
  readonly severityText: DictionaryColumn;
  readonly eventName: DictionaryColumn;
  readonly body: LogColumn;
  readonly attributes: ReadonlyMap<string, LogColumn>;
  readonly droppedAttributes?: Uint32Array;
  readonly flags: number | Uint32Array;
  /** 16 bytes a row, zeros for none. */
  readonly traceIds?: Uint8Array;
  /** 8 bytes a row, zeros for none. */
  readonly spanIds?: Uint8Array;
  /** The bytes that the records came in, if they did. */
  readonly sent?: SentRows;
}

/** One record read out of the columns; made on demand, for authors who prefer an object. */
export interface LogRecord {
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
  readonly time: bigint;
  readonly observedTime: bigint;
  readonly severity: number;
  readonly severityText: string;
  readonly eventName: string;
  readonly body: AttributeValue | undefined;
  readonly attributes: AttributeSet;
  readonly droppedAttributes: number;
  readonly flags: number;
  readonly traceId: string;
  readonly spanId: string;
}
