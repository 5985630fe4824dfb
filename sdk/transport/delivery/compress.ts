import { promisify } from 'node:util';
import { constants, deflate, gzip, zstdCompress } from 'node:zlib';
import { type SnappyCoding, snappy } from '../snappy.ts';
import { ScratchBuffers } from './scratch-buffers.ts';

/** Names as in configurations. `deflate` and `zlib` are the same: what HTTP calls deflate is zlib's format. */
export type Compression = 'gzip' | 'zstd' | 'zlib' | 'deflate' | SnappyCoding | 'none';

/** A request as it goes out. */
export interface PackedRequest {
  readonly bytes: Buffer;
  /** Gives the memory back. At most once, and only when nobody reads the bytes any more; without it they are garbage. */
  release(): void;
}

/** Joins the parts of a request and compresses them off the main thread; with `none` joins only. */
export type Pack = (parts: readonly Uint8Array[]) => Promise<PackedRequest>;

export interface PackOptions {
  readonly compression: Compression;
  readonly level?: number;
  /** Bytes that are left free in front, for a frame. */
  readonly headroom?: number;
}

/** Level 1 costs a quarter of level 6 and leaves 16 % more bytes of OTLP metrics; of zstd it is the fastest that compresses well. */
const FAST_LEVEL = 1;

export function packer({ compression, level = FAST_LEVEL, headroom = 0 }: PackOptions): Pack {
  const scratch = new ScratchBuffers();
  const whole = (bytes: Uint8Array): PackedRequest =>
    headroom > 0 ? scratch.join([bytes], headroom) : { bytes: asBuffer(bytes), release: () => {} };
  if (compression === 'none') {
    return async (parts) => (parts.length === 1 ? whole(parts[0]!) : scratch.join(parts, headroom));
  }
  const compress = algorithm(compression, level);
  return async (parts) => {
    if (parts.length === 1) return whole(await compress(asBuffer(parts[0]!)));
    const joined = scratch.join(parts, 0);
    try {
      return whole(await compress(joined.bytes));
    } finally {
      joined.release();
    }
  };
}

function algorithm(compression: Exclude<Compression, 'none'>, level: number): (body: Buffer) => Promise<Buffer> {
  switch (compression) {
    case 'gzip':
      return (body) => gzipAsync(body, { level, chunkSize: chunkSize(body) });
    case 'zlib':
    case 'deflate':
      return (body) => deflateAsync(body, { level, chunkSize: chunkSize(body) });
    case 'zstd':
      return (body) =>
        zstdAsync(body, { params: { [constants.ZSTD_c_compressionLevel]: level }, chunkSize: chunkSize(body) });
    case 'snappy':
    case 'x-snappy-framed':
      return (body) => snappy(compression, body);
    default:
      return compression satisfies never;
  }
}

/** One piece of output for most requests: each further one is a turn of the event loop. */
function chunkSize(body: Buffer): number {
  return Math.min(Math.max(16 * 1024, body.length >>> 3), 1024 * 1024);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

const gzipAsync = promisify(gzip);
const deflateAsync = promisify(deflate);
const zstdAsync = promisify(zstdCompress);
