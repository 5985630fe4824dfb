import { mkdir } from 'node:fs/promises';
import { type Clock, formatByteSize, RetryableError, type StorageClient, type Timer } from 'bpflow/sdk';
import { Appender, type Placed, type SyncPolicy } from './appender.ts';
import { type Change, HEADER_BYTES, isIntact, prepareRecord } from './record.ts';
import { type Damage, type Location, recover } from './recover.ts';
import { scanSegment } from './scan.ts';
import type { Segment } from './segment.ts';

export interface LogStoreOptions {
  readonly folder: string;
  /** Most bytes on disk; 0 for no limit. */
  readonly maxBytes: number;
  readonly segmentBytes: number;
  readonly sync: SyncPolicy;
  /** ms between two synchronisations with the policy `interval`. */
  readonly syncIntervalMs: number;
  readonly clock: Clock;
  readonly events: LogStoreEvents;
}

/** What the owner of a store is told. */
export interface LogStoreEvents {
  /** Something could not be read back; called at most once for each segment at the start, later for each value. */
  damaged(damage: Damage): void;
  /** An operation failed. Later ones may succeed. */
  failed(operation: 'read' | 'write' | 'sync' | 'remove' | 'compact', error: Error): void;
  /** A write succeeded. */
  written(): void;
}

/** Files that are kept open for reading. */
const MAX_READERS = 8;
const MAX_COPY_BYTES = 8 * 1024 * 1024;

/**
 * Keys and values in a folder of append-only files. The memory holds where each value is, never the value.
 *
 * ```
 *  oldest                                        newest
 *  [ .. dead .. live ] [ live live .. ] [ live ] ◀── every change is appended here
 *     │ removed when nothing in it lives
 *     └ when more than half of the whole is dead: what lives in it is appended again, then it is removed
 * ```
 * Files go from the oldest on only, so a record that deletes a key outlives what it deletes.
 */
