import { crc32 } from 'node:zlib';
import { PermanentError } from 'bpflow/sdk';

/**
 * A record is one change that happens as a whole: keys set and deleted together.
 *
 * ```
 *  0 u32 magic            16 u64 sequence number of the record in its log
 *  4 u32 CRC of 8..32     24 u32 CRC of the table
 *  8 u32 table length     28 u32 number of entries
 * 12 u32 values length    32 table, then the values, one after the other
 *
 * table entry: u32 value length (0xffffffff: deleted) | u32 CRC of the value | u16 key length | key, UTF-8
 * ```
 * All numbers are little-endian. Every CRC begins with the segment's salt, a random number that only its file name
 * tells, so that no value can hold bytes that pass for a record.
 */
export const HEADER_BYTES = 32;

/** Largest sum of the values of one record, in bytes. */
export const MAX_VALUES_BYTES = 256 * 1024 * 1024;

const MAGIC = 0x7270_6662;
const ENTRY_BYTES = 10;
const DELETED = 0xffff_ffff;
const MAX_TABLE_BYTES = 64 * 1024 * 1024;
const MAX_KEY_BYTES = 0xffff;

/** The first bytes of each record, to search for. */
export const MAGIC_BYTES: Uint8Array = Uint8Array.of(0x62, 0x66, 0x70, 0x72);

export interface Change {
  readonly key: string;
  /** `undefined` deletes the key. */
  readonly value: Uint8Array | undefined;
}

/** What the header tells. It is trusted only when its CRC is right. */
export interface RecordHeader {
  readonly sequence: number;
  readonly tableBytes: number;
  readonly valuesBytes: number;
  readonly tableCrc: number;
  readonly entries: number;
  /** Header, table and values. */
  readonly totalBytes: number;
}

export interface TableEntry {
  readonly key: string;
  readonly deleted: boolean;
  /** Offset of the value from the beginning of the record's values. */
  readonly valueAt: number;
  readonly valueBytes: number;
  readonly valueCrc: number;
}

/** Changes whose keys are encoded, so that the size of their record is known before its place is. */
export interface PreparedRecord {
  readonly changes: readonly Change[];
  readonly keys: readonly Uint8Array[];
  readonly tableBytes: number;
  readonly valuesBytes: number;
  /** Bytes of the record on disk. */
  readonly totalBytes: number;
}

/** Throws PermanentError for a key or for values that are too long. */
export function prepareRecord(changes: readonly Change[]): PreparedRecord {
  let tableBytes = 0;
  let valuesBytes = 0;
  const keys = changes.map(({ key, value }) => {
    const bytes = Buffer.from(key, 'utf8');
    if (bytes.length > MAX_KEY_BYTES)
      throw new PermanentError(`a key has ${bytes.length} bytes, at most ${MAX_KEY_BYTES}`);
    tableBytes += ENTRY_BYTES + bytes.length;
    valuesBytes += value?.length ?? 0;
    return bytes;
  });
  if (valuesBytes > MAX_VALUES_BYTES) {
    throw new PermanentError(`the values of one change have ${valuesBytes} bytes, at most ${MAX_VALUES_BYTES}`);
  }
  if (tableBytes > MAX_TABLE_BYTES)
    throw new PermanentError(`one change has ${changes.length} keys, which is too many`);
  return { changes, keys, tableBytes, valuesBytes, totalBytes: HEADER_BYTES + tableBytes + valuesBytes };
}

/** The record's pieces in order; values are the caller's own arrays. The table is what a reader would decode. */
export function encodeRecord(
  record: PreparedRecord,
  sequence: number,
  salt: number,
): { readonly pieces: readonly Uint8Array[]; readonly table: readonly TableEntry[] } {
  const { changes, keys, tableBytes, valuesBytes } = record;
  const head = Buffer.allocUnsafe(HEADER_BYTES + tableBytes);
  const pieces: Uint8Array[] = [head];
  const table: TableEntry[] = [];
  let at = HEADER_BYTES;
  let valueAt = 0;
  for (const [index, { key, value }] of changes.entries()) {
    const keyBytes = keys[index]!;
    const valueCrc = value === undefined ? 0 : crc32(value, salt);
    head.writeUInt32LE(value?.length ?? DELETED, at);
    head.writeUInt32LE(valueCrc, at + 4);
    head.writeUInt16LE(keyBytes.length, at + 8);
    head.set(keyBytes, at + ENTRY_BYTES);
    at += ENTRY_BYTES + keyBytes.length;
    const valueBytes = value?.length ?? 0;
    table.push({ key, deleted: value === undefined, valueAt, valueBytes, valueCrc });
    if (valueBytes > 0) pieces.push(value!);
    valueAt += valueBytes;
  }
  head.writeUInt32LE(MAGIC, 0);
  head.writeUInt32LE(tableBytes, 8);
  head.writeUInt32LE(valuesBytes, 12);
  head.writeUInt32LE(sequence % 2 ** 32, 16);
  head.writeUInt32LE(Math.floor(sequence / 2 ** 32), 20);
  head.writeUInt32LE(crc32(head.subarray(HEADER_BYTES), salt), 24);
  head.writeUInt32LE(changes.length, 28);
  head.writeUInt32LE(crc32(head.subarray(8, HEADER_BYTES), salt), 4);
  return { pieces, table };
}

/** The header at the beginning of `bytes`; undefined when it is none of this segment's. */
export function readHeader(bytes: Buffer, salt: number): RecordHeader | undefined {
  if (bytes.length < HEADER_BYTES || bytes.readUInt32LE(0) !== MAGIC) return undefined;
  if (bytes.readUInt32LE(4) !== crc32(bytes.subarray(8, HEADER_BYTES), salt)) return undefined;
  const tableBytes = bytes.readUInt32LE(8);
  const valuesBytes = bytes.readUInt32LE(12);
  if (tableBytes > MAX_TABLE_BYTES || valuesBytes > MAX_VALUES_BYTES) return undefined;
  return {
    sequence: bytes.readUInt32LE(16) + bytes.readUInt32LE(20) * 2 ** 32,
    tableBytes,
    valuesBytes,
    tableCrc: bytes.readUInt32LE(24),
    entries: bytes.readUInt32LE(28),
    totalBytes: HEADER_BYTES + tableBytes + valuesBytes,
  };
}

/** The entries of a record; undefined when the table is damaged. */
export function readTable(header: RecordHeader, bytes: Buffer, salt: number): readonly TableEntry[] | undefined {
  if (crc32(bytes, salt) !== header.tableCrc) return undefined;
  const table: TableEntry[] = [];
  let valueAt = 0;
  for (let at = 0; at < bytes.length; ) {
    if (at + ENTRY_BYTES > bytes.length) return undefined;
    const length = bytes.readUInt32LE(at);
    const keyEnd = at + ENTRY_BYTES + bytes.readUInt16LE(at + 8);
    if (keyEnd > bytes.length) return undefined;
    const deleted = length === DELETED;
    const valueBytes = deleted ? 0 : length;
    const key = bytes.toString('utf8', at + ENTRY_BYTES, keyEnd);
    table.push({ key, deleted, valueAt, valueBytes, valueCrc: bytes.readUInt32LE(at + 4) });
    valueAt += valueBytes;
    at = keyEnd;
  }
  return valueAt === header.valuesBytes && table.length === header.entries ? table : undefined;
}

/** Whether a value is what was written. */
export function isIntact(value: Uint8Array, valueCrc: number, salt: number): boolean {
  return crc32(value, salt) === valueCrc;
}
