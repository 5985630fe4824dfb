import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { RequestHeaders, ServerAuth } from '../auth.ts';
import type { Clock, Logger, Timer } from '../scope.ts';
import type { BudgetLease, ByteBudget } from './byte-budget.ts';
import { overloaded, toGrpcError, tooLate, tooSlow } from './grpc-call-errors.ts';
import { GrpcMessageReader, grpcFrame } from './grpc-frame.ts';
import { encodeGrpcMessage, encodeRpcStatus, GRPC, type GrpcCode, GrpcError } from './grpc-status.ts';
import { parseGrpcTimeout } from './grpc-timeout.ts';
import type { ContentCoding, Inflater } from './inflate.ts';

/** A request as a method gets it. */
export interface GrpcRequest {
  /** Uncompressed. Its own memory; the method may keep it. */
  readonly message: Uint8Array;
  /** Metadata; keys in lower case. */
  readonly headers: RequestHeaders;
  /** Aborted when the client gives up, its deadline passes or the server must end. */
  readonly abort: AbortSignal;
  /** The client's IP address; undefined when it has gone. */
  readonly peer: string | undefined;
}

/** A unary method. */
export interface GrpcMethod {
  /** Asked when a call begins and again when its message is there: refusing is cheap then, for nothing was inflated or decoded. */
  refusal?(): GrpcError | undefined;
  /** Returns the response's message. Throws GrpcError; anything else is an INTERNAL error, whose text the client does not see. */
  handle(request: GrpcRequest): Uint8Array | Promise<Uint8Array>;
}

/** What a call needs of its server. */
export interface GrpcCallHost {
  readonly methods: ReadonlyMap<string, GrpcMethod>;
  readonly auth: ServerAuth | undefined;
  readonly maxMessageBytes: number;
  readonly budget: ByteBudget;
  readonly inflater: Inflater;
  readonly clock: Clock;
  readonly log: Logger;
}

/** One unary call: its life from the first header to the trailers. */
export class GrpcCall {
  /** Of the clock, ms. */
  readonly begunMs: number;
  readonly #stream: ServerHttp2Stream;
  readonly #headers: IncomingHttpHeaders;
  readonly #host: GrpcCallHost;
  readonly #ended: (call: GrpcCall, code: GrpcCode) => void;
  readonly #reader: GrpcMessageReader;
  readonly #lease: BudgetLease;
  #method: GrpcMethod | undefined;
  #state: 'receiving' | 'handling' | 'ended' = 'receiving';
  #authenticated: true | Promise<boolean> = true;
  #deadlineMs: number | undefined;
  #abort: AbortController | undefined;
  #timer: Timer | undefined;

  /** `ended` is called once, when nothing of the call is left. */
  constructor(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    host: GrpcCallHost,
    ended: (call: GrpcCall, code: GrpcCode) => void,
  ) {
    this.#ended = ended;
    this.#stream = stream;
    this.#headers = headers;
    this.#host = host;
    this.#lease = host.budget.open(() => this.fail(tooSlow()));
    this.#reader = new GrpcMessageReader(host.maxMessageBytes, (bytes) => this.#lease.take(bytes));
    this.begunMs = host.clock.monotonic();
  }

  /** Whether its message is not complete yet. */
  get receiving(): boolean {
    return this.#state === 'receiving';
  }

  /** When its client stops waiting, ms of the clock; undefined when it never does. */
  get deadlineMs(): number | undefined {
    return this.#deadlineMs;
  }

