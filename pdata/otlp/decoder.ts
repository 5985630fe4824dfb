import { encodedBatch } from '../encoded-batch.ts';
import { profileBatch } from '../profiles.ts';
import { SeriesInterner } from '../series-interner.ts';
import { type ColumnSignal, hasColumns, type Signal, type Signals } from '../signals.ts';
import { decodeLogs } from './logs-decode.ts';
import { checkRequest } from './message-check.ts';
import { decodeMetrics } from './metrics-decode.ts';
import { decodeSpans } from './spans-decode.ts';

/** Metric requests made into columns between two looks at how many of the known series are still in use. */
const ROTATE_EVERY = 256;

/**
 * Reads OTLP export requests. A request is checked to its last byte, its items are counted, and that is all until somebody asks
 * for the columns: a batch that is only passed on goes on as the bytes it came in.
 *
 * One decoder for each sender of series (a receiver): it remembers them, so that a known one costs no object.
 */
export class OtlpDecoder {
  readonly #interner = new SeriesInterner();
  #decoded = 0;

  /**
   * A batch of what a request holds. It keeps the bytes: nobody may write to them from now on. Throws {@link WireError}, at a cost
   * bounded by their length, for bytes that are no such request: malformed or cut off, with text that is not UTF-8, nested too deep.
   */
  decode<S extends Signal>(signal: S, bytes: Uint8Array): Signals[S] {
    const items = checkRequest(signal, bytes);
    if (!hasColumns(signal)) return profileBatch(bytes, items) as Signals[S];
    return encodedBatch<ColumnSignal>(signal, [bytes], items, () => this.#columns[signal](bytes)) as Signals[S];
  }

  readonly #columns: { readonly [S in ColumnSignal]: (bytes: Uint8Array) => Signals[S] } = {
    metrics: (bytes) => {
      if (++this.#decoded % ROTATE_EVERY === 0 || this.#interner.isFull) this.#interner.rotateIfStale();
      return decodeMetrics(bytes, this.#interner);
    },
    logs: decodeLogs,
    traces: decodeSpans,
  };
}
