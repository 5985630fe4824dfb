import type { Batch } from './signals.ts';

const ENCODED: unique symbol = Symbol.for('bpflow:encoded');

/**
 * A batch that came as OTLP bytes and was not changed since. Its columns are made when somebody first asks for them, so
 * that passing it on costs nothing per item. Always foreign: none of its metrics has a definition.
 *
 * `{ ...batch, attributes }` must make a plain batch: so {@link ENCODED} is not enumerable, and the columns are own
 * enumerable accessors, which a spread reads.
 */
export interface EncodedBatch {
  /** Export requests of the batch's signal, one after the other; protobuf joins them to one by concatenation. Nobody writes to them. */
  readonly [ENCODED]: readonly Uint8Array[];
}

/** Whether the batch still has the OTLP bytes it came in. */
export function isEncoded<B extends Batch>(batch: B): batch is B & EncodedBatch {
  return ENCODED in batch;
}

/** The bytes of an encoded batch: see {@link EncodedBatch}. */
export function encodedParts(batch: EncodedBatch): readonly Uint8Array[] {
  return batch[ENCODED];
}

export { ENCODED };
