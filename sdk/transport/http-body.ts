import type { IncomingMessage } from 'node:http';
import type { ByteBudget } from './byte-budget.ts';
import { ChunkList } from './chunk-list.ts';
import { type ContentCoding, DamagedError, type Inflater, TooLargeError } from './inflate.ts';

/** A request that is answered with an error. The message is the client's to see. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  /** The client may try again after so many ms. */
  readonly retryAfterMs: number | undefined;

  constructor(
    status: number,
    message: string,
    options: ErrorOptions & { readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options);
    this.status = status;
    this.retryAfterMs = options.retryAfterMs;
  }
}

export interface BodyLimits {
  /** As it comes, and inflated. */
  readonly maxBytes: number;
  /** For all requests together. */
  readonly budget: ByteBudget;
  readonly inflater: Inflater;
  /** Values of Content-Encoding that are taken; the empty one is none. */
  readonly codings: ReadonlySet<string>;
}

/** The body of a request, and what it takes of the budget until it is released. */
export interface HeldBody {
  readonly bytes: Uint8Array;
  /** Safe twice. */
  release(): void;
}

/** What clients are asked to wait when requests fill the memory that is set aside for them. */
const OVERLOADED_RETRY_MS = 1000;

/**
 * Reads and inflates a body. Rejects with {@link HttpError}: 400 for one that is too large, damaged or of an unknown encoding,
 * 503 when the budget is used up; and with any other error when the client goes away.
 */
export async function readBody(request: IncomingMessage, limits: BodyLimits): Promise<HeldBody> {
  const { maxBytes, budget, inflater } = limits;
  const coding = codingOf(request, limits.codings);
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  const evicted = new AbortController();
  const lease = budget.open(() => {
    chunks.clear();
    lease.release();
    evicted.abort(overloaded());
  });
  const chunks = new ChunkList((bytes) => lease.take(bytes));
  try {
    await receive(request, evicted.signal, (chunk) => {
      if (chunks.length + chunk.length > maxBytes) throw tooLarge();
      if (!chunks.push(chunk, maxBytes - chunks.length)) throw overloaded();
    });
    lease.arrived();
    const bytes = chunks.join();
    lease.release();
    if (!lease.take(bytes.length)) throw overloaded();
    if (coding === undefined) return { bytes, release: () => lease.release() };
    const inflated = await inflater.inflate(coding, bytes, maxBytes, (more) => {
      if (!lease.take(more)) throw overloaded();
    });
    lease.release();
    if (!lease.take(inflated.length)) throw overloaded();
    return { bytes: inflated, release: () => lease.release() };
  } catch (error) {
    // What waits for the end of the request knows the list.
    chunks.clear();
    lease.release();
    if (error instanceof TooLargeError) throw tooLarge();
    if (error instanceof DamagedError) throw new HttpError(400, error.message, { cause: error });
    throw error;
  }
}

/** Resolves at the end of the body. Rejects when `take` throws, on the abort and when the client goes away; then what still comes is dropped. */
function receive(request: IncomingMessage, abort: AbortSignal, take: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      request.off('data', onData);
      request.resume();
      reject(error);
    };
    const onData = (chunk: Buffer): void => {
      try {
        take(chunk);
      } catch (error) {
        fail(error);
      }
    };
    abort.addEventListener('abort', () => fail(abort.reason), { once: true });
    request.on('data', onData);
    request.once('end', resolve);
    request.once('close', () => request.complete || fail(new HttpError(400, 'unexpected EOF')));
  });
}

function codingOf({ headers }: IncomingMessage, codings: ReadonlySet<string>): ContentCoding | undefined {
  const written = headers['content-encoding']?.trim().toLowerCase() ?? '';
  const name = written === 'identity' ? '' : written;
  if (!codings.has(name))
    throw new HttpError(400, `unsupported Content-Encoding: ${headers['content-encoding'] ?? 'none'}`);
  switch (name) {
    case '':
      return undefined;
    case 'gzip':
    case 'zstd':
    case 'snappy':
    case 'x-snappy-framed':
      return name;
    case 'zlib':
    case 'deflate':
      return 'deflate';
    default:
      throw new HttpError(400, `unsupported Content-Encoding: ${name}`);
  }
}

function overloaded(): HttpError {
  return new HttpError(503, 'the requests under way fill the memory that is set aside for them', {
    retryAfterMs: OVERLOADED_RETRY_MS,
  });
}

function tooLarge(): HttpError {
  return new HttpError(400, 'http: request body too large');
}
