import type { FileHandle } from 'node:fs/promises';
import {
  HEADER_BYTES,
  isIntact,
  MAGIC_BYTES,
  type RecordHeader,
  readHeader,
  readTable,
  type TableEntry,
} from './record.ts';

/** What stands in a segment, in order. */
export type Found =
  | {
      readonly kind: 'record';
      readonly at: number;
      readonly bytes: number;
      readonly sequence: number;
      readonly table: readonly TableEntry[];
      /** Offset of the first value in the segment. */
      readonly valuesAt: number;
      /** False when a value does not have its checksum; always true when values were not looked at. */
      readonly intact: boolean;
    }
  /** Bytes that are no record, and how many records stood there at least. */
  | { readonly kind: 'damage'; readonly at: number; readonly bytes: number; readonly records: number }
  /** The last record, not written to its end; or damage up to the end. */
  | { readonly kind: 'torn'; readonly at: number; readonly bytes: number };

export interface ScanOptions {
  readonly salt: number;
  /** Sequence number of the first record. */
  readonly first: number;
  /** Reads the values too. Without, a scan jumps over them. */
  readonly values: boolean;
}

/** Reads a segment from its beginning. A damaged record never hides the next one. */
export async function* scanSegment(handle: FileHandle, options: ScanOptions): AsyncGenerator<Found, void, undefined> {
  const { salt } = options;
  const { size } = await handle.stat();
  const window = new Window(handle, size);
  let expected = options.first;
  for (let at = 0; at < size; ) {
    const header = readHeader(await window.view(at, HEADER_BYTES), salt);
    if (header === undefined) {
      const next = await findHeader(window, at + 1, salt);
      if (next === undefined) {
        yield { kind: 'torn', at, bytes: size - at };
        return;
      }
      yield { kind: 'damage', at, bytes: next.at - at, records: Math.max(1, next.header.sequence - expected) };
      at = next.at;
      expected = next.header.sequence;
      continue;
    }
    if (at + header.totalBytes > size) {
      yield { kind: 'torn', at, bytes: size - at };
      return;
    }
    expected = header.sequence + 1;
    const table = readTable(header, await window.view(at + HEADER_BYTES, header.tableBytes), salt);
    if (table === undefined) {
      yield { kind: 'damage', at, bytes: header.totalBytes, records: 1 };
    } else {
      const valuesAt = at + HEADER_BYTES + header.tableBytes;
      const intact = !options.values || areIntact(table, await window.view(valuesAt, header.valuesBytes), salt);
      yield { kind: 'record', at, bytes: header.totalBytes, sequence: header.sequence, table, valuesAt, intact };
    }
    at += header.totalBytes;
  }
}

function areIntact(table: readonly TableEntry[], values: Buffer, salt: number): boolean {
  return table.every(
    ({ deleted, valueAt, valueBytes, valueCrc }) =>
      deleted || isIntact(values.subarray(valueAt, valueAt + valueBytes), valueCrc, salt),
  );
}

/** The next header at or after an offset. */
async function findHeader(
  window: Window,
  from: number,
  salt: number,
): Promise<{ readonly at: number; readonly header: RecordHeader } | undefined> {
  for (let at = from; at < window.size; ) {
    const bytes = await window.view(at, Math.min(SEARCH_BYTES, window.size - at));
    for (let hit = bytes.indexOf(MAGIC_BYTES); hit >= 0; hit = bytes.indexOf(MAGIC_BYTES, hit + 1)) {
      const header = readHeader(await window.peek(at + hit, HEADER_BYTES, bytes, hit), salt);
      if (header !== undefined) return { at: at + hit, header };
    }
    at += Math.max(1, bytes.length - MAGIC_BYTES.length + 1);
  }
  return undefined;
}

const SEARCH_BYTES = 1024 * 1024;
const MIN_READ_BYTES = 4096;
const MAX_READ_BYTES = 64 * 1024;

/** Reads a file piece by piece into one buffer that grows as far as the largest record needs. */
class Window {
  readonly size: number;
  readonly #handle: FileHandle;
  #buffer: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  constructor(handle: FileHandle, size: number) {
    this.#handle = handle;
    this.size = size;
  }

  /** Bytes from `at`, fewer at the end of the file. They are valid until the next call. */
  async view(at: number, length: number): Promise<Buffer> {
    const wanted = Math.min(length, this.size - at);
    if (at < this.#start || at + wanted > this.#end) await this.#read(at, wanted);
    const end = Math.min(at + wanted, this.#end);
    return this.#buffer.subarray(at - this.#start, Math.max(end, at) - this.#start);
  }

  /** As view, without losing `bytes`, in which the wanted ones begin at `offset`. */
  async peek(at: number, length: number, bytes: Buffer, offset: number): Promise<Buffer> {
    if (offset + length <= bytes.length) return bytes.subarray(offset, offset + length);
    const piece = Buffer.alloc(Math.min(length, this.size - at));
    const { bytesRead } = await this.#handle.read(piece, 0, piece.length, at);
    return piece.subarray(0, bytesRead);
  }

  async #read(at: number, wanted: number): Promise<void> {
    // After a jump over large values, little is read: most of it would be the next values.
    const ahead = at > this.#end ? MIN_READ_BYTES : MAX_READ_BYTES;
    const length = Math.min(Math.max(wanted, ahead), this.size - at);
    if (this.#buffer.length < length) this.#buffer = Buffer.allocUnsafe(length);
    this.#start = at;
    this.#end = at;
    while (this.#end < at + length) {
      const { bytesRead } = await this.#handle.read(this.#buffer, this.#end - at, at + length - this.#end, this.#end);
      if (bytesRead === 0) break;
      this.#end += bytesRead;
    }
  }
}
