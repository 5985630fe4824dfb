import type { AttributeSet } from './attribute-set.ts';
import type { Attributes } from './attributes.ts';
import { attributeSet } from './encoded-attributes.ts';
import { WordsBuilder } from './log-column-builder.ts';
import {
  AttributeColumns,
  BatchBuilder,
  checkValue,
  hexBytes,
  type Origin,
  plainAttributes,
  References,
  type RowColumns,
} from './row-builder.ts';
import type { InstrumentationScope, Resource } from './series-table.ts';
import type { SpanBatch, SpanEvents, SpanLinks } from './traces.ts';

/** A span to add. */
export interface NewSpan {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** 16 hex digits; empty (the default) for a root span. */
  readonly parentSpanId?: string;
  /** In the form of W3C Trace Context. */
  readonly traceState?: string;
  readonly name: string;
  /** OTLP span kind: 0 unspecified (the default), 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind?: number;
  /** ns since 1970. */
  readonly startTime: bigint;
  readonly endTime: bigint;
  readonly attributes?: Attributes | AttributeSet;
  /** OTLP status code: 0 unset (the default), 1 ok, 2 error. */
  readonly statusCode?: number;
  readonly statusMessage?: string;
  /** Trace flags, in the lowest 8 bits. */
  readonly flags?: number;
  readonly events?: readonly NewSpanEvent[];
  readonly links?: readonly NewSpanLink[];
  /** What was dropped before. */
  readonly droppedAttributes?: number;
  readonly droppedEvents?: number;
  readonly droppedLinks?: number;
  readonly resource?: Resource;
  readonly scope?: InstrumentationScope;
}

export interface NewSpanEvent {
  /** ns since 1970. */
  readonly time: bigint;
  readonly name: string;
  readonly attributes?: Attributes | AttributeSet;
  readonly droppedAttributes?: number;
}

export interface NewSpanLink {
  /** 32 and 16 hex digits. */
  readonly traceId: string;
  readonly spanId: string;
  readonly traceState?: string;
  readonly attributes?: Attributes | AttributeSet;
  readonly droppedAttributes?: number;
  readonly flags?: number;
}

/** Collects spans into the columns of a batch. Reusable. */
export class SpanBuilder extends BatchBuilder<NewSpan, SpanBatch> {
  /** What is given here counts for spans that do not say otherwise. */
  constructor(defaults: Pick<NewSpan, 'resource' | 'scope'> = {}) {
    super(() => new Rows(), defaults);
  }
}

class Rows implements RowColumns<NewSpan, SpanBatch> {
  length = 0;
  readonly #traceIds: Uint8Array[] = [];
  readonly #spanIds: Uint8Array[] = [];
  readonly #parentSpanIds: Uint8Array[] = [];
  readonly #traceState = new WordsBuilder();
  readonly #name = new WordsBuilder();
  readonly #kind: number[] = [];
  readonly #startTime: bigint[] = [];
  readonly #endTime: bigint[] = [];
  readonly #statusCode: number[] = [];
  readonly #statusMessage = new WordsBuilder();
  readonly #flags: number[] = [];
  readonly #dropped: number[] = [];
  readonly #resources = new References<Resource>();
  readonly #scopes = new References<InstrumentationScope>();
  readonly #attributes = new AttributeColumns();
  readonly #events: OwnedEvent[] = [];
  readonly #links: OwnedLink[] = [];

  add(span: NewSpan & Origin): void {
    const { kind = 0, statusCode = 0 } = span;
    checkCode(kind, 5, 'kind');
    checkCode(statusCode, 2, 'status code');
    const traceId = hexBytes(span.traceId, 16);
    const spanId = hexBytes(span.spanId, 8);
    const parentSpanId = span.parentSpanId ? hexBytes(span.parentSpanId, 8) : new Uint8Array(8);
    const attributes = Object.entries(plainAttributes(span.attributes ?? {}));
    for (const [key, value] of attributes) checkValue(value, key);
    const row = this.length;
    const events = (span.events ?? []).map((event) => ({ ...event, row, set: setOf(event.attributes) }));
    const links = (span.links ?? []).map((link) => ({
      ...link,
      row,
      set: setOf(link.attributes),
      trace: hexBytes(link.traceId, 16),
      span: hexBytes(link.spanId, 8),
    }));

    this.length++;
    this.#traceIds.push(traceId);
    this.#spanIds.push(spanId);
    this.#parentSpanIds.push(parentSpanId);
    if (span.traceState) this.#traceState.set(row, span.traceState);
    if (span.name) this.#name.set(row, span.name);
    this.#kind.push(kind);
    this.#startTime.push(span.startTime);
    this.#endTime.push(span.endTime);
    this.#statusCode.push(statusCode);
    if (span.statusMessage) this.#statusMessage.set(row, span.statusMessage);
    this.#flags.push(span.flags ?? 0);
    this.#dropped.push(span.droppedAttributes ?? 0, span.droppedEvents ?? 0, span.droppedLinks ?? 0);
    this.#resources.add(span.resource);
    this.#scopes.add(span.scope);
    this.#events.push(...events);
    this.#links.push(...links);
    this.#attributes.set(row, attributes);
  }

