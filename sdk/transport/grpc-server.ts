import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import { createSecureServer, createServer, type Http2SecureServer, type Http2Server } from 'node:http2';
import { Server as NetServer } from 'node:net';
import type { ServerAuth } from '../auth.ts';
import type { Clock, Logger, Timer } from '../scope.ts';
import type { ByteBudget } from './byte-budget.ts';
import { GrpcCall, type GrpcCallHost, type GrpcMethod } from './grpc-call.ts';
import { type CloseReason, GrpcConnection, type GrpcKeepalive } from './grpc-connection.ts';
import { GRPC, type GrpcCode, GrpcError } from './grpc-status.ts';
import { Inflater } from './inflate.ts';
import { type ListenAddress, listen, type Transport } from './listen.ts';
import type { ServerTls } from './tls.ts';
import { logTlsRefusals } from './tls-refusals.ts';

export type { GrpcMethod, GrpcRequest } from './grpc-call.ts';
export type { CloseReason, GrpcKeepalive } from './grpc-connection.ts';

export interface GrpcServerOptions {
  readonly address: ListenAddress;
  readonly transport?: Transport;
  /** By path: `/package.Service/Method`. */
  readonly methods: ReadonlyMap<string, GrpcMethod>;
  /** Plain HTTP/2 without. The server attaches itself and leaves closing to its owner. */
  readonly tls?: ServerTls | undefined;
  readonly auth?: ServerAuth | undefined;
  readonly keepalive: GrpcKeepalive;
  /** Of one message, also inflated. Bytes. */
  readonly maxMessageBytes: number;
  /** Calls of one connection at a time. Default: 1000. */
  readonly maxConcurrentStreams?: number | undefined;
  /** Connections at a time; the longest idle one makes room. Default: 4096. */
  readonly maxConnections?: number;
  /** For all requests under way together, from their first byte to their answer; servers may share one. */
  readonly budget: ByteBudget;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called for each call when it is over. */
  readonly answered?: (code: GrpcCode) => void;
  /** Called when the server itself ends a connection before its time. */
  readonly closed?: (reason: CloseReason) => void;
}

/** A request must be complete by then, whatever deadline its client has. */
const RECEIVE_TIMEOUT_MS = 60_000;
const TLS_HANDSHAKE_TIMEOUT_MS = 10_000;
/** Calls that a client cancels. More in a row end its connection: it pays for a call each time, the server for more. */
const MAX_RESETS_AT_ONCE = 200;
const MAX_RESETS_PER_SECOND = 33;
const CHECK_EVERY_MS = 1000;
const STREAM_WINDOW_BYTES = 8 * 1024 * 1024;
const SESSION_WINDOW_BYTES = 64 * 1024 * 1024;

/**
 * A server of unary gRPC methods over HTTP/2. No client can make it hold more than its budget of requests, keep it from
 * serving others, or make it wait: every limit of HTTP/2 is set, every wait has an end.
 *
 * The flow windows are large, so that a client never waits for the server to ask for more of a request. A million points in
 * requests of 1,000 cost 0.16 to 0.20 CPU-seconds, at up to 5 million points/s, with `--max-semi-space-size=1`. With Node's default it is
 * 0.4 to 0.5: requests outlive the young generation, and their memory outside the heap makes V8 collect all of it.
 */
