import { asError } from '../../errors.ts';
import type { StorageClient } from '../../facts.ts';
import {
  type PersistentQueueOptions,
  type QueuedRequest,
  type QueueTotals,
  type RequestQueue,
  RunningTotals,
  type TakenRequest,
} from './queue.ts';

/** A stored request: its number, which gives the order, and what the queue needs to know without reading it. */
interface Entry {
  readonly key: string;
  readonly items: number;
  readonly bytes: number;
  /** The parts, while there is room to keep them in memory. */
  parts: readonly Uint8Array[] | undefined;
  /** Reads of it that failed, and how many others had succeeded before the first. */
  failures: number;
  readsBefore: number;
}

/** `<number, 16 digits>/<items>/<bytes>`. */
const KEY = /^(\d{16})\/(\d{1,15})\/(\d{1,15})$/;
/** Bytes of the next requests that are kept in memory too, so that a short queue is not read back. */
const KEPT_BYTES = 4 * 1024 * 1024;
/** A request whose reading fails so often while others succeed is left out until the next start. */
const MAX_READ_FAILURES = 3;
const RETRY_MS = 1000;

/**
 * Opens the queue that a storage holds. Everything that was not done when it was closed, or when its process ended, waits
 * again, in the order in which it was added: requests that were on their way come first, so they may arrive twice.
 */
export async function openPersistentQueue(options: PersistentQueueOptions): Promise<RequestQueue> {
  const queue = new PersistentQueue(options);
  const { requests, items, bytes } = queue.totals;
  const { log } = options;
  const fields = {
    readIndex: queue.readIndex,
    writeIndex: queue.writeIndex,
    requests,
    itemsSize: items,
    bytesSize: bytes,
  };
  if (requests > 0) log.info('Loaded queue metadata.', fields);
  else log.debug('Loaded queue metadata.', fields);
  return queue;
}

class PersistentQueue implements RequestQueue {
  readonly durable = true;
  readonly #storage: StorageClient;
  readonly #log: PersistentQueueOptions['log'];
  readonly #damaged: PersistentQueueOptions['damaged'];
  readonly #totals = new RunningTotals();
  readonly #closed = new AbortController();
  /** What waits, oldest first, from `#head` on. */
  #entries: Entry[] = [];
  #head = 0;
  #next = 0;
  #keptBytes = 0;
  #reads = 0;
  /** Keys of requests that are done and could not be deleted. */
  #undeleted: string[] = [];

  constructor({ storage, log, damaged }: PersistentQueueOptions) {
    this.#storage = storage;
    this.#log = log;
    this.#damaged = damaged;
    let foreign = 0;
    for (const key of storage.keys()) {
      const [, number, items, bytes] = KEY.exec(key) ?? [];
      if (number === undefined) {
        foreign++;
        continue;
      }
      const entry = entryOf(key, Number(items), Number(bytes));
      this.#entries.push(entry);
      this.#totals.add({ ...entry, parts: [] });
      this.#next = Math.max(this.#next, Number(number) + 1);
    }
    this.#entries.sort((a, b) => (a.key < b.key ? -1 : 1));
    if (foreign > 0) log.warn('Stored data that is no request of the queue is left alone.', { keys: foreign });
  }

  get totals(): QueueTotals {
    return this.#totals;
  }

  get waiting(): number {
    return this.#entries.length - this.#head;
  }

  /** Number of the oldest request that waits. */
  get readIndex(): number {
    const oldest = this.#entries[this.#head];
    return oldest === undefined ? this.#next : Number(oldest.key.slice(0, 16));
  }

  /** Number of the next request. */
  get writeIndex(): number {
    return this.#next;
  }

  async add(request: QueuedRequest): Promise<void> {
    const { parts, items, bytes } = request;
    const entry = entryOf(`${String(this.#next++).padStart(16, '0')}/${items}/${bytes}`, items, bytes);
    this.#totals.add(request);
    try {
      await this.#storage.set(entry.key, parts.length === 1 ? parts[0]! : Buffer.concat(parts, bytes));
    } catch (error) {
      this.#totals.remove(request);
      throw error;
    }
    if (this.#keptBytes + bytes <= KEPT_BYTES) {
      entry.parts = parts;
      this.#keptBytes += bytes;
    }
    this.#entries.push(entry);
  }

  async take(): Promise<TakenRequest | undefined> {
    while (!this.#closed.signal.aborted) {
      const entry = this.#shift();
      if (entry === undefined) return undefined;
      try {
        const parts = entry.parts ?? (await this.#read(entry));
        if (parts === undefined) {
          await this.#leaveOut(entry, true);
          continue;
        }
        if (entry.parts !== undefined) this.#keptBytes -= entry.bytes;
        entry.parts = undefined;
        const request = { parts, items: entry.items, bytes: entry.bytes };
        return { request, done: () => this.#done(entry) };
      } catch (error) {
        await this.#putOff(entry, asError(error));
      }
    }
    return undefined;
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#storage.close();
  }

  #shift(): Entry | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return undefined;
    this.#head++;
    if (this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    return entry;
  }

  async #read(entry: Entry): Promise<readonly Uint8Array[] | undefined> {
    const value = await this.#storage.get(entry.key);
    this.#reads++;
    return value?.length === entry.bytes ? [value] : undefined;
  }

  /** A storage that fails now may work again: the others come first, and after a while it is tried again. */
  async #putOff(entry: Entry, error: Error): Promise<void> {
    if (this.#closed.signal.aborted) return;
    if (entry.failures === 0) {
      entry.readsBefore = this.#reads;
      this.#log.warn('A stored request cannot be read now. It is tried again.', {
        items: entry.items,
        error: error.message,
      });
    }
    entry.failures++;
    if (entry.failures >= MAX_READ_FAILURES && this.#reads > entry.readsBefore) return this.#leaveOut(entry, false);
    this.#entries.push(entry);
    await passed(RETRY_MS, this.#closed.signal);
  }

  async #leaveOut(entry: Entry, forEver: boolean): Promise<void> {
    this.#log.error(
      forEver
        ? 'A stored request is damaged. Dropping data.'
        : 'A stored request cannot be read. It stays stored for the next start.',
      { dropped_items: entry.items, bytes: entry.bytes },
    );
    this.#damaged(entry.items);
    this.#totals.remove({ ...entry, parts: [] });
    if (forEver) await this.#delete(entry.key);
  }

  async #done(entry: Entry): Promise<void> {
    this.#totals.remove({ ...entry, parts: [] });
    await this.#delete(entry.key);
  }

  /** Deletes a request. When the storage fails, it is deleted with the next one; the storage tells of the failure. */
  async #delete(key: string): Promise<void> {
    const keys = [...this.#undeleted, key];
    this.#undeleted = [];
    try {
      await this.#storage.batch(keys.map((done) => ({ key: done, value: undefined })));
    } catch {
      this.#undeleted.push(...keys);
    }
  }
}

function entryOf(key: string, items: number, bytes: number): Entry {
  return { key, items, bytes, parts: undefined, failures: 0, readsBefore: 0 };
}

/** Waits for a time, or for the end. */
function passed(ms: number, end: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(over, ms);
    timer.unref();
    function over(): void {
      clearTimeout(timer);
      end.removeEventListener('abort', over);
      resolve();
    }
    end.addEventListener('abort', over);
    if (end.aborted) over();
  });
}
