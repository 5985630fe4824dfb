import { mkdir, stat } from 'node:fs/promises';
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
  /** ms between two looks at whether the folder is still there, and two synchronisations with the policy `interval`. */
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
  readonly #timer: Timer;
  readonly #readers: Segment[] = [];
  /** Bytes of the records that wait to be written. */
  #pendingBytes = 0;
  /** Keys whose deletion could not be written. It goes out with the next change. */
  readonly #unwritten = new Set<string>();
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
    this.#timer = clock.every(syncIntervalMs, () => void this.#tick());
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
    const isDelete = changes.every(({ value }) => value === undefined);
    const late = [...this.#unwritten];
    const record = prepareRecord([...late.map((key) => ({ key, value: undefined })), ...changes]);
    // What only deletes makes room, so it is always let in.
    if (!isDelete) this.#admit(record.totalBytes);
    this.#unwritten.clear();
    this.#pendingBytes += record.totalBytes;
    try {
      await this.#appender.append(record);
    } catch (error) {
      this.#options.events.failed('write', error as Error);
      for (const key of late) if (!this.#index.has(key)) this.#unwritten.add(key);
      if (isDelete) for (const { key } of changes) this.#deleteUnwritten(key);
      this.#reclaim();
      if (isDelete) return;
      throw new RetryableError(`cannot write to the storage: ${(error as Error).message}`, { cause: error });
    } finally {
      this.#pendingBytes -= record.totalBytes;
    }
    this.#options.events.written();
    this.#reclaim();
  }

  close(): Promise<void> {
    this.#closed ??= (async () => {
      this.#timer.cancel();
      await this.#reclaiming;
      const late = [...this.#unwritten].map((key) => ({ key, value: undefined }));
      if (late.length > 0) await this.#appender.append(prepareRecord(late)).catch(() => {});
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

  /** On a full disk a delete must still make room: it counts at once, and is written as soon as that is possible. */
  #deleteUnwritten(key: string): void {
    forget(this.#index.get(key));
    this.#index.delete(key);
    this.#unwritten.add(key);
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

  async #tick(): Promise<void> {
    try {
      if (this.#options.sync === 'interval') await this.#appender.sync();
      await this.#checkPlace();
    } catch (error) {
      this.#options.events.failed('sync', error as Error);
    }
  }

  /** Notices that somebody moved or removed the files: what stood in them is lost, and the next change makes new ones. */
  async #checkPlace(): Promise<void> {
    const gone = new Set<Segment>();
    for (const segment of [this.#segments[0], this.#appender.segment]) {
      if (segment === undefined || gone.has(segment)) continue;
      if (!(await exists(segment.path)) && this.#segments.includes(segment)) gone.add(segment);
    }
    if (gone.size === 0) return;
    for (const segment of this.#segments)
      if (!(await exists(segment.path))) gone.add(segment);
    this.#appender.seal();
    let records = 0;
    let bytes = 0;
    for (const [key, location] of this.#index) {
      if (location.segment === undefined || !gone.has(location.segment)) continue;
      forget(location);
      this.#index.set(key, { ...location, segment: undefined });
      records++;
      bytes += location.bytes;
    }
    const file = this.#options.folder;
    this.#options.events.failed('write', new Error(`files of ${file} were moved or removed; new ones are made`));
    if (records > 0) this.#options.events.damaged({ file, records, bytes, torn: false });
    for (const segment of gone) await segment.release();
    for (const segment of gone)
      if (segment !== this.#appender.segment) this.#segments.splice(this.#segments.indexOf(segment), 1);
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
          const copy = this.#appender.append(prepareRecord([{ key, value }]), isWanted);
          copy.catch(() => {});
          copies.push(copy);
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

function forget(location: Location | undefined): void {
  if (location?.segment === undefined) return;
  location.segment.liveEntries--;
  location.segment.liveBytes -= location.bytes;
}
