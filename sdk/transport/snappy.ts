import { setImmediate as turn } from 'node:timers/promises';

/** As HTTP names them: `snappy` is one block, `x-snappy-framed` the stream of frames that gRPC calls `snappy`. */
export type SnappyCoding = 'snappy' | 'x-snappy-framed';

export function isSnappy(coding: string): coding is SnappyCoding {
  return coding === 'snappy' || coding === 'x-snappy-framed';
}

/** Bytes that come out, which each block announces and keeps to; undefined when the data is damaged. */
export function snappySize(coding: SnappyCoding, bytes: Uint8Array): number | undefined {
  return coding === 'snappy' ? blockSize(bytes, 0, bytes.length) : framesSize(bytes);
}

/** Inflates data of which {@link snappySize} has told the size. Rejects when it is damaged after all. */
export async function unsnappy(coding: SnappyCoding, bytes: Uint8Array): Promise<Buffer> {
  const { uncompress, Decompressor } = await import('snappy');
  if (coding === 'snappy') return (await uncompress(bytes, { asBuffer: true })) as Buffer;
  const decompressor = new Decompressor();
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    if (at > 0) await turn();
    pieces.push(decompressor.update(bytes.subarray(at, at + SLICE_BYTES)));
  }
  pieces.push(await decompressor.finish());
  return Buffer.concat(pieces);
}

export async function snappy(coding: SnappyCoding, bytes: Uint8Array): Promise<Buffer> {
  const { compress, Compressor } = await import('snappy');
  if (coding === 'snappy') return compress(bytes);
  const compressor = new Compressor();
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += MAX_DEFLATED_SLICE) {
    if (at > 0) await turn();
    pieces.push(compressor.update(bytes.subarray(at, at + MAX_DEFLATED_SLICE)));
  }
  return Buffer.concat([...pieces, await compressor.finish()]);
}

/** Frames are worked on in the main thread, so many bytes at a time: some ms at most, even when nearly all is headers of frames. */
const SLICE_BYTES = 64 * 1024;
/** 1 ms. */
const MAX_DEFLATED_SLICE = 2 * 1024 * 1024;
/** What the format allows a frame to hold. */
const MAX_FRAME_BYTES = 65536;
/** Type and length of a frame; checksum of its data. */
const HEADER_BYTES = 4;
const CHECKSUM_BYTES = 4;
const COMPRESSED = 0x00;
const PLAIN = 0x01;
/** From here on frames may be skipped: padding, and the name of the format. */
const SKIPPABLE = 0x80;

/** A varint, little endian, of at most 32 bits. */
function blockSize(bytes: Uint8Array, start: number, end: number): number | undefined {
  let size = 0;
  for (let i = 0; i < 5 && start + i < end; i++) {
    const byte = bytes[start + i]!;
    size += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return size < 2 ** 32 ? size : undefined;
  }
  return undefined;
}

/** Frames: 1 byte type | 3 bytes length, little endian | 4 bytes checksum and data. */
function framesSize(bytes: Uint8Array): number | undefined {
  let total = 0;
  for (let at = 0; at < bytes.length; ) {
    const start = at + HEADER_BYTES;
    if (start > bytes.length) return undefined;
    const type = bytes[at]!;
    const end = start + (bytes[at + 1]! | (bytes[at + 2]! << 8) | (bytes[at + 3]! << 16));
    if (end > bytes.length) return undefined;
    if (type < SKIPPABLE) {
      const data = start + CHECKSUM_BYTES;
      const size = type === COMPRESSED ? blockSize(bytes, data, end) : end - data;
      if (type > PLAIN || data > end || size === undefined || size > MAX_FRAME_BYTES) return undefined;
      total += size;
    }
    at = end;
  }
  return total;
}
