import { promisify } from 'node:util';
import { constants, deflate, gzip, zstdCompress } from 'node:zlib';
import { ScratchBuffers } from './scratch-buffers.ts';

/** Names as in configurations. `deflate` and `zlib` are the same: what HTTP calls deflate is zlib's format. */
export type Compression = 'gzip' | 'zstd' | 'zlib' | 'deflate' | 'none';

/** Joins the parts of a request and compresses them off the main thread; with `none` joins only. */
export type Compress = (parts: readonly Uint8Array[]) => Promise<Buffer>;

/** Level 1 costs a quarter of level 6 and leaves 16 % more bytes of OTLP metrics; of zstd it is the fastest that compresses well. */
const FAST_LEVEL = 1;

export function compressor(compression: Compression, level = FAST_LEVEL): Compress {
  if (compression === 'none') return async (parts) => (parts.length === 1 ? asBuffer(parts[0]!) : Buffer.concat(parts));
  const compress = algorithm(compression, level);
  const scratch = new ScratchBuffers();
  return async (parts) => {
    if (parts.length === 1) return compress(asBuffer(parts[0]!));
    const joined = scratch.join(parts);
    try {
      return await compress(joined.bytes);
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
