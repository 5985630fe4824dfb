import {
  constants,
  gunzip,
  gunzipSync,
  inflateSync,
  inflate as unzlib,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib';
import { asError } from '../errors.ts';

/** Codings that requests may come in. `deflate` is zlib's format, as HTTP has it. */
export type ContentCoding = 'gzip' | 'zstd' | 'deflate';

/** Inflated, the data would be larger than it may be. */
export class TooLargeError extends Error {
  override readonly name = 'TooLargeError';
}

/** The data is not what its coding says. The message names the coding and what is wrong. */
export class DamagedError extends Error {
  override readonly name = 'DamagedError';
}

/**
 * Inflates a request. At most `maxBytes` come out, and at most that and a window (8 MiB for zstd) are ever held, whatever the
 * ratio. The result has its own memory. Small requests are inflated at once, large ones off the main thread.
 *
 * Throws or rejects with {@link TooLargeError} or {@link DamagedError}.
 */
export function inflate(coding: ContentCoding, bytes: Uint8Array, maxBytes: number): Uint8Array | Promise<Uint8Array> {
  const options = {
    maxOutputLength: Math.max(maxBytes, 1),
    chunkSize: chunkSize(coding, bytes, maxBytes),
    ...(coding === 'zstd' ? { params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX } } : {}),
  };
  const { now, later } = CODINGS[coding];
  if (bytes.length <= INFLATE_NOW_BYTES) {
    try {
      return own(now(bytes, options));
    } catch (error) {
      throw failure(coding, error, maxBytes);
    }
  }
  return new Promise((resolve, reject) => {
    later(bytes, options, (error, result) => {
      if (error === null) resolve(own(result));
      else reject(failure(coding, error, maxBytes));
    });
  });
}

/** {@link inflate} for a server: of the large requests only a few at a time, so that what is not yet accounted for stays small. */
export class Inflater {
  #free = LARGE_AT_A_TIME;
  readonly #waiting: (() => void)[] = [];

  inflate(coding: ContentCoding, bytes: Uint8Array, maxBytes: number): Uint8Array | Promise<Uint8Array> {
    return bytes.length <= INFLATE_NOW_BYTES ? inflate(coding, bytes, maxBytes) : this.#later(coding, bytes, maxBytes);
  }

  async #later(coding: ContentCoding, bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await inflate(coding, bytes, maxBytes);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

/** As many as libuv has threads. */
const LARGE_AT_A_TIME = 4;

/** The result without the rest of the memory it was written to, which it would keep alive. */
function own(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer.byteLength <= bytes.length + bytes.length / 4) return bytes;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

/** Inflating this much takes below 0.1 ms unless it is a bomb, and then at most that of `maxBytes`. */
const INFLATE_NOW_BYTES = 4 * 1024;
/** 8 MiB: what RFC 8878 asks decoders to support, and encoders to stay within. */
const ZSTD_WINDOW_LOG_MAX = 23;
const MIN_CHUNK = 1024;
const MAX_CHUNK = 1024 * 1024;

interface Options {
  readonly maxOutputLength: number;
  readonly chunkSize: number;
  readonly params?: Record<number, number>;
}

interface Coding {
  readonly now: (bytes: Uint8Array, options: Options) => Uint8Array;
  readonly later: (
    bytes: Uint8Array,
    options: Options,
    done: (error: Error | null, result: Uint8Array) => void,
  ) => void;
}

const CODINGS: Readonly<Record<ContentCoding, Coding>> = {
  gzip: { now: gunzipSync, later: gunzip },
  deflate: { now: inflateSync, later: unzlib },
  zstd: { now: zstdDecompressSync, later: zstdDecompress },
};

/** Each chunk of output is a round trip to another thread: one is enough for most. gzip says at its end how long it is (modulo 2^32). */
function chunkSize(coding: ContentCoding, bytes: Uint8Array, maxBytes: number): number {
  const { length } = bytes;
  const guess =
    coding === 'gzip' && length > 18
      ? (bytes[length - 4]! | (bytes[length - 3]! << 8) | (bytes[length - 2]! << 16) | (bytes[length - 1]! << 24)) >>> 0
      : length * 12;
  return Math.max(MIN_CHUNK, Math.min(guess + 1, maxBytes, MAX_CHUNK));
}

function failure(coding: ContentCoding, error: unknown, maxBytes: number): TooLargeError | DamagedError {
  const { code, message } = asError(error) as NodeJS.ErrnoException;
  if (code === 'ERR_BUFFER_TOO_LARGE') {
    return new TooLargeError(`inflated, it would have more than ${maxBytes} bytes`, { cause: error });
  }
  return new DamagedError(`${coding}: ${message}`, { cause: error });
}
