import type { AttributeSet } from './attribute-set.ts';

/** Dense handle of one series in its table, from 0, stable for the table's life. */
export type SeriesId = number;

/** Who or what the data is about. `bytes` is the OTLP `Resource` message and the identity, with `schemaUrl`. */
export interface Resource {
  readonly bytes: Uint8Array;
  readonly attributes: AttributeSet;
  readonly schemaUrl: string;
  /** Fields beside it in its `ResourceLogs` (`-Spans`, `-Metrics`) that OTLP does not know, as they came. */
  readonly envelope?: Uint8Array;
}

/** Who measured it. `bytes` is the OTLP `InstrumentationScope` message and the identity, with `schemaUrl`. */
export interface InstrumentationScope {
  readonly bytes: Uint8Array;
  readonly name: string;
  readonly version: string;
  readonly attributes: AttributeSet;
  readonly schemaUrl: string;
  /** Fields beside it in its `ScopeLogs` (`-Spans`, `-Metrics`) that OTLP does not know, as they came. */
  readonly envelope?: Uint8Array;
}

/**
 * Attribute sets with their resource and scope, each stored once. Grows only; values live in the points that refer to it.
 *
 *     points.ids ──▶ id 0: attributes, resource, scope
 *                    id 1: …
 *
 * What is computed from a series (label text, a filter's verdict) is computed once: see `perSeries`.
 */
export interface SeriesTable {
  readonly size: number;
  attributes(id: SeriesId): AttributeSet;
  resource(id: SeriesId): Resource;
  scope(id: SeriesId): InstrumentationScope;
}
