/** Smaller chunks are copied together into pieces of so many bytes. */
const MIN_CHUNK_BYTES = 1024;
const CRUMB_BYTES = 4096;
/** Others are kept as they are when they have at least this share of the memory that they keep alive. */
const MIN_SHARE = 1 / 8;

/**
 * Chunks of a message, as they come from a socket, until it is complete. Knows what memory they really keep alive: a chunk is a
 * view on what one read of the socket brought, and a hostile sender decides how little of that is its message.
 *
 *     pieces   [ 16 KiB of a read ][ 16 KiB of the same read ][ crumbs | crumbs | free ]
 */
export class ChunkList {
  /** Asks for memory: false when there is none. */
  readonly #take: (bytes: number) => boolean;
  readonly #pieces: Buffer[] = [];
  #read: ArrayBufferLike | undefined;
  #crumbs: Buffer | undefined;
  #crumbBytes = 0;
  #length = 0;

  constructor(take: (bytes: number) => boolean) {
    this.#take = take;
  }

  /** Bytes of the message so far. */
  get length(): number {
    return this.#length;
  }

  /** Adds a chunk; `expected` more bytes, it included, are still to come at most. False, and nothing added, when there is no memory. */
  push(chunk: Buffer, expected: number): boolean {
    const memory = chunk.buffer.byteLength;
    const held = chunk.buffer === this.#read;
    if (chunk.length >= MIN_CHUNK_BYTES && (held || chunk.length >= memory * MIN_SHARE)) {
      if (!held && !this.#take(memory)) return false;
      this.#read = chunk.buffer;
      this.#endCrumbs();
      this.#pieces.push(chunk);
    } else if (!this.#addCrumb(chunk, expected)) {
      return false;
    }
    this.#length += chunk.length;
    return true;
  }

  /** The message, in memory of its own; the list is empty then. */
  join(): Buffer {
    this.#endCrumbs();
    const [first] = this.#pieces;
    let joined: Buffer;
    if (this.#pieces.length === 1 && first!.length === first!.buffer.byteLength) {
      joined = first!;
    } else {
      joined = Buffer.allocUnsafeSlow(this.#length);
      let at = 0;
      for (const piece of this.#pieces) at += piece.copy(joined, at);
    }
    this.clear();
    return joined;
  }

  /** Forgets the message, so that its memory can be collected whoever still holds the list. */
  clear(): void {
    this.#pieces.length = 0;
    this.#read = undefined;
    this.#crumbs = undefined;
    this.#crumbBytes = 0;
    this.#length = 0;
  }

  #addCrumb(chunk: Buffer, expected: number): boolean {
    const space = this.#crumbs === undefined ? 0 : this.#crumbs.length - this.#crumbBytes;
    if (chunk.length > space) {
      const size = Math.max(chunk.length, Math.min(expected, CRUMB_BYTES));
      if (!this.#take(size)) return false;
      this.#endCrumbs();
      this.#crumbs = Buffer.allocUnsafeSlow(size);
    }
    this.#crumbBytes += chunk.copy(this.#crumbs!, this.#crumbBytes);
    return true;
  }

  #endCrumbs(): void {
    if (this.#crumbs === undefined) return;
    this.#pieces.push(this.#crumbs.subarray(0, this.#crumbBytes));
    this.#crumbs = undefined;
    this.#crumbBytes = 0;
  }
}
