const STEP_BYTES = 256 * 1024;
/** For some requests on their way at a time. */
const MAX_KEPT_BYTES = 24 * 1024 * 1024;
const MAX_ONE_BYTES = 4 * 1024 * 1024;

/** Memory for bytes that are needed for a moment, used again: otherwise each request leaves its size to the garbage collector. */
export class ScratchBuffers {
  readonly #free: Buffer[] = [];
  #freeBytes = 0;

  /** The parts, one after the other, behind some bytes of headroom, until they are released. */
  join(parts: readonly Uint8Array[], headroom: number): { readonly bytes: Buffer; release(): void } {
    let length = headroom;
    for (const part of parts) length += part.length;
    const buffer = this.#take(length);
    let position = headroom;
    for (const part of parts) {
      buffer.set(part, position);
      position += part.length;
    }
    return { bytes: buffer.subarray(0, length), release: () => this.#keep(buffer) };
  }

  #take(length: number): Buffer {
    const at = this.#free.findIndex((buffer) => buffer.length >= length);
    if (at < 0) return Buffer.allocUnsafeSlow(Math.ceil(length / STEP_BYTES) * STEP_BYTES);
    const [buffer] = this.#free.splice(at, 1);
    this.#freeBytes -= buffer!.length;
    return buffer!;
  }

  #keep(buffer: Buffer): void {
    if (buffer.length > MAX_ONE_BYTES || this.#freeBytes + buffer.length > MAX_KEPT_BYTES) return;
    this.#free.push(buffer);
    this.#freeBytes += buffer.length;
  }
}
