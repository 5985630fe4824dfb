import { splitBatch } from '../../../pdata/batches.ts';
import { countItems, hasColumns, type Signal, type Signals } from '../../../pdata/signals.ts';
import { asError, PermanentError } from '../../errors.ts';
import type { QueuedRequest } from './queue.ts';
import type { RequestBatchSettings } from './settings.ts';

/** OTLP requests of a batch, which together are one. */
export type Encode = <S extends Signal>(signal: S, batch: Signals[S]) => readonly Uint8Array[];

/** A batch as requests of at most `max_size`; one where there is no such limit, and for profiles. Throws PermanentError for what cannot be encoded. */
export function requestsOf<S extends Signal>(
  signal: S,
  batch: Signals[S],
  encode: Encode,
  limit: RequestBatchSettings | undefined,
): QueuedRequest[] {
  const maxSize = hasColumns(signal) ? (limit?.max_size ?? 0) : 0;
  const items = countItems(batch);
  if (maxSize > 0 && limit?.sizer === 'items' && items > maxSize) {
    return splitBatch(signal, batch, maxSize).map((piece) => encoded(signal, piece, encode));
  }
  const request = encoded(signal, batch, encode);
  if (maxSize === 0 || limit?.sizer !== 'bytes' || request.bytes <= maxSize || items < 2) return [request];
  // Pieces by their share of the bytes; one that is still too large is split again.
  const size = Math.min(Math.max(1, Math.floor((items * maxSize) / request.bytes)), Math.ceil(items / 2));
  return splitBatch(signal, batch, size).flatMap((piece) => requestsOf(signal, piece, encode, limit));
}

function encoded<S extends Signal>(signal: S, batch: Signals[S], encode: Encode): QueuedRequest {
  try {
    const parts = encode(signal, batch);
    return { parts, items: countItems(batch), bytes: parts.reduce((total, part) => total + part.length, 0) };
  } catch (thrown) {
    const error = asError(thrown);
    throw new PermanentError(`The batch cannot be encoded: ${error.message}`, { cause: error });
  }
}
