import type { Batch, Signal, Signals } from './signals.ts';

const ENCODED: unique symbol = Symbol.for('bpflow:encoded');

/**
 * A batch that came as OTLP bytes and was not changed since. Its columns are made when somebody first asks for them, so
 * that passing it on costs nothing per item. Always foreign: none of its metrics has a definition.
 *
 * `{ ...batch, attributes }` makes a plain batch: {@link ENCODED} is not enumerable, and the columns are own enumerable
 * accessors, which a spread reads.
 */
export interface EncodedBatch {
  readonly [ENCODED]: Encoded;
}

interface Encoded {
  /** Export requests of the batch's signal, one after the other; protobuf joins them to one by concatenation. Nobody writes to them. */
  readonly parts: readonly Uint8Array[];
  readonly items: number;
  /** The columns, as a plain batch; always the same one. */
  readonly plain: () => Batch;
}

/** Whether the batch still has the OTLP bytes it came in. */
export function isEncoded<B extends Batch>(batch: B): batch is B & EncodedBatch {
  return ENCODED in batch;
}

/** The bytes of an encoded batch: see {@link EncodedBatch}. */
export function encodedParts(batch: EncodedBatch): readonly Uint8Array[] {
  return batch[ENCODED].parts;
}

/** How many items it holds, without making its columns. */
export function encodedItems(batch: EncodedBatch): number {
  return batch[ENCODED].items;
}

/** The batch with its columns made. */
export function plainBatch<S extends Signal>(batch: Signals[S] & EncodedBatch): Signals[S] {
  return batch[ENCODED].plain() as Signals[S];
}

/** A batch of requests whose bytes were checked. `decode` makes its columns and is called at most once. */
export function encodedBatch<S extends Signal>(
  signal: S,
  parts: readonly Uint8Array[],
  items: number,
  decode: () => Signals[S],
): Signals[S] {
  let made: Signals[S] | undefined;
  const plain = (): Signals[S] => {
    made ??= decode();
    return made;
  };
  const batch = Object.defineProperties({}, ACCESSORS[signal]) as unknown as Signals[S];
  Object.defineProperty(batch, ENCODED, { value: { parts, items, plain } satisfies Encoded });
  if (signal !== 'metrics') Object.defineProperty(batch, 'length', { value: items, enumerable: true });
  return batch;
}

const ROWS = ['resources', 'resource', 'scopes', 'scope', 'attributes', 'flags', 'traceIds', 'spanIds', 'sent'];

/** The members of each kind of batch that are made late. */
const COLUMNS: { readonly [S in Signal]: readonly string[] } = {
  metrics: ['metrics'],
  logs: [...ROWS, 'time', 'observedTime', 'severity', 'severityText', 'eventName', 'body', 'droppedAttributes'],
  traces: [
    ...ROWS,
    ...['parentSpanIds', 'traceState', 'name', 'kind', 'startTime', 'endTime', 'statusCode', 'statusMessage'],
    ...['events', 'links', 'dropped'],
  ],
  profiles: [],
};

/** Shared by all batches: a function of its own in each would live as long as V8's description of the object, until a full collection. */
const ACCESSORS: { readonly [S in Signal]: PropertyDescriptorMap } = {
  metrics: accessors('metrics'),
  logs: accessors('logs'),
  traces: accessors('traces'),
  profiles: accessors('profiles'),
};

function accessors(signal: Signal): PropertyDescriptorMap {
  const properties: PropertyDescriptorMap = { signal: { value: signal, enumerable: true } };
  for (const name of COLUMNS[signal]) {
    properties[name] = {
      enumerable: true,
      get(this: EncodedBatch) {
        return (this[ENCODED].plain() as unknown as Record<string, unknown>)[name];
      },
    };
  }
  return properties;
}
