import { strict as assert } from 'node:assert';
import type { Batch } from '../../pdata/signals.ts';

/**
 * Watches over a batch that others share: its objects are frozen now, and the returned function throws when a column has
 * been written to since (typed arrays cannot be frozen). Series tables may grow; what a batch refers to stays.
 */
export function guardBatch(batch: Batch): () => void {
  const columns = new Map<ArrayBufferView, { readonly path: string; readonly copy: Uint8Array }>();
  visit(batch, batch.signal, columns, new Set());
  return () => {
    for (const [column, { path, copy }] of columns) {
      assert.deepEqual(bytesOf(column), copy, `${path} was written to: batches are shared, make a new column instead.`);
    }
  };
}

function visit(
  value: unknown,
  path: string,
  columns: Map<ArrayBufferView, { readonly path: string; readonly copy: Uint8Array }>,
  seen: Set<object>,
): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  if (ArrayBuffer.isView(value)) {
    columns.set(value, { path, copy: bytesOf(value).slice() });
    return;
  }
  const isPlain = Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
  if (value instanceof Map) for (const [key, item] of value) visit(item, `${path}.${String(key)}`, columns, seen);
  if (!isPlain) return;
  for (const [key, item] of Object.entries(value)) visit(item, `${path}.${key}`, columns, seen);
  Object.freeze(value);
}

function bytesOf(column: ArrayBufferView): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}
