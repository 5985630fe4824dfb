import { Buffer } from 'node:buffer';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import type { Message } from './output-file.ts';

const compress = promisify(zstdCompress);

export interface Framing {
  /** Whether a message is a line; else it stands behind its length. */
  readonly lines: boolean;
  /** Level of zstd; undefined for no compression. */
  readonly zstdLevel: number | undefined;
}

/** Bytes that framing adds to a message at most, without compression. */
export const FRAME_BYTES = 4;

const NEWLINE = Uint8Array.of(10);

/** The pieces of an encoded batch as they stand in the file: a line, or a 4-byte big-endian length and the message or its zstd frame. */
export async function frame(parts: readonly Uint8Array[], { lines, zstdLevel }: Framing): Promise<Message> {
  const bytes = lengthOf(parts);
  if (zstdLevel !== undefined) {
    const whole = parts.length === 1 ? parts[0]! : Buffer.concat(parts, bytes);
    const compressed = await compress(whole, {
      params: { [constants.ZSTD_c_compressionLevel]: zstdLevel },
      pledgedSrcSize: bytes,
    });
    return prefixed([compressed], compressed.length);
  }
  return lines ? { parts: [...parts, NEWLINE], bytes: bytes + 1 } : prefixed(parts, bytes);
}

export function lengthOf(parts: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  return bytes;
}

function prefixed(parts: readonly Uint8Array[], bytes: number): Message {
  const length = Buffer.allocUnsafe(FRAME_BYTES);
  length.writeUInt32BE(bytes);
  return { parts: [length, ...parts], bytes: bytes + FRAME_BYTES };
}
