import type { Transform } from 'node:stream';
import {
  constants,
  createGunzip,
  createInflate,
  createZstdDecompress,
  gunzipSync,
  inflateSync,
  zstdDecompressSync,
} from 'node:zlib';
import { asError } from '../errors.ts';
import type { ByteBudget } from './byte-budget.ts';
import { isSnappy, type SnappyCoding, snappySize, unsnappy } from './snappy.ts';

/** Codings that requests may come in. `deflate` is zlib's format, as HTTP has it. */
export type ContentCoding = ZlibCoding | SnappyCoding;
type ZlibCoding = 'gzip' | 'zstd' | 'deflate';

/** Inflated, the data would be larger than it may be. */
export class TooLargeError extends Error {
  override readonly name = 'TooLargeError';
}

/** The data is not what its coding says. The message names the coding and what is wrong. */
export class DamagedError extends Error {
  override readonly name = 'DamagedError';
}

/**
 * Inflates a request. At most `maxBytes` come out, and at most twice that and a window (8 MiB for zstd) are ever held, whatever
 * the ratio. The result has its own memory. Small requests are inflated at once, large ones off the main thread.
 *
 * Throws or rejects with {@link TooLargeError} or {@link DamagedError}.
 */
export function inflate(coding: ContentCoding, bytes: Uint8Array, maxBytes: number): Uint8Array | Promise<Uint8Array> {
  if (isSnappy(coding)) return inflateSnappy(coding, bytes, maxBytes);
  return bytes.length <= INFLATE_NOW_BYTES
    ? inflateNow(coding, bytes, maxBytes)
    : inflateLater(coding, bytes, maxBytes);
}

function inflateNow(coding: ZlibCoding, bytes: Uint8Array, maxBytes: number): Uint8Array {
  const output = new Output(maxBytes);
  try {
    for (const frames = new Frames(coding, bytes); !frames.done; ) {
      const { buffer, engine } = CODINGS[coding].now(frames.rest, {
        ...options(coding, frames.rest, maxBytes),
        maxOutputLength: Math.max(maxBytes, 1),
        info: true,
      });
      if (!output.add(buffer)) throw tooLarge(maxBytes);
      frames.end(engine.bytesWritten);
    }
    return output.join();
  } catch (error) {
    throw failure(coding, error, maxBytes);
  }
}

async function inflateLater(coding: ZlibCoding, bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const output = new Output(maxBytes);
  try {
    for (const frames = new Frames(coding, bytes); !frames.done; ) {
      const engine = CODINGS[coding].later(options(coding, frames.rest, maxBytes));
      await pass(engine, frames.rest, output);
      frames.end(engine.bytesWritten);
    }
    return output.join();
  } catch (error) {
    output.free();
    throw failure(coding, error, maxBytes);
  }
}

async function inflateSnappy(coding: SnappyCoding, bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const size = snappySize(coding, bytes);
  if (size === undefined) throw notSnappy(coding);
  if (size > maxBytes) throw tooLarge(maxBytes);
  try {
    return own(await unsnappy(coding, bytes));
  } catch (error) {
    throw failure(coding, error, maxBytes);
  }
}

/** Node ends with the first frame of zstd; requests may have several. */
class Frames {
  readonly #coding: ZlibCoding;
  /** Frames that may still come: each costs an engine, however small it is. */
  #left: number;
  rest: Uint8Array;
  done = false;

  constructor(coding: ZlibCoding, bytes: Uint8Array) {
    this.#coding = coding;
    this.#left = 16 + bytes.length / 4096;
    this.rest = bytes;
  }

