import type { HostMemory } from 'bpflow/sdk';

const EVERY_BYTES = 8 << 20;
/** The end of the file that stays, for those who read along. */
const KEPT_BYTES = 16 << 20;
/** What lies before it is on its way to the disk: it is looked after four times, until it is there. */
const WATCHED_BYTES = 32 << 20;

/**
 * Lets what was written go from the page cache once it is on the disk, so that a file that only grows does not take the machine's
 * memory, page by page. Writing into pages that were used a moment ago is cheaper than into fresh ones, too: 0.3 instead of 0.95
 * CPU-seconds for 400 MB on a virtual machine whose host has to find the fresh ones first.
 *
 *     |······ gone ······|·· watched, 32 MiB ··|·· kept, 16 MiB ··|  end of the file
 */
export class CacheRelease {
  readonly #memory: HostMemory;
  /** Sizes at which this file began to be ours, and at the last release. */
  #first = 0;
  #last = 0;
  #running: Promise<void> | undefined;

  constructor(memory: HostMemory) {
    this.#memory = memory;
  }

  /** The file has grown to this size. Never waited for, since the disk may be slow: what comes meanwhile is released later. */
  grown(fd: number, size: number): void {
    if (this.#running !== undefined || size - this.#last < EVERY_BYTES) return;
    const start = Math.max(this.#first, this.#last - KEPT_BYTES - WATCHED_BYTES);
    const end = size - KEPT_BYTES;
    if (end <= start) return;
    this.#last = size;
    this.#running = this.#memory.releaseFileCache(fd, start, end - start).finally(() => {
      this.#running = undefined;
    });
  }

  /** Another file follows, of this size. Resolves when nothing is under way for the one before. */
  async next(size: number): Promise<void> {
    await this.#running;
    this.#first = size;
    this.#last = size;
  }
}