  begin(): void {
    const stream = this.#stream;
    stream.on('error', () => {});
    stream.on('close', () => this.#end(GRPC.CANCELLED));
    if (!this.#isGrpc()) return;
    try {
      this.#method = this.#findMethod();
      this.#deadlineMs = this.#readDeadline();
      const refusal = this.#method.refusal?.();
      if (refusal !== undefined) throw refusal;
      if (!this.#lease.take(CALL_BYTES)) throw overloaded();
      this.#authenticated = this.#authenticate();
    } catch (error) {
      this.fail(error);
      return;
    }
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('end', () => this.#received());
  }

  /** Ends the call with an error, wherever it is. */
  fail(error: unknown): void {
    if (this.#state === 'ended') return;
    const stream = this.#stream;
    const { code, message, retryAfterMs } = toGrpcError(error, this.#headers[':path'], this.#host);
    if (!stream.headersSent && !stream.destroyed && !stream.closed) {
      const wasReceiving = this.#state === 'receiving';
      stream.respond(
        {
          ':status': 200,
          'content-type': 'application/grpc',
          'grpc-status': String(code),
          'grpc-message': encodeGrpcMessage(message),
          ...(code === GRPC.UNIMPLEMENTED ? { 'grpc-accept-encoding': ACCEPTED } : {}),
          ...(retryAfterMs === undefined
            ? {}
            : { 'grpc-status-details-bin': encodeRpcStatus(code, message, retryAfterMs).toString('base64') }),
        },
        { endStream: true },
      );
      this.#end(code);
      if (wasReceiving) this.#discardRest();
    } else {
      this.#end(code);
      if (!stream.destroyed) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    }
  }

  #isGrpc(): boolean {
    const { ':method': method, 'content-type': type = '' } = this.#headers;
    if (method === 'POST' && /^application\/grpc($|[+;])/.test(type)) return true;
    const status = method === 'POST' ? 415 : 405;
    const text =
      method === 'POST' ? `invalid gRPC request content-type ${JSON.stringify(type)}` : 'gRPC calls are POST requests';
    this.#stream.respond({
      ':status': status,
      'content-type': 'text/plain; charset=utf-8',
      ...(status === 405 ? { allow: 'POST' } : {}),
    });
    this.#stream.end(text);
    this.#end(GRPC.INTERNAL);
    this.#discardRest();
    return false;
  }

  #findMethod(): GrpcMethod {
    const path = this.#headers[':path'] ?? '';
    const method = this.#host.methods.get(path);
    if (method !== undefined) return method;
    const slash = path.lastIndexOf('/');
    if (!path.startsWith('/') || slash === 0) {
      throw new GrpcError(GRPC.UNIMPLEMENTED, `malformed method name: ${JSON.stringify(path)}`);
    }
    const service = path.slice(0, slash + 1);
    const known = [...this.#host.methods.keys()].some((other) => other.startsWith(service));
    throw new GrpcError(
      GRPC.UNIMPLEMENTED,
      known
        ? `unknown method ${path.slice(slash + 1)} for service ${service.slice(1, -1)}`
        : `unknown service ${service.slice(1, -1)}`,
    );
  }

  #readDeadline(): number | undefined {
    const text = this.#headers['grpc-timeout'];
    if (text === undefined) return undefined;
    const ms = typeof text === 'string' ? parseGrpcTimeout(text) : undefined;
    if (ms === undefined) throw new GrpcError(GRPC.INTERNAL, 'malformed grpc-timeout');
    return this.begunMs + ms;
  }

  #authenticate(): true | Promise<boolean> {
    const outcome = this.#host.auth?.authenticate(this.#headers as RequestHeaders);
    if (!(outcome instanceof Promise)) return true;
    return outcome.then(
      () => true,
      (error: unknown) => {
        this.fail(error);
        return false;
      },
    );
  }

  #receive(chunk: Buffer): void {
    if (this.#state !== 'receiving') return;
    try {
      if (!this.#reader.push(chunk)) this.fail(overloaded());
    } catch (error) {
      this.fail(error);
    }
    // It may have been this one that made room for itself.
    if ((this.#state as string) === 'ended') this.#lease.release();
  }

  #received(): void {
    if (this.#state !== 'receiving') return;
    this.#state = 'handling';
    this.#lease.arrived();
    const allowed = this.#authenticated;
    if (allowed === true) this.#inflate();
    else void allowed.then((ok) => ok && this.#inflate());
  }

  #inflate(): void {
    if (this.#state === 'ended') return;
    try {
      const refusal = this.#method!.refusal?.();
      if (refusal !== undefined) throw refusal;
      const message = this.#reader.finish();
      this.#hold(message.bytes.length);
      if (!message.compressed) {
        this.#handle(message.bytes);
        return;
      }
      const { inflater, maxMessageBytes } = this.#host;
      const inflated = inflater.inflate(this.#coding(), message.bytes, maxMessageBytes, (more) => this.#reserve(more));
      if (inflated instanceof Promise) {
        inflated.then(
          (bytes) => this.#handleInflated(bytes),
          (error: unknown) => this.fail(error),
        );
      } else {
        this.#handleInflated(inflated);
      }
    } catch (error) {
      this.fail(error);
    }
  }

  #coding(): ContentCoding {
    const coding = this.#headers['grpc-encoding'];
    if (coding === 'gzip' || coding === 'zstd') return coding;
    if (coding === 'snappy') return 'x-snappy-framed';
    if (coding === undefined || coding === 'identity') {
      throw new GrpcError(GRPC.INTERNAL, 'grpc: compressed flag set with identity or empty encoding');
    }
    throw new GrpcError(
      GRPC.UNIMPLEMENTED,
      `grpc: Decompressor is not installed for grpc-encoding ${JSON.stringify(coding)}; use gzip, zstd or snappy`,
    );
  }

  #handleInflated(inflated: Uint8Array): void {
    if (this.#state === 'ended') return;
    try {
      this.#hold(inflated.length);
      this.#handle(inflated);
    } catch (error) {
      this.fail(error);
    }
  }

  #reserve(bytes: number): void {
    if (this.#state === 'ended') throw new GrpcError(GRPC.CANCELLED, 'the call is over');
    if (!this.#lease.take(bytes)) throw overloaded();
  }

  /** What it held so far is gone; from now on it holds this. */
  #hold(bytes: number): void {
    this.#lease.release();
    if (!this.#lease.take(CALL_BYTES + bytes)) throw overloaded();
  }

  #handle(message: Uint8Array): void {
    const { clock } = this.#host;
    if (this.#deadlineMs !== undefined && this.#deadlineMs <= clock.monotonic()) throw tooLate();
    const abort = new AbortController();
    this.#abort = abort;
    const response = this.#method!.handle({
      message,
      headers: this.#headers as RequestHeaders,
      abort: abort.signal,
      peer: this.#stream.session?.socket.remoteAddress,
    });
    if (!(response instanceof Promise)) {
      this.#respond(response);
      return;
    }
    if (this.#deadlineMs !== undefined) {
      this.#timer = clock.after(this.#deadlineMs - clock.monotonic(), () => this.fail(tooLate()));
    }
    response.then(
      (bytes) => this.#respond(bytes),
      (error: unknown) => this.fail(error),
    );
  }

  #respond(message: Uint8Array): void {
    if (this.#state === 'ended') return;
    const stream = this.#stream;
    if (!stream.destroyed && !stream.closed) {
      stream.respond(OK_HEADERS, { waitForTrailers: true });
      stream.once('wantTrailers', () => stream.sendTrailers(OK_TRAILERS));
      stream.end(grpcFrame(message));
    }
    this.#end(GRPC.OK);
  }

  #end(code: GrpcCode): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#timer?.cancel();
    this.#reader.clear();
    this.#lease.release();
    if (code !== GRPC.OK) this.#abort?.abort();
    this.#ended(this, code);
  }

  /** What the client still sends is dropped, and it is told to stop. */
  #discardRest(): void {
    const stream = this.#stream;
    stream.removeAllListeners('data');
    stream.removeAllListeners('end');
    stream.resume();
    if (!stream.readableEnded && !stream.endAfterHeaders) stream.close(constants.NGHTTP2_NO_ERROR);
  }
}

/** What a call takes besides its message: stream, headers, this object. */
const CALL_BYTES = 8192;
const ACCEPTED = 'identity,gzip,zstd,snappy';
const OK_HEADERS = { ':status': 200, 'content-type': 'application/grpc' };
const OK_TRAILERS = { 'grpc-status': '0' };
