import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { encodeRecord, type PreparedRecord, type TableEntry } from './record.ts';
import { Segment } from './segment.ts';

/** When what was written is forced onto the disk. */
export type SyncPolicy = 'always' | 'interval' | 'never';

/** A record and where it stands now. */
export interface Placed {
  readonly segment: Segment;
  readonly at: number;
  readonly bytes: number;
  /** Offset of the first value in the segment. */
  readonly valuesAt: number;
  readonly table: readonly TableEntry[];
}

export interface AppenderOptions {
  readonly folder: string;
  /** A record that would make a segment larger than this begins the next one. */
  readonly segmentBytes: number;
  readonly sync: SyncPolicy;
  /** Called for each new file, before anything is written to it. */
  readonly opened: (segment: Segment) => void;
  /** Called for each record in the order of the log, as soon as it can be read. */
  readonly placed: (record: Placed) => void;
}

interface Job {
  readonly record: PreparedRecord;
  /** Asked when everything before has been placed; false: the record is not wanted any more. */
  readonly wanted: (() => boolean) | undefined;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const MAX_GROUP_BYTES = 8 * 1024 * 1024;
/** Linux takes 1024 pieces in one call. */
const MAX_GROUP_PIECES = 1000;

/**
 * Writes records at the end of a log. What is asked for while a write runs goes out together with the next write, so that
 * many small changes cost few calls, and one synchronisation.
 */
export class Appender {
  readonly #options: AppenderOptions;
  readonly #jobs: Job[] = [];
  #segment: Segment | undefined;
  #file: FileHandle | undefined;
  #sequence: number;
  #running: Promise<void> | undefined;
  #unsynced = false;
  #sealed = false;

  /** Goes on in `segment`, which has whole records only; `sequence` is the number of the next record. */
  constructor(options: AppenderOptions, sequence: number, segment: Segment | undefined) {
    this.#options = options;
    this.#sequence = sequence;
    this.#segment = segment;
  }

  /** The segment that is written to. */
  get segment(): Segment | undefined {
    return this.#segment;
  }

  /** Resolves when the record is written, and by policy on the disk. Rejects when it is not; nothing of it remains then. */
  append(record: PreparedRecord, wanted?: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#jobs.push({ record, wanted, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Forces what was written so far onto the disk. */
  async sync(): Promise<void> {
    if (!this.#unsynced || this.#file === undefined) return;
    this.#unsynced = false;
    try {
      await this.#file.datasync();
    } catch (error) {
      this.#unsynced = true;
      throw error;
    }
  }

  /** Makes the next record begin a new file. */
  seal(): void {
    this.#sealed = true;
  }

  /** Closes the file that is written to. */
  async #rotate(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#segment = undefined;
    if (file === undefined) return;
    try {
      if (this.#unsynced && this.#options.sync !== 'never') await file.datasync();
    } finally {
      this.#unsynced = false;
      await file.close();
    }
  }

  /** Waits for what runs, synchronises unless the policy is never, and closes the file. */
  async close(): Promise<void> {
    await this.#running;
    await this.#rotate();
  }

  async #run(): Promise<void> {
    // What is asked for in this tick goes out together.
    await undefined;
    while (this.#jobs.length > 0) await this.#writeGroup(this.#nextGroup());
    this.#running = undefined;
  }

  #nextGroup(): readonly Job[] {
    const group: Job[] = [];
    let bytes = 0;
    let pieces = 0;
    while (this.#jobs.length > 0) {
      const job = this.#jobs[0]!;
      // Whether it is wanted may depend on a record of this group.
      if (job.wanted !== undefined && group.some(({ wanted }) => wanted === undefined)) break;
      bytes += job.record.totalBytes;
      pieces += job.record.changes.length + 1;
      if (group.length > 0 && (bytes > MAX_GROUP_BYTES || pieces > MAX_GROUP_PIECES)) break;
      this.#jobs.shift();
      if (job.wanted?.() === false) job.resolve();
      else group.push(job);
    }
    return group;
  }

  /** Writes jobs in as few calls as segments allow. */
  async #writeGroup(group: readonly Job[]): Promise<void> {
    for (let begin = 0; begin < group.length; ) {
      let end = begin;
      try {
        const first = group[begin]!.record.totalBytes;
        const segment = await this.#segmentFor(first);
        let bytes = 0;
        while (end < group.length) {
          const next = bytes + group[end]!.record.totalBytes;
          if (end > begin && segment.size + next > this.#options.segmentBytes) break;
          bytes = next;
          end++;
        }
        await this.#write(segment, group.slice(begin, end));
        for (const job of group.slice(begin, end)) job.resolve();
      } catch (error) {
        end = Math.max(end, begin + 1);
        for (const job of group.slice(begin, end)) job.reject(error as Error);
      }
      begin = end;
    }
  }

  async #segmentFor(bytes: number): Promise<Segment> {
    const { folder, segmentBytes, sync, opened } = this.#options;
    const size = this.#segment?.size ?? 0;
    if (this.#sealed || (size > 0 && size + bytes > segmentBytes)) await this.#rotate();
    this.#sealed = false;
    if (this.#segment !== undefined) {
      this.#file ??= await open(this.#segment.path, 'r+');
      return this.#segment;
    }
    const segment = Segment.next(folder, this.#sequence);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    this.#file = await open(segment.path, 'wx+', 0o600);
    this.#segment = segment;
    opened(segment);
    if (sync === 'always') await syncFolder(dirname(segment.path));
    return segment;
  }

  async #write(segment: Segment, jobs: readonly Job[]): Promise<void> {
    const file = this.#file!;
    const start = segment.size;
    const pieces: Uint8Array[] = [];
    const placed: Placed[] = [];
    let at = start;
    let sequence = this.#sequence;
    for (const { record } of jobs) {
      const encoded = encodeRecord(record, sequence++, segment.salt);
      for (const piece of encoded.pieces) pieces.push(piece);
      const valuesAt = at + record.totalBytes - record.valuesBytes;
      placed.push({ segment, at, bytes: record.totalBytes, valuesAt, table: encoded.table });
      at += record.totalBytes;
    }
    try {
      await writeAll(file, pieces, start);
      this.#unsynced = true;
      if (this.#options.sync === 'always') await this.sync();
    } catch (error) {
      await this.#takeBack(file, start, sequence);
      throw error;
    }
    this.#sequence = sequence;
    segment.size = at;
    for (const record of placed) this.#options.placed(record);
  }

  /**
   * Cuts a write that failed. Where even that fails, its end is left to the scan of the next start. The next record begins a
   * new file, so that on a full disk this one can be removed when nothing in it lives.
   */
  async #takeBack(file: FileHandle, size: number, sequence: number): Promise<void> {
    try {
      await file.truncate(size);
      if (size === 0) return;
    } catch {
      this.#sequence = sequence;
    }
    await this.#rotate().catch(() => {});
  }
}

async function writeAll(file: FileHandle, pieces: readonly Uint8Array[], position: number): Promise<void> {
  let rest = pieces;
  let at = position;
  for (;;) {
    const { bytesWritten } = await file.writev(rest, at);
    at += bytesWritten;
    let skip = bytesWritten;
    let whole = 0;
    while (whole < rest.length && rest[whole]!.length <= skip) skip -= rest[whole++]!.length;
    if (whole === rest.length) return;
    if (bytesWritten === 0) throw new Error('the disk took nothing of a write');
    rest = [rest[whole]!.subarray(skip), ...rest.slice(whole + 1)];
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
