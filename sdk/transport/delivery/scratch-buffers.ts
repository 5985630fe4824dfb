const STEP_BYTES = 256 * 1024;
const MAX_KEPT = 4;
const MAX_KEPT_BYTES = 4 * 1024 * 1024;

/** Memory for bytes that are needed for a moment, used again: otherwise each request leaves its size to the garbage collector. */
export class ScratchBuffers {
  readonly #free: Buffer[] = [];

  /** The parts, one after the other, until they are released. */
  join(parts: readonly Uint8Array[]): { readonly bytes: Buffer; release(): void } {
    let length = 0;
    for (const part of parts) length += part.length;
    const buffer = this.#take(length);
    let position = 0;
    for (const part of parts) {
      buffer.set(part, position);
      position += part.length;
    }
    return { bytes: buffer.subarray(0, length), release: () => this.#keep(buffer) };
  }

  #take(length: number): Buffer {
    const at = this.#free.findIndex((buffer) => buffer.length >= length);
    if (at >= 0) return this.#free.splice(at, 1)[0]!;
    return Buffer.allocUnsafeSlow(Math.ceil(length / STEP_BYTES) * STEP_BYTES);
  }

  #keep(buffer: Buffer): void {
    if (buffer.length > MAX_KEPT_BYTES) return;
    this.#free.push(buffer);
    if (this.#free.length <= MAX_KEPT) return;
    this.#free.sort((a, b) => b.length - a.length).length = MAX_KEPT;
  }
}
