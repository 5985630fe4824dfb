import { stat } from 'node:fs/promises';
import { type Clock, formatByteSize, RetryableError, type StorageClient, type Timer } from 'bpflow/sdk';
import { Appender, type SyncPolicy } from './appender.ts';
import type { LiveIndex, Location } from './live-index.ts';
import { Reclaimer } from './reclaimer.ts';
import { type Change, HEADER_BYTES, prepareRecord } from './record.ts';
import { type Damage, type Recovered, recover } from './recover.ts';
import type { Segment } from './segment.ts';
import { ValueReader } from './value-reader.ts';

export interface LogStoreOptions {
  readonly folder: string;
  /** Most bytes on disk; 0 for no limit. */
  readonly maxBytes: number;
  /** Size of the files, at most an eighth of `maxBytes`. */
  readonly segmentBytes: number;
  readonly sync: SyncPolicy;
  /** ms between two looks at whether the files are still there, and two synchronisations with the policy `interval`. */
  readonly syncIntervalMs: number;
  readonly clock: Clock;
  readonly events: LogStoreEvents;
}

/** What the owner of a store is told. */
export interface LogStoreEvents {
  /** Something could not be read back; called at most once for each file at the start, later for each value. */
  damaged(damage: Damage): void;
  /** An operation failed. Later ones may succeed. */
  failed(operation: 'read' | 'write' | 'sync' | 'remove' | 'compact', error: Error): void;
  /** A write succeeded. */
  written(): void;
}

/** Keys and values in a folder of append-only files. The memory holds where each value is, never the value. */
export class LogStore implements StorageClient {
  readonly #options: LogStoreOptions;
  readonly #index: LiveIndex;
  readonly #appender: Appender;
  readonly #reader = new ValueReader();
  readonly #reclaimer: Reclaimer;
  readonly #timer: Timer;
  readonly #segmentBytes: number;
  /** Bytes of the records that wait to be written. */
  #pendingBytes = 0;
  /** Keys whose deletion could not be written. It goes out with the next change. */
  readonly #unwritten = new Set<string>();
  #isTicking = false;
  #closed: Promise<void> | undefined;

