import { GRPC, GrpcError } from './grpc-status.ts';

/** 1 byte: compressed or not; 4 bytes: length, big endian. */
const PREFIX_BYTES = 5;

/** The one message of a unary request. */
export interface GrpcMessage {
  readonly compressed: boolean;
  /** Its own memory, so that keeping it keeps nothing else alive. */
  readonly bytes: Buffer;
}

/**
 * Puts the one message of a unary request together from what the wire brings. Never holds more than was sent: the length that a
 * client claims reserves nothing.
 */
export class GrpcMessageReader {
  readonly #maxBytes: number;
  readonly #prefix = Buffer.alloc(PREFIX_BYTES);
  #prefixBytes = 0;
  readonly #chunks: Buffer[] = [];
  #received = 0;
  #length = -1;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Throws GrpcError as soon as it is clear that this will be no request. */
  push(chunk: Buffer): void {
    let from = 0;
    if (this.#length < 0) {
      while (this.#prefixBytes < PREFIX_BYTES && from < chunk.length)
        this.#prefix[this.#prefixBytes++] = chunk[from++]!;
      if (this.#prefixBytes < PREFIX_BYTES) return;
      this.#begin();
    }
    if (from === chunk.length) return;
    this.#received += chunk.length - from;
    if (this.#received > this.#length)
      throw new GrpcError(GRPC.INTERNAL, 'received more than one message for a unary call');
    this.#chunks.push(from === 0 ? chunk : chunk.subarray(from));
  }

  /** At the end of the request. Throws GrpcError where something is missing. */
  finish(): GrpcMessage {
    if (this.#length < 0) {
      const missing = this.#prefixBytes === 0 ? 'the request has no message' : 'unexpected EOF';
      throw new GrpcError(GRPC.INTERNAL, missing);
    }
    if (this.#received < this.#length) throw new GrpcError(GRPC.INTERNAL, 'unexpected EOF');
    const bytes = Buffer.allocUnsafeSlow(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) at += chunk.copy(bytes, at);
    this.#chunks.length = 0;
    return { compressed: this.#prefix[0] === 1, bytes };
  }

  #begin(): void {
    const format = this.#prefix[0]!;
    if (format > 1) throw new GrpcError(GRPC.INTERNAL, `grpc: received unexpected payload format ${format}`);
    this.#length = this.#prefix.readUInt32BE(1);
    if (this.#length <= this.#maxBytes) return;
    throw new GrpcError(
      GRPC.RESOURCE_EXHAUSTED,
      `grpc: received message larger than max (${this.#length} vs. ${this.#maxBytes})`,
    );
  }
}

/** A message with its prefix, uncompressed. */
export function grpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_BYTES);
  return frame;
}