  build(): SpanBatch {
    const { length } = this;
    return {
      signal: 'traces',
      length,
      resources: this.#resources.items,
      resource: Uint32Array.from(this.#resources.codes),
      scopes: this.#scopes.items,
      scope: Uint32Array.from(this.#scopes.codes),
      traceIds: idColumn(this.#traceIds, 16),
      spanIds: idColumn(this.#spanIds, 8),
      parentSpanIds: idColumn(this.#parentSpanIds, 8),
      traceState: this.#traceState.build(length),
      name: this.#name.build(length),
      kind: Uint8Array.from(this.#kind),
      startTime: BigUint64Array.from(this.#startTime),
      endTime: BigUint64Array.from(this.#endTime),
      attributes: this.#attributes.build(length),
      statusCode: Uint8Array.from(this.#statusCode),
      statusMessage: this.#statusMessage.build(length),
      flags: this.#flags.every((flags) => flags === 0) ? 0 : Uint32Array.from(this.#flags),
      events: eventColumns(this.#events),
      links: linkColumns(this.#links),
      ...(this.#dropped.some((count) => count > 0) && { dropped: Uint32Array.from(this.#dropped) }),
    };
  }
}

type OwnedEvent = NewSpanEvent & { readonly row: number; readonly set: AttributeSet };
type OwnedLink = NewSpanLink & {
  readonly row: number;
  readonly set: AttributeSet;
  readonly trace: Uint8Array;
  readonly span: Uint8Array;
};

function eventColumns(events: readonly OwnedEvent[]): SpanEvents {
  const name = new WordsBuilder();
  for (const [e, event] of events.entries()) if (event.name) name.set(e, event.name);
  return {
    span: Uint32Array.from(events, ({ row }) => row),
    time: BigUint64Array.from(events, ({ time }) => time),
    name: name.build(events.length),
    attributes: events.map(({ set }) => set),
    ...counts(
      'dropped',
      events.map(({ droppedAttributes }) => droppedAttributes ?? 0),
    ),
  };
}

function linkColumns(links: readonly OwnedLink[]): SpanLinks {
  const traceState = new WordsBuilder();
  for (const [l, link] of links.entries()) if (link.traceState) traceState.set(l, link.traceState);
  return {
    span: Uint32Array.from(links, ({ row }) => row),
    traceIds: idColumn(
      links.map(({ trace }) => trace),
      16,
    ),
    spanIds: idColumn(
      links.map(({ span }) => span),
      8,
    ),
    traceState: traceState.build(links.length),
    attributes: links.map(({ set }) => set),
    ...counts(
      'dropped',
      links.map(({ droppedAttributes }) => droppedAttributes ?? 0),
    ),
    ...counts(
      'flags',
      links.map(({ flags }) => flags ?? 0),
    ),
  };
}

function counts<K extends string>(name: K, values: readonly number[]): { readonly [P in K]?: Uint32Array } {
  return values.some((value) => value > 0) ? ({ [name]: Uint32Array.from(values) } as { [P in K]: Uint32Array }) : {};
}

function setOf(attributes: Attributes | AttributeSet | undefined): AttributeSet {
  return attributes === undefined || typeof attributes['toObject'] !== 'function'
    ? attributeSet((attributes ?? {}) as Attributes)
    : (attributes as AttributeSet);
}

function checkCode(value: number, largest: number, what: string): void {
  if (Number.isInteger(value) && value >= 0 && value <= largest) return;
  throw new RangeError(`The span's ${what} ${value} is not one of OTLP's numbers, 0 to ${largest}.`);
}

function idColumn(ids: readonly Uint8Array[], width: number): Uint8Array {
  const column = new Uint8Array(ids.length * width);
  for (const [row, id] of ids.entries()) column.set(id, row * width);
  return column;
}
