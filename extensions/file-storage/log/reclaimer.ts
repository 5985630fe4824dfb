import type { Appender } from './appender.ts';
import type { LiveIndex } from './live-index.ts';
import { prepareRecord } from './record.ts';
import { scanSegment } from './scan.ts';
import type { Segment } from './segment.ts';
import type { ValueReader } from './value-reader.ts';

export interface ReclaimerOptions {
  readonly index: LiveIndex;
  readonly appender: Appender;
  readonly reader: ValueReader;
  readonly segmentBytes: number;
  /** Whether copies must be on the disk before what they replace is removed. */
  readonly sync: boolean;
  /** The value; undefined when it is damaged, which is told. */
  readonly read: (key: string) => Promise<Uint8Array | undefined>;
  readonly failed: (operation: 'remove' | 'compact', error: Error) => void;
}

const MAX_COPY_BYTES = 8 * 1024 * 1024;

/**
 * Gives space back, in the background.
 *
 * ```
 *  oldest                                        newest
 *  [ .. dead .. live ] [ live live .. ] [ live ] ◀── every change is appended here
 *     │ removed when nothing in it lives
 *     └ when more than half of the whole is dead: what lives in it is appended again, then it is removed
 * ```
 * Files go from the oldest on only, so a record that deletes a key outlives every value that it deletes.
 */
export class Reclaimer {
  /** Something did not fit since the last time there was room. */
  isWanted = false;
  readonly #options: ReclaimerOptions;
  #running: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: ReclaimerOptions) {
    this.#options = options;
  }

  /** Looks whether there is something to do, and does it. */
  run(): void {
    if (this.#running !== undefined || this.#isClosed) return;
    if (!this.#oldestIsDead() && !this.#isMostlyDead()) return;
    this.#running = this.#runAll().finally(() => {
      this.#running = undefined;
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#running;
  }

  async #runAll(): Promise<void> {
    await undefined;
    while (!this.#isClosed) {
      const oldest = this.#options.index.segments[0];
      if (oldest === undefined) return;
      if (this.#oldestIsDead()) {
        if (!(await this.#remove(oldest))) return;
      } else if (this.#isMostlyDead()) {
        if (!(await this.#empty(oldest))) return;
      } else {
        return;
      }
    }
  }

  #oldestIsDead(): boolean {
    const { index, appender } = this.#options;
    const oldest = index.segments[0];
    return oldest !== undefined && oldest !== appender.segment && oldest.liveEntries === 0;
  }

  /**
   * More dead than alive, by more than files of the usual size leave anyway: each byte moved then frees one at least.
   * When something did not fit, one file's worth of dead bytes is enough.
   */
  #isMostlyDead(): boolean {
    const { index, appender, segmentBytes } = this.#options;
    if (index.segments.length < 2 || index.segments[0] === appender.segment) return false;
    const { bytes, liveBytes } = index.size;
    return bytes - liveBytes > (this.isWanted ? segmentBytes : liveBytes + 2 * segmentBytes);
  }

  async #remove(oldest: Segment): Promise<boolean> {
    const { index, reader, failed } = this.#options;
    try {
      await oldest.remove();
    } catch (error) {
      failed('remove', error as Error);
      return false;
    }
    const place = index.segments.indexOf(oldest);
    if (place >= 0) index.segments.splice(place, 1);
    await reader.release(oldest);
    return true;
  }

  /** Appends what lives in the oldest segment again. */
  async #empty(oldest: Segment): Promise<boolean> {
    const { index, appender, reader, sync, read, failed } = this.#options;
    let copies: Promise<void>[] = [];
    let bytes = 0;
    try {
      const file = await reader.file(oldest);
      for await (const found of scanSegment(file, { salt: oldest.salt, first: oldest.first, values: false })) {
        if (this.#isClosed) break;
        if (found.kind !== 'record') continue;
        for (const { key } of found.table) {
          const location = index.get(key);
          if (location?.segment !== oldest) continue;
          const value = await read(key);
          if (value === undefined || index.get(key) !== location) continue;
          const copy = appender.append(prepareRecord([{ key, value }]), () => index.get(key) === location);
          copy.catch(() => {});
          copies.push(copy);
          bytes += value.length;
        }
        if (bytes < MAX_COPY_BYTES) continue;
        await Promise.all(copies);
        copies = [];
        bytes = 0;
      }
      await Promise.all(copies);
      if (sync) await appender.sync();
      return oldest.liveEntries === 0;
    } catch (error) {
      failed('compact', error as Error);
      return false;
    }
  }
}
