import { asError } from '../errors.ts';
import type { Clock } from '../scope.ts';
import { connectionError } from './api-client.ts';
import { ApiError, type ApiErrorReason } from './api-error.ts';
import { pause } from './pause.ts';

const FIRST_PAUSE_MS = 800;
const LONGEST_PAUSE_MS = 30_000;
/** An attempt that ends sooner than this, although nothing failed, has failed. */
const SHORTEST_MS = 1000;

/** What an attempt tells of itself. */
export interface Attempt {
  readonly signal: AbortSignal;
  /** Everything is known, and what changes will be told. */
  live(): void;
  /** Something came. */
  event(): void;
  /** Something came that could not be read, and was left out. */
  skipped(): void;
  /** What is known must be read anew at the next attempt. */
  readonly fresh: boolean;
}

export interface FeedOptions {
  readonly clock: Clock;
  /** Goes on until it fails or the server ends it. */
  readonly attempt: (attempt: Attempt) => Promise<void>;
  /** Told when {@link Feed.state} has changed. */
  readonly changed: () => void;
  /** Random numbers in [0, 1) for the jitter. */
  readonly random?: () => number;
}

export interface FeedState {
  /** Whether everything was known once. */
  synced: boolean;
  /** Whether what changes is told now. */
  live: boolean;
  /** Attempts after the first, but for those that were wished for. */
  restarts: number;
  /** Monotonic ms; undefined before the first. */
  lastEventMs: number | undefined;
  /** Why it is not live. */
  error: ApiError | undefined;
  readonly errors: Map<ApiErrorReason, number>;
  /** Objects that were left out since the last list because they could not be read. */
  skipped: number;
}

/** Makes one attempt after the other, with growing pauses while they fail. */
export class Feed {
  readonly state: FeedState = {
    synced: false,
    live: false,
    restarts: 0,
    lastEventMs: undefined,
    error: undefined,
    errors: new Map(),
    skipped: 0,
  };
  readonly #options: FeedOptions;
  #running: Promise<void> | undefined;
  #abort = new AbortController();
  #stopped = false;
  #fresh = true;
  #failures = 0;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Reads everything anew, now. */
  restart(): void {
    this.#fresh = true;
    this.#failures = 0;
    this.#abort.abort();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#abort.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#abort = new AbortController();
      const { signal } = this.#abort;
      const failure = await this.#try(signal);
      if (this.#stopped) return;
      if (signal.aborted) continue;
      this.state.restarts++;
      if (failure === undefined) continue;
      this.#failed(failure);
      await this.#pause(failure, signal);
    }
  }

  /** What made it end; undefined when it ended in order. */
  async #try(signal: AbortSignal): Promise<ApiError | undefined> {
    const { clock, attempt } = this.#options;
    const began = clock.monotonic();
    const fresh = this.#fresh;
    this.#fresh = false;
    if (fresh) this.state.skipped = 0;
    let wasLive = false;
    try {
      await attempt({
        signal,
        fresh,
        live: () => {
          wasLive = true;
          this.#live();
        },
        skipped: () => {
          this.state.skipped++;
          this.#count('malformed');
          this.#options.changed();
        },
        event: () => {
          this.state.lastEventMs = clock.monotonic();
          // Only what brings something is more than an open connection.
          if (wasLive) this.#failures = 0;
        },
      });
      const isShort = clock.monotonic() - began < SHORTEST_MS;
      if (!isShort) return undefined;
      return new ApiError('closed', 'The server ended the watch at once.');
    } catch (error) {
      // A list that was broken off begins again from its start.
      if (!wasLive) this.#fresh ||= fresh;
      return connectionError(asError(error));
    }
  }

  #live(): void {
    const { state } = this;
    state.lastEventMs = this.#options.clock.monotonic();
    if (state.live && state.error === undefined) return;
    state.synced = true;
    state.live = true;
    state.error = undefined;
    this.#options.changed();
  }

  #failed(error: ApiError): void {
    const { state } = this;
    if (error.reason === 'expired') this.#fresh = true;
    this.#failures++;
    this.#count(error.reason);
    // A watch that has to begin anew is no trouble yet.
    if (this.#failures === 1 && (error.reason === 'expired' || error.reason === 'closed')) return;
    state.live = false;
    state.error = error;
    this.#options.changed();
  }

  #count(reason: ApiErrorReason): void {
    const { errors } = this.state;
    errors.set(reason, (errors.get(reason) ?? 0) + 1);
  }

  async #pause({ reason, retryAfterMs }: ApiError, signal: AbortSignal): Promise<void> {
    if (reason === 'expired' && this.#failures === 1) return;
    const { clock, random = Math.random } = this.#options;
    const longest = Math.min(FIRST_PAUSE_MS * 2 ** (this.#failures - 1), LONGEST_PAUSE_MS);
    const ms = Math.max(longest * (0.5 + random() / 2), Math.min(retryAfterMs, LONGEST_PAUSE_MS * 2));
    await pause(clock, ms, signal);
  }
}
