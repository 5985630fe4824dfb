import type { ServiceError } from '@grpc/grpc-js';
import { asError, type Clock, type Logger, type Timer } from 'bpflow/sdk';
import type { FlowStream, ObserverClient } from './client.ts';
import { describeFailure } from './failures.ts';
import type { ServerStatus } from './messages.ts';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
const POLL_MS = 10_000;
const EMPTY_RING_MS = 1000;
/** A stream that lived so long, or brought something, has worked: the next one is tried soon. */
const STEADY_MS = 10_000;
/** With fewer entries a reader of the ring is put behind its end, and gets nothing until the ring has turned. */
const ENTRIES_TO_READ = 2;

export interface SessionEvents {
  /** The request for a stream that is opened now. `restart`: from when the last stream was opened, for it got nothing. */
  request(isRelay: boolean, restart: boolean): Uint8Array;
  /** One message of the stream. False ends the stream: it is not worth reading. */
  message(bytes: Buffer): boolean;
  /** The server's word about itself: before each stream, then every 10 s. `reconnected`: for the first time after a loss. */
  status(status: ServerStatus, reconnected: boolean, asked: Asked): void;
  /** The state has changed. */
  changed(state: SessionState): void;
}

/** Between which moments the server was asked; monotonic time, ms. */
export interface Asked {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface SessionState {
  readonly kind: 'connecting' | 'waiting' | 'following' | 'lost' | 'stopped';
  /** Sentence for people; empty where the kind says all. */
  readonly reason: string;
  readonly isRelay: boolean;
  /** What the server calls its version; empty when not known. */
  readonly version: string;
}

export interface SessionOptions {
  /** For messages. */
  readonly address: string;
  readonly connect: () => Promise<ObserverClient>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: SessionEvents;
  /** In [0, 1). */
  readonly random?: () => number;
}

/**
 * Keeps a stream of flows open: asks the server for its state, opens the stream, watches it, and begins anew with growing waits when
 * it ends. A ring with less than two entries is waited for, and a stream that gets nothing while the server sees flows is opened again,
 * because Hubble leaves such readers without anything until its ring has turned.
 */
export class Session {
  /** Streams opened so far. */
  opened = 0;
  readonly #options: SessionOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #state: SessionState = { kind: 'connecting', reason: '', isRelay: false, version: '' };
  #waitMs = FIRST_WAIT_MS;
  #hadStream = false;
  /** Messages of the present stream. */
  #messages = 0;
  /** Polls after which a silent stream counts as stuck; grows, for filters can be the reason as well. */
  #patience = 1;
  /** The next stream begins where the last one began. */
  #restart = false;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  get state(): SessionState {
    return this.#state;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
    this.#become('stopped', '');
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const begun = this.#options.clock.monotonic();
      this.#messages = 0;
      const failure = await this.#connect();
      if (signal.aborted) return;
      if (failure === 'stuck') {
        this.#options.log.info('The stream of Hubble got nothing while the server sees flows; it is opened again.', {
          endpoint: this.#options.address,
        });
        continue;
      }
      this.#become('lost', failure);
      const hasWorked = this.#messages > 0 || this.#options.clock.monotonic() - begun > STEADY_MS;
      if (hasWorked) this.#waitMs = FIRST_WAIT_MS;
      const random = this.#options.random ?? Math.random;
      const wait = this.#waitMs * (0.5 + random());
      this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
      await this.#sleep(wait);
    }
  }

  /** One connection from its begin to its end. Resolves to what ended it. */
  async #connect(): Promise<string> {
    const { address, connect, events } = this.#options;
    let client: ObserverClient | undefined;
    try {
      client = await connect();
      let [status, asked] = await this.#ask(client);
      const isRelay = status.connectedNodes !== undefined;
      const first = { ...this.#state, isRelay, version: status.version };
      this.#state = first;
      events.status(status, this.#hadStream, asked);
      while (!isRelay && status.entries < ENTRIES_TO_READ && !this.#stopping.signal.aborted) {
        this.#become('waiting', 'Hubble has seen no flow since its start.');
        await this.#sleep(EMPTY_RING_MS);
        [status, asked] = await this.#ask(client);
        events.status(status, false, asked);
      }
      if (this.#stopping.signal.aborted) return '';
      return await this.#follow(client, status);
    } catch (error) {
      return describeFailure(asError(error), address);
    } finally {
      client?.close();
    }
  }

  async #follow(client: ObserverClient, first: ServerStatus): Promise<string> {
    const { address, events } = this.#options;
    const { signal } = this.#stopping;
    const { promise, resolve } = Promise.withResolvers<string>();
    const request = events.request(this.#state.isRelay, this.#restart);
    this.#restart = false;
    this.#messages = 0;
    this.opened++;
    const stream: FlowStream = client.flows(request, {
      opened: ({ agent, relay }) => {
        const isRelay = relay !== '' || this.#state.isRelay;
        this.#state = { ...this.#state, isRelay, version: relay || agent || first.version };
      },
      message: (bytes) => {
        this.#messages++;
        if (events.message(bytes)) return;
        stream.cancel();
        this.#messages = 0;
        resolve(`Hubble at ${address} sends what is no flow; is something else listening there?`);
      },
      ended: (error: ServiceError | undefined) =>
        resolve(error === undefined ? `Hubble at ${address} ended the stream.` : describeFailure(error, address)),
    });
    // The server sends its headers with the first flow, which can be long in coming.
    this.#hadStream = true;
    this.#become('following', '');
    const cancel = (): void => resolve('');
    signal.addEventListener('abort', cancel, { once: true });
    const poll = this.#poll(client, first, resolve);
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', cancel);
      poll.cancel();
      stream.cancel();
    }
  }

  #poll(client: ObserverClient, first: ServerStatus, end: (reason: string) => void): Timer {
    const { clock, events, address } = this.#options;
    let asking = false;
    let silent = 0;
    let failures = 0;
    return clock.every(POLL_MS, () => {
      if (asking) return;
      asking = true;
      this.#ask(client)
        .then(([status, asked]) => {
          failures = 0;
          events.status(status, false, asked);
          if (this.#messages > 0) {
            this.#patience = 1;
            return;
          }
          // One flow is always held back until the next one comes.
          if (status.seen - first.seen < 2) return;
          if (++silent < this.#patience) return;
          this.#patience = Math.min(this.#patience * 2, MAX_PATIENCE);
          this.#restart = true;
          end('stuck');
        })
        .catch((error: unknown) => {
          // A stream over a dead connection would be waited for without end.
          if (++failures >= 3) end(describeFailure(asError(error), address));
        })
        .finally(() => {
          asking = false;
        });
    });
  }

  async #ask(client: ObserverClient): Promise<readonly [ServerStatus, Asked]> {
    const { clock } = this.#options;
    const fromMs = clock.monotonic();
    const status = await this.#unlessStopped(client.status());
    return [status, { fromMs, toMs: clock.monotonic() }];
  }

  /** Rejects as soon as the session is stopped. */
  #unlessStopped<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this.#stopping;
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(new Error('stopped'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    return Promise.race([promise, stopped]).finally(() => signal.removeEventListener('abort', abort));
  }

  #become(kind: SessionState['kind'], reason: string): void {
    if (this.#state.kind === kind && this.#state.reason === reason) return;
    this.#state = { ...this.#state, kind, reason };
    this.#options.events.changed(this.#state);
  }

  #sleep(ms: number): Promise<void> {
    const { signal } = this.#stopping;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(ms, resolve);
    const abort = (): void => {
      timer.cancel();
      resolve();
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    return promise.finally(() => signal.removeEventListener('abort', abort));
  }
}

/** Ten minutes. */
const MAX_PATIENCE = 60;
