import { constants, type ServerHttp2Session } from 'node:http2';
import type { Clock } from '../scope.ts';

/** `keepalive:` of a gRPC server. All in ms; infinite where a limit is not set. */
export interface GrpcKeepalive {
  /** A connection without calls is asked to end after this. */
  readonly maxConnectionIdleMs: number;
  /** Every connection is asked to end at this age, give or take a tenth … */
  readonly maxConnectionAgeMs: number;
  /** … and cut off when it has not ended so long after that. */
  readonly maxConnectionAgeGraceMs: number;
  /** A silent client is asked for a sign of life after this … */
  readonly timeMs: number;
  /** … and cut off when none comes within this. */
  readonly timeoutMs: number;
  /** Clients may not ask for one more often than this … */
  readonly minTimeMs: number;
  /** … and while they have no call only every two hours, unless this is true. */
  readonly permitWithoutStream: boolean;
}

/** Violations of `minTimeMs` that are forgiven between two answers. */
const MAX_PING_STRIKES = 2;
const IDLE_PING_MS = 2 * 3_600_000;
/** A client that has not begun to speak HTTP/2 by then does not mean to. */
const PREFACE_TIMEOUT_MS = 10_000;
/** How long a round trip to a client may take before the second GOAWAY. */
const ROUND_TRIP_MS = 1000;
const IDLE_ROUND_TRIP_MS = 100;
const LAST_STREAM = 2 ** 31 - 1;

/** Why a server ended a connection before its time. */
export type CloseReason =
  | 'protocol_error'
  | 'preface_timeout'
  | 'keepalive_timeout'
  | 'age'
  | 'too_many_pings'
  | 'evicted'
  | 'shutdown';

/** One client's connection: when it must be asked for a sign of life, asked to end, or cut off. */
export class GrpcConnection {
  readonly session: ServerHttp2Session;
  /** Calls under way. */
  calls = 0;
  /** When something was last read, ms of the clock. */
  lastReadMs: number;
  readonly #clock: Clock;
  readonly #keepalive: GrpcKeepalive;
  readonly #openedMs: number;
  readonly #endMs: number;
  readonly #onCut: (reason: CloseReason) => void;
  #idleSinceMs: number;
  #speaks = false;
  #pingedMs: number | undefined;
  #drainingMs: number | undefined;
  #lastPingMs = Number.NEGATIVE_INFINITY;
  #strikes = 0;

  constructor(
    session: ServerHttp2Session,
    clock: Clock,
    keepalive: GrpcKeepalive,
    onCut: (reason: CloseReason) => void,
  ) {
    this.session = session;
    this.#clock = clock;
    this.#keepalive = keepalive;
    this.#onCut = onCut;
    const now = clock.monotonic();
    this.#openedMs = now;
    this.lastReadMs = now;
    this.#idleSinceMs = now;
    this.#endMs = now + keepalive.maxConnectionAgeMs * (0.9 + 0.2 * Math.random());
    session.once('remoteSettings', () => {
      this.#speaks = true;
    });
    session.on('ping', () => this.#pinged());
  }

  /** Whether it has been asked to end. */
  get draining(): boolean {
    return this.#drainingMs !== undefined;
  }

  callBegun(): void {
    this.calls++;
    this.lastReadMs = this.#clock.monotonic();
  }

  callEnded(): void {
    this.calls--;
    this.#strikes = 0;
    this.#lastPingMs = Number.NEGATIVE_INFINITY;
    if (this.calls === 0) this.#idleSinceMs = this.#clock.monotonic();
  }

  /** To be called often: does what is due. */
  check(now: number): void {
    const keepalive = this.#keepalive;
    if (!this.#speaks && now - this.#openedMs >= PREFACE_TIMEOUT_MS) {
      this.cut('preface_timeout');
      return;
    }
    if (this.#drainingMs !== undefined) {
      if (now - this.#drainingMs >= keepalive.maxConnectionAgeGraceMs) this.cut('age');
    } else if (now >= this.#endMs || (this.calls === 0 && now - this.#idleSinceMs >= keepalive.maxConnectionIdleMs)) {
      this.drain();
    }
    if (this.#pingedMs !== undefined) {
      if (this.lastReadMs > this.#pingedMs) this.#pingedMs = undefined;
      else if (now - this.#pingedMs >= keepalive.timeoutMs) this.cut('keepalive_timeout');
    } else if (now - this.lastReadMs >= keepalive.timeMs) {
      this.#pingedMs = now;
      this.#ping(() => {
        this.lastReadMs = this.#clock.monotonic();
        this.#pingedMs = undefined;
      });
    }
  }

  /**
   * Asks the client to end: a first GOAWAY lets what is on its way arrive, a second one, a round trip later, names the last call that counts.
   * The connection closes when its calls are over.
   */
  drain(): void {
    if (this.#drainingMs !== undefined || this.session.destroyed) return;
    this.#drainingMs = this.#clock.monotonic();
    if (!this.#speaks) {
      this.session.close();
      return;
    }
    this.session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM);
    const close = (): void => {
      clearTimeout(timer);
      if (!this.session.destroyed) this.session.close();
    };
    // Some clients without calls answer nothing any more.
    const timer = setTimeout(close, this.calls === 0 ? IDLE_ROUND_TRIP_MS : ROUND_TRIP_MS);
    this.session.once('close', () => clearTimeout(timer));
    this.#ping(close);
  }

  /** Ends it at once, with whatever is under way. */
  cut(reason: CloseReason): void {
    if (this.session.destroyed) return;
    this.#onCut(reason);
    this.session.destroy();
  }

  #ping(answered: () => void): void {
    // False when too many pings are unanswered; the time limits then do their work.
    if (!this.session.destroyed) this.session.ping((error) => error === null && answered());
  }

  #pinged(): void {
    const now = this.#clock.monotonic();
    this.lastReadMs = now;
    const { minTimeMs, permitWithoutStream } = this.#keepalive;
    const tooEarly = now - this.#lastPingMs < (this.calls === 0 && !permitWithoutStream ? IDLE_PING_MS : minTimeMs);
    this.#lastPingMs = now;
    if (!tooEarly) return;
    if (++this.#strikes <= MAX_PING_STRIKES || this.session.destroyed) return;
    this.#onCut('too_many_pings');
    this.session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, LAST_STREAM, Buffer.from('too_many_pings'));
    this.session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}