export class LogStore implements StorageClient {
  readonly #options: LogStoreOptions;
  readonly #index: Map<string, Location>;
  readonly #segments: Segment[];
  readonly #appender: Appender;
  readonly #syncTimer: Timer | undefined;
  readonly #readers: Segment[] = [];
  /** Bytes of the records that wait to be written. */
  #pendingBytes = 0;
  /** Something did not fit since the last time there was room. */
  #refused = false;
  #reclaiming: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(options: LogStoreOptions, recovered: Awaited<ReturnType<typeof recover>>) {
    this.#options = options;
    this.#index = recovered.index;
    this.#segments = recovered.segments;
    const { folder, segmentBytes, sync, clock, syncIntervalMs } = options;
    const last = recovered.segments.at(-1);
    this.#appender = new Appender(
      {
        folder,
        segmentBytes: this.#segmentBytes(segmentBytes),
        sync,
        opened: (segment) => this.#segments.push(segment),
        placed: (record) => this.#place(record),
      },
      recovered.nextSequence,
      last !== undefined && last.size < segmentBytes ? last : undefined,
    );
    if (sync === 'interval') this.#syncTimer = clock.every(syncIntervalMs, () => void this.#sync());
  }

  /** Reads what is there. Rejects when the folder cannot be made or read. */
  static async open(options: LogStoreOptions): Promise<LogStore> {
    await mkdir(options.folder, { recursive: true, mode: 0o700 });
    const recovered = await recover(options.folder, (damage) => options.events.damaged(damage));
    const store = new LogStore(options, recovered);
    store.#reclaim();
    return store;
  }

  get size(): { readonly bytes: number; readonly liveBytes: number; readonly maxBytes: number } {
    let bytes = 0;
    let liveBytes = 0;
    for (const segment of this.#segments) {
      bytes += segment.size;
      liveBytes += segment.liveBytes;
    }
    return { bytes, liveBytes, maxBytes: this.#options.maxBytes };
  }

  get segments(): number {
    return this.#segments.length;
  }

  *keys(prefix = ''): IterableIterator<string> {
    for (const key of this.#index.keys()) if (key.startsWith(prefix)) yield key;
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    for (;;) {
      const location = this.#index.get(key);
      if (location === undefined || location.segment === undefined) return undefined;
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
    if (this.#closed !== undefined) throw new Error('the storage client is closed');
    const record = prepareRecord(changes);
    // What only deletes makes room, so it is always let in.
    if (changes.some(({ value }) => value !== undefined)) this.#admit(record.totalBytes);
    this.#pendingBytes += record.totalBytes;
    try {
      await this.#appender.append(record);
    } catch (error) {
      this.#options.events.failed('write', error as Error);
      throw new RetryableError(`cannot write to the storage: ${(error as Error).message}`, { cause: error });
    } finally {
      this.#pendingBytes -= record.totalBytes;
    }
    this.#options.events.written();
    this.#reclaim();
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      this.#syncTimer?.cancel();
      await this.#reclaiming;
      await this.#appender.close();
      for (const segment of this.#readers.splice(0)) await segment.release();
    })();
    return this.#closed;
  }

  /** A small store gets small files, so that freed space comes back before it is full. */
  #segmentBytes(wanted: number): number {
    const { maxBytes } = this.#options;
    return maxBytes === 0 ? wanted : Math.max(4096, Math.min(wanted, Math.floor(maxBytes / 8)));
  }

  #admit(bytes: number): void {
    const { maxBytes, segmentBytes } = this.#options;
    if (maxBytes === 0) return;
    // One segment is kept free, for moving what lives out of the oldest one.
    const limit = maxBytes - this.#segmentBytes(segmentBytes);
    if (this.size.bytes + this.#pendingBytes + bytes <= limit) {
      this.#refused = false;
      return;
    }
    this.#refused = true;
    this.#reclaim();
    throw new RetryableError(
      `storage full: ${this.size.bytes} bytes of at most ${formatByteSize(maxBytes)} are in use; "max_size" sets the limit`,
    );
  }

  #place({ segment, table, valuesAt }: Placed): void {
    for (const { key, deleted, valueAt, valueBytes, valueCrc } of table) {
      forget(this.#index.get(key));
      if (deleted) {
        this.#index.delete(key);
        continue;
      }
      this.#index.set(key, { segment, at: valuesAt + valueAt, bytes: valueBytes, crc: valueCrc });
      segment.liveEntries++;
      segment.liveBytes += valueBytes;
    }
  }

  /** The value, or undefined when it is damaged, which is told. */
  async #read(key: string, location: Location): Promise<Uint8Array | undefined> {
    const segment = location.segment!;
    const value = Buffer.allocUnsafeSlow(location.bytes);
    const file = await this.#reader(segment);
    let done = 0;
    while (done < value.length) {
      const { bytesRead } = await file.read(value, done, value.length - done, location.at + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    if (done === value.length && isIntact(value, location.crc, segment.salt)) return value;
    if (this.#index.get(key) === location) {
      forget(location);
      this.#index.set(key, { ...location, segment: undefined });
      this.#options.events.damaged({
        file: segment.path,
        records: 1,
        bytes: HEADER_BYTES + location.bytes,
        torn: false,
      });
    }
    return undefined;
  }

  #reader(segment: Segment): ReturnType<Segment['reader']> {
    const known = this.#readers.indexOf(segment);
    if (known >= 0) this.#readers.splice(known, 1);
    this.#readers.push(segment);
    if (this.#readers.length > MAX_READERS)
      void this.#readers
        .shift()!
        .release()
        .catch(() => {});
    return segment.reader();
  }

  async #sync(): Promise<void> {
    try {
      await this.#appender.sync();
    } catch (error) {
      this.#options.events.failed('sync', error as Error);
    }
  }

  /** Removes what is dead, in the background. */
  #reclaim(): void {
    if (this.#reclaiming !== undefined || this.#closed !== undefined) return;
    if (!this.#oldestIsDead() && !this.#isMostlyDead()) return;
    this.#reclaiming = this.#reclaimAll().finally(() => {
      this.#reclaiming = undefined;
    });
  }

  async #reclaimAll(): Promise<void> {
    await undefined;
    while (this.#closed === undefined) {
      if (this.#oldestIsDead()) {
        if (!(await this.#removeOldest())) return;
      } else if (this.#isMostlyDead()) {
        if (!(await this.#emptyOldest())) return;
      } else {
        return;
      }
    }
  }

  #oldestIsDead(): boolean {
    const [oldest] = this.#segments;
    return oldest !== undefined && oldest !== this.#appender.segment && oldest.liveEntries === 0;
  }

  /**
   * More dead than alive, by more than files of the usual size leave anyway: each byte moved then frees one at least.
   * When something did not fit, one file's worth of dead bytes is enough.
   */
  #isMostlyDead(): boolean {
    if (this.#segments.length < 2 || this.#segments[0] === this.#appender.segment) return false;
    const { bytes, liveBytes } = this.size;
    const segmentBytes = this.#segmentBytes(this.#options.segmentBytes);
    return bytes - liveBytes > (this.#refused ? segmentBytes : liveBytes + 2 * segmentBytes);
  }

  async #removeOldest(): Promise<boolean> {
    const oldest = this.#segments[0]!;
    try {
      await oldest.remove();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.#options.events.failed('remove', error as Error);
        return false;
      }
    }
    this.#segments.shift();
    const reader = this.#readers.indexOf(oldest);
    if (reader >= 0) this.#readers.splice(reader, 1);
    return true;
  }

  /** Appends what lives in the oldest segment again. */
  async #emptyOldest(): Promise<boolean> {
    const oldest = this.#segments[0]!;
    try {
      let copies: Promise<void>[] = [];
      let bytes = 0;
      const handle = await this.#reader(oldest);
      for await (const found of scanSegment(handle, { salt: oldest.salt, first: oldest.first, values: false })) {
        if (this.#closed !== undefined) break;
        if (found.kind !== 'record') continue;
        for (const { key } of found.table) {
          const location = this.#index.get(key);
          if (location?.segment !== oldest) continue;
          const value = await this.#read(key, location);
          if (value === undefined) continue;
          const isWanted = (): boolean => this.#index.get(key) === location;
          copies.push(this.#appender.append(prepareRecord([{ key, value }]), isWanted));
          bytes += value.length;
          if (bytes < MAX_COPY_BYTES) continue;
          await Promise.all(copies);
          copies = [];
          bytes = 0;
        }
      }
      await Promise.all(copies);
      // The copies must be as safe as what they replace.
      if (this.#options.sync !== 'never') await this.#appender.sync();
      return oldest.liveEntries === 0;
    } catch (error) {
      this.#options.events.failed('compact', error as Error);
      return false;
    }
  }
}

function forget(location: Location | undefined): void {
  if (location?.segment === undefined) return;
  location.segment.liveEntries--;
  location.segment.liveBytes -= location.bytes;
}
