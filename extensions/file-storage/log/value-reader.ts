import type { FileHandle } from 'node:fs/promises';
import type { Location } from './live-index.ts';
import { isIntact } from './record.ts';
import type { Segment } from './segment.ts';

/** Files that are kept open. */
const MAX_OPEN = 8;

/** Reads values, through a few files that stay open. */
export class ValueReader {
  /** The one that was used last comes last. */
  readonly #open: Segment[] = [];

  /** The value; undefined when it is not what was written. Rejects when the file cannot be read. */
  async read({ segment, at, bytes, crc }: Location): Promise<Uint8Array | undefined> {
    if (segment === undefined) return undefined;
    // Not from the pool: a value may be kept for long, and must not keep others with it.
    const value = Buffer.allocUnsafeSlow(bytes);
    const file = await this.file(segment);
    let done = 0;
    while (done < bytes) {
      const { bytesRead } = await file.read(value, done, bytes - done, at + done);
      if (bytesRead === 0) return undefined;
      done += bytesRead;
    }
    return isIntact(value, crc, segment.salt) ? value : undefined;
  }

  /** The open file of a segment. */
  file(segment: Segment): Promise<FileHandle> {
    this.#forget(segment);
    this.#open.push(segment);
    if (this.#open.length > MAX_OPEN) void this.release(this.#open[0]!);
    return segment.reader();
  }

  async release(segment: Segment): Promise<void> {
    this.#forget(segment);
    await segment.release();
  }

  async close(): Promise<void> {
    for (const segment of [...this.#open]) await this.release(segment);
  }

  #forget(segment: Segment): void {
    const index = this.#open.indexOf(segment);
    if (index >= 0) this.#open.splice(index, 1);
  }
}
