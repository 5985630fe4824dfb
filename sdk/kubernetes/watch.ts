import { asError } from '../errors.ts';
import type { Clock } from '../scope.ts';
import { type ApiClient, connectionError } from './api-client.ts';
import { ApiError, errorOfStatus } from './api-error.ts';
import type { ApiObject } from './api-objects.ts';
import { acceptOf, type Encoding, readEvent, readList, type WatchEvent } from './encoding.ts';
import type { Attempt } from './feed.ts';
import { createFrames } from './frames.ts';
import { pathOf, type Resource, selectorsOf } from './resource.ts';
import { Scratch } from './scratch.ts';
import { OBJECT } from './shapes.ts';
import type { Store } from './store.ts';

/** Well above the minute between two bookmarks, which are the heartbeat of a quiet watch. */
const SILENCE_MS = 150_000;
/** A server that begins a list and does not end it knows no streaming lists. */
const LIST_SILENCE_MS = 30_000;
/** Objects on a page. */
const PAGE = 100;
const WATCH_SECONDS = { least: 300, most: 600 };
const LIST_ENDS = 'k8s.io/initial-events-end';

export interface WatchOptions<T> {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly resource: Resource;
  readonly store: Store<T>;
  readonly encodings?: readonly Encoding[];
  /** Default: as streams, where the server can do that. */
  readonly lists?: 'streams' | 'pages';
  readonly random?: () => number;
}

/**
 * Lists a resource, then watches it, and goes on where it was at the next attempt. The list is a stream where the server can
 * do that, so that no more than an event is in memory at a time; else it comes in pages.
 */
export class Watch<T extends ApiObject> {
  readonly #options: WatchOptions<T>;
  /** Where to go on; empty: nowhere. */
  #version = '';
  /** Something could not be read. When that was no damage on the way it comes again, and must not keep out the rest. */
  #skips = false;

  constructor(options: WatchOptions<T>) {
    this.#options = options;
  }

  readonly attempt = async (attempt: Attempt): Promise<void> => {
    if (attempt.fresh) this.#version = '';
    try {
      await this.#listAndWatch(attempt);
    } catch (error) {
      this.#skips = connectionError(asError(error)).reason === 'malformed';
      throw error;
    }
  };

  async #listAndWatch(attempt: Attempt): Promise<void> {
    if (this.#version !== '') return this.#watch(attempt, false);
    try {
      if (this.#options.lists === 'pages') throw new StreamingRefused('Pages are asked for.');
      await this.#watch(attempt, true);
    } catch (error) {
      if (!isRefusalOfStreaming(error) || this.#version !== '') throw error;
      await this.#list(attempt);
      await this.#watch(attempt, false);
    }
  }

  async #watch(attempt: Attempt, isList: boolean): Promise<void> {
    const { client, resource, store, random = Math.random, encodings = ['protobuf', 'json'] } = this.#options;
    const { least, most } = WATCH_SECONDS;
    const { encoding, body } = await client.open({
      path: pathOf(resource),
      query: {
        ...selectorsOf(resource),
        watch: '1',
        allowWatchBookmarks: 'true',
        timeoutSeconds: String(Math.round(least + random() * (most - least))),
        ...(isList
          ? { sendInitialEvents: 'true', resourceVersionMatch: 'NotOlderThan' }
          : { resourceVersion: this.#version }),
      },
      accept: acceptOf('object', resource.shape === undefined, encodings),
      signal: attempt.signal,
    });
    if (isList) store.begin();
    else attempt.live();
    let listing = isList;
    const frames = createFrames(encoding);
    const shape = resource.shape ?? OBJECT;
    const silence = new Silence(this.#options.clock, (error) => body.destroy(error));
    silence.expect(listing);
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        frames.push(chunk, (bytes) => {
          const event = this.#read(attempt, () => {
            const read = readEvent<T>(encoding, bytes, shape);
            this.#apply(read);
            return read;
          });
          attempt.event();
          if (event === undefined) return;
          if (event.type === 'ERROR') throw errorOfEvent(event.object, listing);
          const { resourceVersion = '', annotations } = event.object.metadata ?? {};
          if (listing && event.type === 'BOOKMARK' && annotations?.[LIST_ENDS] === 'true') {
            listing = false;
            store.complete();
            this.#version = resourceVersion;
            attempt.live();
          } else if (!listing && resourceVersion !== '') {
            this.#version = resourceVersion;
          }
        });
        silence.expect(listing);
      }
    } finally {
      silence.end();
      if (!body.complete) body.destroy();
    }
    if (listing) throw new StreamingRefused('The server ended the list before it was complete.');
  }

  /** Undefined for what is left out. */
  #read<R>(attempt: Attempt, read: () => R): R | undefined {
    try {
      return read();
    } catch (error) {
      if (!this.#skips || connectionError(asError(error)).reason !== 'malformed') throw error;
      attempt.skipped();
      return undefined;
    }
  }

  #apply(event: WatchEvent<T>): void {
    const { store } = this.#options;
    if (event.type === 'ADDED' || event.type === 'MODIFIED') store.set(event.object);
    else if (event.type === 'DELETED') store.remove(event.object as T);
  }

  async #list(attempt: Attempt): Promise<void> {
    const { client, resource, store, encodings = ['protobuf', 'json'] } = this.#options;
    const scratch = new Scratch();
    store.begin();
    let version = '';
    let next: string | undefined = '';
    while (next !== undefined) {
      const request = {
        path: pathOf(resource),
        query: { ...selectorsOf(resource), limit: String(PAGE), ...(next !== '' && { continue: next }) },
        accept: acceptOf('list', resource.shape === undefined, encodings),
        gzip: !resource.fieldSelector,
        signal: attempt.signal,
      };
      const { encoding, bytes } = await client.get(request, scratch);
      const list = readList<T>(encoding, bytes, resource.shape ?? OBJECT);
      for (const read of list.items) this.#read(attempt, () => store.set(read()));
      attempt.event();
      version = list.metadata.resourceVersion ?? '';
      next = list.metadata.continue || undefined;
    }
    if (version === '') throw new ApiError('malformed', 'The list has no resourceVersion.');
    store.complete();
    this.#version = version;
    attempt.live();
  }
}

/** The server, or what stores its data, is too old for lists as streams. */
class StreamingRefused extends ApiError {
  constructor(message: string) {
    super('refused', message);
  }
}

function isRefusalOfStreaming(error: unknown): boolean {
  return error instanceof StreamingRefused || (error instanceof ApiError && error.reason === 'refused');
}

function errorOfEvent(status: Parameters<typeof errorOfStatus>[1], listing: boolean): ApiError {
  const error = errorOfStatus(status.code ?? 500, status);
  return listing && error.reason === 'unavailable' ? new StreamingRefused(error.message) : error;
}

/** Ends a watch that says nothing any more. */
class Silence {
  readonly #clock: Clock;
  readonly #fail: (error: ApiError) => void;
  #timer: ReturnType<Clock['after']> | undefined;

  constructor(clock: Clock, fail: (error: ApiError) => void) {
    this.#clock = clock;
    this.#fail = fail;
  }

  expect(listing: boolean): void {
    this.end();
    const ms = listing ? LIST_SILENCE_MS : SILENCE_MS;
    const message = `Nothing came for ${ms / 1000} s.`;
    this.#timer = this.#clock.after(ms, () =>
      this.#fail(listing ? new StreamingRefused(message) : new ApiError('silent', message)),
    );
  }

  end(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
