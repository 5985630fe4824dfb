import { Buffer } from 'node:buffer';

/** Kept for the next use up to this size. */
const MOST_KEPT = 4 * 1024 * 1024;

/**
 * A buffer that grows and is used again. Memory outside V8's heap is given back late: with a new buffer for each piece of a list of
 * 5,000 pods a process needs 30 to 40 MiB more.
 */
export class Scratch {
  #bytes: Buffer = Buffer.alloc(0);
  length = 0;

  /** Adds a part of a chunk. */
  add(chunk: Buffer, start = 0, end = chunk.length): void {
    const length = this.length + end - start;
    if (length > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, this.#bytes.length * 2, 16_384));
      this.#bytes.copy(grown, 0, 0, this.length);
      this.#bytes = grown;
    }
    chunk.copy(this.#bytes, this.length, start, end);
    this.length = length;
  }

  /** What was added, from `start` on. Valid until something is added or it is cleared. */
  from(start = 0): Buffer {
    return this.#bytes.subarray(start, this.length);
  }

  clear(): void {
    this.length = 0;
    if (this.#bytes.length > MOST_KEPT) this.#bytes = Buffer.alloc(0);
  }
}