  end(bytes: number): void {
    this.rest = this.rest.subarray(bytes);
    this.done = this.#coding !== 'zstd' || this.rest.length === 0;
    if (!this.done && (bytes === 0 || --this.#left < 0)) throw new DamagedError('too many frames for its size');
  }
}

/** What comes out, in pieces. */
class Output {
  readonly maxBytes: number;
  readonly #pieces: Buffer[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** False when it is too much now. */
  add(piece: Buffer): boolean {
    this.#pieces.push(piece);
    this.#length += piece.length;
    return this.#length <= this.maxBytes;
  }

  /** All of it, in memory of its own. */
  join(): Uint8Array {
    if (this.#pieces.length === 1) return own(this.#pieces[0]!);
    const whole = Buffer.allocUnsafeSlow(this.#length);
    let at = 0;
    for (const piece of this.#pieces) at += piece.copy(whole, at);
    this.free();
    return whole;
  }

  /**
   * Gives the memory back at once. Bombs leave so much of it behind that the garbage collector, which is told of it late, would
   * let it grow to several times what is in use. Only memory that is full: of other memory the engine may use the rest.
   */
  free(): void {
    let filled = 0;
    let last: ArrayBufferLike | undefined;
    for (const { buffer, length } of this.#pieces) {
      filled = buffer === last ? filled + length : length;
      last = buffer;
      if (filled === buffer.byteLength) (buffer as ArrayBuffer).transfer(0);
    }
    this.#pieces.length = 0;
  }
}

/** Sends all bytes through an engine. Rejects with its error, or as soon as there is too much output. */
function pass(engine: Transform, bytes: Uint8Array, output: Output): Promise<void> {
  return new Promise((resolve, reject) => {
    engine.on('data', (piece: Buffer) => output.add(piece) || engine.destroy(tooLarge(output.maxBytes)));
    engine.once('end', resolve);
    engine.once('error', reject);
    engine.end(bytes);
  });
}

/**
 * {@link inflate} for a server: of the large requests only a few at a time, each after it was asked whether there is memory for
 * what will come out. What says at its beginning that it is too large is refused without inflating it.
 */
export class Inflater {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** At a time as many as libuv has threads, and as a quarter of the budget has room for. */
  constructor(budget: ByteBudget, maxBytes: number) {
    this.#free = Math.max(1, Math.min(THREADS, Math.floor(budget.limit / 4 / maxBytes)));
  }

  /** `reserve` throws when there is no memory for so many bytes; what it has reserved before counts on top. */
  inflate(
    coding: ContentCoding,
    bytes: Uint8Array,
    maxBytes: number,
    reserve: (bytes: number) => void,
  ): Uint8Array | Promise<Uint8Array> {
    const declared = declaredSize(coding, bytes);
    if (isSnappy(coding) && declared === undefined) throw notSnappy(coding);
    // gzip says it at its end, which is anything when that was cut off.
    if (coding !== 'gzip' && declared !== undefined && declared > maxBytes) throw tooLarge(maxBytes);
    if (bytes.length <= INFLATE_NOW_BYTES && !isSnappy(coding)) return inflate(coding, bytes, maxBytes);
    const usual = declared ?? (bytes.length <= SILENT_BYTES ? USUAL_BYTES : Number.POSITIVE_INFINITY);
    if (isSnappy(coding) || usual > Math.min(USUAL_BYTES, maxBytes)) {
      return this.#later(coding, bytes, maxBytes, declared, reserve);
    }
    reserve(usual);
    try {
      return inflateNow(coding, bytes, usual);
    } catch (error) {
      if (!(error instanceof TooLargeError) || usual === maxBytes) throw error;
    }
    // Several members, of which the first or the last told its size; or a lie.
    return this.#later(coding, bytes, maxBytes, undefined, (all) => reserve(all - usual));
  }

  async #later(
    coding: ContentCoding,
    bytes: Uint8Array,
    maxBytes: number,
    declared: number | undefined,
    reserve: (bytes: number) => void,
  ): Promise<Uint8Array> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      const expected = Math.min(declared ?? maxBytes, maxBytes);
      reserve(expected);
      try {
        return await inflate(coding, bytes, expected);
      } catch (error) {
        if (!(error instanceof TooLargeError) || expected === maxBytes) throw error;
      }
      // Several members, of which the first or the last told its size; or a lie.
      reserve(maxBytes - expected);
      return await inflate(coding, bytes, maxBytes);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

/** What the data says of its size when inflated: gzip at the end of each member (modulo 2^32), zstd at the start of a frame, snappy always. */
function declaredSize(coding: ContentCoding, bytes: Uint8Array): number | undefined {
  if (isSnappy(coding)) return snappySize(coding, bytes);
  const { length } = bytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  // RFC 1952, 2.3: 10 bytes header, 8 bytes trailer.
  if (coding === 'gzip' && length >= 18 && view.getUint16(0) === GZIP_MAGIC) return view.getUint32(length - 4, true);
  if (coding !== 'zstd' || length < 14 || view.getUint32(0, true) !== ZSTD_MAGIC) return undefined;
  // RFC 8878, 3.1.1.1: descriptor, window (not with a single segment), id of a dictionary, size of the content.
  const descriptor = bytes[4]!;
  const single = (descriptor & 0x20) !== 0;
  const at = 5 + (single ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]!;
  switch (descriptor >> 6) {
    case 0:
      return single ? bytes[at]! : undefined;
    case 1:
      return view.getUint16(at, true) + 256;
    case 2:
      return view.getUint32(at, true);
    default:
      return at + 8 <= length ? Number(view.getBigUint64(at, true)) : undefined;
  }
}

const THREADS = 4;
const GZIP_MAGIC = 0x1f8b;
const ZSTD_MAGIC = 0xfd2fb528;

/** The result without the rest of the memory it was written to, which it would keep alive. */
function own(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer.byteLength <= bytes.length + bytes.length / 4) return bytes;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  copy.set(bytes);
  return copy;
}

/** Inflating this much takes below 0.1 ms unless it is a bomb, and then at most that of `maxBytes`. */
const INFLATE_NOW_BYTES = 4 * 1024;
/**
 * What says that it comes to no more than this is inflated at once: 0.1 ms for 170 KB, and going to another thread and back costs half as much
 * again. Above all an engine for zstd tells V8 of up to 8 MiB: several of them at a time make it collect all of the heap.
 */
const USUAL_BYTES = 512 * 1024;
/** What does not say it and is no longer than this seldom comes to more. */
const SILENT_BYTES = 20 * 1024;
/** 8 MiB: what RFC 8878 asks decoders to support, and encoders to stay within. */
const ZSTD_WINDOW_LOG_MAX = 23;
const MIN_CHUNK = 1024;
const MIN_LARGE_CHUNK = 64 * 1024;
const MAX_GUESS = 1024 * 1024;
/** What is inflated to more comes in pieces: a lie about the size reserves no more than this. */
const MAX_USUAL_RATIO = 64;

interface Options {
  readonly chunkSize: number;
  readonly params?: Record<number, number>;
}

interface Coding {
  now(
    bytes: Uint8Array,
    options: Options & { readonly maxOutputLength: number; readonly info: true },
  ): { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
  later(options: Options): Transform & { readonly bytesWritten: number };
}

// The types do not know what `info` returns.
const CODINGS: Readonly<Record<ZlibCoding, Coding>> = {
  gzip: { now: gunzipSync as unknown as Coding['now'], later: createGunzip },
  deflate: { now: inflateSync as unknown as Coding['now'], later: createInflate },
  zstd: { now: zstdDecompressSync as unknown as Coding['now'], later: createZstdDecompress },
};

function options(coding: ZlibCoding, bytes: Uint8Array, maxBytes: number): Options {
  return {
    chunkSize: chunkSize(coding, bytes, maxBytes),
    ...(coding === 'zstd' ? { params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG_MAX } } : {}),
  };
}

/** Each chunk of output is a round trip to another thread: one is enough for most. */
function chunkSize(coding: ZlibCoding, bytes: Uint8Array, maxBytes: number): number {
  const { length } = bytes;
  const size = declaredSize(coding, bytes) ?? Math.min(length * 12, MAX_GUESS);
  const least = length <= INFLATE_NOW_BYTES ? MIN_CHUNK : MIN_LARGE_CHUNK;
  return Math.max(least, Math.min(size, maxBytes, length * MAX_USUAL_RATIO) + 1);
}

function notSnappy(coding: SnappyCoding): DamagedError {
  return new DamagedError(`${coding}: the data is cut off, or not of this format`);
}

function tooLarge(maxBytes: number, cause?: unknown): TooLargeError {
  return new TooLargeError(`inflated, it would have more than ${maxBytes} bytes`, { cause });
}

function failure(coding: ContentCoding, error: unknown, maxBytes: number): TooLargeError | DamagedError {
  if (error instanceof TooLargeError || error instanceof DamagedError) return error;
  const { code, message } = asError(error) as NodeJS.ErrnoException;
  if (code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(maxBytes, error);
  return new DamagedError(`${coding}: ${message}`, { cause: error });
}