  private constructor(options: LogStoreOptions, { index, nextSequence }: Recovered) {
    this.#options = options;
    this.#index = index;
    const { folder, maxBytes, sync, clock, syncIntervalMs, events } = options;
    // A small store gets small files, so that space comes back before it is full.
    const segmentBytes =
      maxBytes === 0 ? options.segmentBytes : Math.max(4096, Math.min(options.segmentBytes, Math.floor(maxBytes / 8)));
    this.#segmentBytes = segmentBytes;
    const last = index.segments.at(-1);
    this.#appender = new Appender(
      {
        folder,
        segmentBytes,
        sync,
        opened: (segment) => index.segments.push(segment),
        placed: ({ segment, table, valuesAt }) => index.apply(segment, table, valuesAt),
      },
      nextSequence,
      last !== undefined && last.size < segmentBytes ? last : undefined,
    );
    this.#reclaimer = new Reclaimer({
      index,
      appender: this.#appender,
      reader: this.#reader,
      segmentBytes,
      sync: sync !== 'never',
      read: (key) => this.#read(key, index.get(key)!),
      failed: (operation, error) => events.failed(operation, error),
    });
    this.#timer = clock.every(syncIntervalMs, () => void this.#tick());
  }

  /** Reads what is there; the folder is made by the first change. Rejects when it cannot be read. */
  static async open(options: LogStoreOptions): Promise<LogStore> {
    const recovered = await recover(options.folder, (damage) => options.events.damaged(damage));
    const store = new LogStore(options, recovered);
    store.#reclaimer.run();
    return store;
  }

  get size(): { readonly bytes: number; readonly liveBytes: number; readonly maxBytes: number } {
    return { ...this.#index.size, maxBytes: this.#options.maxBytes };
  }

  /** Number of files. */
  get files(): number {
    return this.#index.segments.length;
  }

  *keys(prefix = ''): IterableIterator<string> {
    for (const key of this.#index.keys()) if (key.startsWith(prefix)) yield key;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    for (;;) {
      const location = this.#index.get(key);
      if (location === undefined) return undefined;
      try {
        return await this.#read(key, location);
      } catch (error) {
        // It was moved while it was read.
        if (this.#index.get(key) !== location) continue;
        this.#options.events.failed('read', error as Error);
        throw new RetryableError(`cannot read from the storage: ${(error as Error).message}`, { cause: error });
      }
    }
  }

  set(key: string, value: Uint8Array): Promise<void> {
    return this.batch([{ key, value }]);
  }

  delete(key: string): Promise<void> {
    return this.batch([{ key, value: undefined }]);
  }

  async batch(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return;
    if (this.#closed !== undefined) throw new RetryableError('the storage client is closed');
    const late = [...this.#unwritten];
    const record = prepareRecord([...late.map(deletion), ...changes]);
    // What only deletes makes room, so it is always let in.
    const isDelete = changes.every(({ value }) => value === undefined);
    if (!isDelete) this.#admit(record.totalBytes);
    this.#unwritten.clear();
    this.#pendingBytes += record.totalBytes;
    try {
      await this.#appender.append(record);
      this.#options.events.written();
    } catch (error) {
      this.#options.events.failed('write', error as Error);
      for (const key of late) if (!this.#index.has(key)) this.#unwritten.add(key);
      if (!isDelete) {
        throw new RetryableError(`cannot write to the storage: ${(error as Error).message}`, { cause: error });
      }
      for (const { key } of changes) this.#deleteUnwritten(key);
    } finally {
      this.#pendingBytes -= record.totalBytes;
      this.#reclaimer.run();
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#timer.cancel();
    await this.#reclaimer.close();
    if (this.#unwritten.size > 0) {
      await this.#appender.append(prepareRecord([...this.#unwritten].map(deletion))).catch(() => {});
    }
    await this.#appender.close();
    await this.#reader.close();
  }

  #admit(bytes: number): void {
    const { maxBytes } = this.#options;
    if (maxBytes === 0) return;
    // One file's worth is kept free, for moving what lives out of the oldest one.
    const used = this.#index.size.bytes;
    this.#reclaimer.isWanted = used + this.#pendingBytes + bytes > maxBytes - this.#segmentBytes;
    if (!this.#reclaimer.isWanted) return;
    this.#reclaimer.run();
    throw new RetryableError(
      `storage full: ${used} bytes of at most ${formatByteSize(maxBytes)} are in use; "max_size" sets the limit`,
    );
  }

  /** On a full disk a delete must still make room: it counts at once, and is written as soon as that is possible. */
  #deleteUnwritten(key: string): void {
    this.#index.delete(key);
    this.#unwritten.add(key);
  }

  /** The value, or undefined when it is damaged, which is told. */
  async #read(key: string, location: Location): Promise<Uint8Array | undefined> {
    if (location.segment === undefined) return undefined;
    const value = await this.#reader.read(location);
    if (value === undefined && this.#index.loseValue(key, location)) {
      const bytes = HEADER_BYTES + location.bytes;
      this.#options.events.damaged({ file: location.segment.path, records: 1, bytes, torn: false });
    }
    return value;
  }

  /** A slow disk may take longer than the interval. */
  async #tick(): Promise<void> {
    if (this.#isTicking) return;
    this.#isTicking = true;
    try {
      if (this.#options.sync === 'interval') await this.#appender.sync();
      await this.#checkPlace();
    } catch (error) {
      this.#options.events.failed('sync', error as Error);
    } finally {
      this.#isTicking = false;
    }
  }

  /** Notices that somebody moved or removed the files: what stood in them is lost, and the next change makes new ones. */
  async #checkPlace(): Promise<void> {
    const { segments } = this.#index;
    const current = this.#appender.segment ?? segments.at(-1);
    if (current === undefined || (await exists(current.path))) return;
    const gone = new Set<Segment>();
    for (const segment of [...segments]) {
      // What is not in the list any more was removed by us.
      if (!(await exists(segment.path)) && segments.includes(segment)) gone.add(segment);
    }
    if (gone.size === 0) return;
    this.#appender.seal();
    const lost = this.#index.loseSegments(gone);
    for (const segment of gone) await this.#reader.release(segment);
    const { folder: file, events } = this.#options;
    events.failed('write', new Error(`files of ${file} were moved or removed; new ones are made`));
    if (lost.records > 0) events.damaged({ file, ...lost, torn: false });
  }
}

function deletion(key: string): Change {
  return { key, value: undefined };
}

/** Whether a file is there; true also when that cannot be told. */
async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== 'ENOENT' && code !== 'ENOTDIR';
  }
}