export class GrpcServer {
  readonly #options: GrpcServerOptions;
  readonly #server: Http2Server | Http2SecureServer;
  readonly #connections = new Set<GrpcConnection>();
  /** Calls whose message is not complete, the oldest first. */
  readonly #receiving = new Set<GrpcCall>();
  readonly #host: GrpcCallHost;
  readonly #maxConnections: number;
  #timer: Timer | undefined;
  #stopping: Promise<void> | undefined;
  #listening = false;
  #accepted = 0;

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    const { maxMessageBytes, clock, log } = options;
    this.#maxConnections = options.maxConnections ?? 4096;
    const inflater = new Inflater(options.budget, maxMessageBytes);
    this.#host = {
      methods: options.methods,
      auth: options.auth,
      maxMessageBytes,
      budget: options.budget,
      inflater,
      clock,
      log,
    };
    const settings = {
      settings: {
        initialWindowSize: STREAM_WINDOW_BYTES,
        maxConcurrentStreams: options.maxConcurrentStreams || 1000,
        maxHeaderListSize: 64 * 1024,
        enablePush: false,
      },
      maxSessionMemory: 16,
      maxHeaderListPairs: 128,
      maxSettings: 32,
      streamResetBurst: MAX_RESETS_AT_ONCE,
      streamResetRate: MAX_RESETS_PER_SECOND,
      maxSessionInvalidFrames: 100,
      maxSessionRejectedStreams: 100,
      unknownProtocolTimeout: TLS_HANDSHAKE_TIMEOUT_MS,
    };
    if (options.tls === undefined) {
      this.#server = createServer(settings);
    } else {
      const server = createSecureServer({
        ...options.tls.options,
        ...settings,
        ALPNProtocols: ['h2'],
        allowHTTP1: false,
        handshakeTimeout: TLS_HANDSHAKE_TIMEOUT_MS,
      });
      options.tls.attach(server);
      server.on('tlsClientError', logTlsRefusals(log));
      this.#server = server;
    }
    this.#server.maxConnections = this.#maxConnections + 64;
    this.#server.on('session', (session: ServerHttp2Session) => this.#connect(session));
    this.#server.on('sessionError', () => {});
    this.#server.on('error', (error) =>
      log.error('A gRPC server has a problem with its listener.', { error: error.message }),
    );
    // Without a listener Node ends streams that it takes for unhandled.
    this.#server.on('stream', () => {});
  }

  /** Resolves to the address for people, `127.0.0.1:4317`. Rejects with StartError. */
  async start(): Promise<string> {
    const { address, transport, clock, keepalive } = this.#options;
    const shown = await listen(this.#server, address, transport);
    this.#listening = true;
    const { maxConnectionAgeMs, maxConnectionAgeGraceMs, maxConnectionIdleMs, timeMs, timeoutMs } = keepalive;
    const shortest = Math.min(maxConnectionAgeMs, maxConnectionAgeGraceMs, maxConnectionIdleMs, timeMs, timeoutMs);
    this.#timer = clock.every(Math.max(10, Math.min(CHECK_EVERY_MS, shortest / 2)), () => this.#check());
    return shown;
  }

  /**
   * Takes no new connections, asks clients to go elsewhere, answers what is under way for up to `drainMs`, then cuts off. Safe
   * twice and without start.
   */
  stop(drainMs = 5000): Promise<void> {
    this.#stopping ??= this.#stop(drainMs);
    return this.#stopping;
  }

  /** For views: what is under way. */
  get state(): {
    readonly connections: number;
    readonly connectionsSinceStart: number;
    readonly calls: number;
  } {
    let calls = 0;
    for (const connection of this.#connections) calls += connection.calls;
    return {
      connections: this.#connections.size,
      connectionsSinceStart: this.#accepted,
      calls,
    };
  }

  async #stop(drainMs: number): Promise<void> {
    if (!this.#listening) return;
    this.#listening = false;
    // Not its own close(), which would end the sessions before they can be asked to end.
    const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(this.#server, () => resolve()));
    const gone = [...this.#connections].map(
      ({ session }) => new Promise<void>((resolve) => session.once('close', () => resolve())),
    );
    for (const connection of this.#connections) connection.drain();
    const cut = setTimeout(() => {
      for (const connection of [...this.#connections]) connection.cut('shutdown');
    }, drainMs);
    await Promise.all([closed, ...gone]);
    clearTimeout(cut);
    this.#timer?.cancel();
  }

  #connect(session: ServerHttp2Session): void {
    const { clock, keepalive } = this.#options;
    this.#accepted++;
    if (this.#connections.size >= this.#maxConnections && !this.#evictIdlest()) {
      session.on('error', () => {});
      session.destroy();
      this.#options.closed?.('evicted');
      return;
    }
    const connection = new GrpcConnection(session, clock, keepalive, (reason) => this.#options.closed?.(reason));
    this.#connections.add(connection);
    session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    session.on('error', (error) => {
      this.#options.closed?.('protocol_error');
      // Also what grpc-go says at each goodbye: its last GOAWAY names a stream that cannot be.
      this.#options.log.debug('A connection ended with an error.', { error: error.message });
    });
    session.on('stream', (stream, headers) => this.#call(connection, stream as ServerHttp2Stream, headers));
    session.on('close', () => this.#connections.delete(connection));
    if (this.#stopping !== undefined) connection.drain();
  }

  #call(connection: GrpcConnection, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    connection.callBegun();
    const call = new GrpcCall(stream, headers, this.#host, (ended, code) => {
      this.#receiving.delete(ended);
      connection.callEnded();
      this.#options.answered?.(code);
    });
    this.#receiving.add(call);
    call.begin();
  }

  #check(): void {
    const now = this.#options.clock.monotonic();
    for (const connection of this.#connections) connection.check(now);
    for (const call of this.#receiving) {
      if (!call.receiving) this.#receiving.delete(call);
      else if (call.deadlineMs !== undefined && call.deadlineMs <= now) {
        call.fail(new GrpcError(GRPC.DEADLINE_EXCEEDED, 'context deadline exceeded'));
      } else if (now - call.begunMs >= RECEIVE_TIMEOUT_MS) {
        call.fail(new GrpcError(GRPC.UNAVAILABLE, `the request did not arrive within ${RECEIVE_TIMEOUT_MS / 1000} s`));
      }
    }
  }

  #evictIdlest(): boolean {
    let idlest: GrpcConnection | undefined;
    for (const connection of this.#connections) {
      if (connection.calls > 0) continue;
      if (idlest === undefined || connection.lastReadMs < idlest.lastReadMs) idlest = connection;
    }
    if (idlest === undefined) return false;
    this.#connections.delete(idlest);
    idlest.cut('evicted');
    return true;
  }
}
