import type { StorageClient } from '../../facts.ts';
import type { Logger } from '../../scope.ts';

/** One export request that waits: OTLP protobuf, not compressed. Nobody writes to the bytes. */
export interface QueuedRequest {
  /** Requests of the signal, one after the other; protobuf joins them to one by concatenation. */
  readonly parts: readonly Uint8Array[];
  /** Bytes of all parts. */
  readonly bytes: number;
  /** Data points, log records or spans. */
  readonly items: number;
}

/** What a queue holds, in each unit that it can be limited by. */
export interface QueueTotals {
  readonly requests: number;
  readonly items: number;
  readonly bytes: number;
}

/** A request on its way out. It is held, and counts in the totals, until it is done. */
export interface TakenRequest {
  readonly request: QueuedRequest;
  /** It was delivered or given up, and is forgotten. Called at most once; never rejects, a storage that fails says so itself. */
  done(): void | Promise<void>;
}

/**
 * The requests of one signal of one exporter, first in, first out. Its limit is kept by who adds: the queue itself takes
 * what the memory or the storage can hold.
 */
export interface RequestQueue {
  /** Whether requests outlive the process: then what is not done is there again when the queue is opened the next time. */
  readonly durable: boolean;
  /** Requests that wait, those that are being added (from the call of {@link add} on), and those taken and not yet done. */
  readonly totals: QueueTotals;
  /** Requests that wait to be taken. */
  readonly waiting: number;
  /** Keeps a request behind the others. When it (or its promise) returns it is kept; RetryableError: it is not. */
  add(request: QueuedRequest): void | Promise<void>;
  /**
   * The oldest request that waits; undefined when none does. One call at a time; several requests may be taken at a time.
   * What cannot be read back is left out and reported by the queue.
   */
  take(): TakenRequest | undefined | Promise<TakenRequest | undefined>;
  /** Waits for what was begun and releases the storage. What a durable queue holds, taken requests too, stays. */
  close(): void | Promise<void>;
}

/** What `openPersistentQueue(options): Promise<RequestQueue>` of `persistent-queue.ts` gets. */
export interface PersistentQueueOptions {
  /** The queue's own key space; closing the queue closes it. */
  readonly storage: StorageClient;
  readonly log: Logger;
  /** Called with the items of requests that were stored and cannot be read back. */
  readonly damaged: (items: number) => void;
}

/** Totals that queues keep. */
export class RunningTotals implements QueueTotals {
  requests = 0;
  items = 0;
  bytes = 0;

  add({ items, bytes }: QueuedRequest): void {
    this.requests++;
    this.items += items;
    this.bytes += bytes;
  }

  remove({ items, bytes }: QueuedRequest): void {
    this.requests--;
    this.items -= items;
    this.bytes -= bytes;
  }
}
