import { ChunkList } from './chunk-list.ts';
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
  readonly #chunks: ChunkList;
  #length = -1;

  /** `take` is asked for all memory that the message holds. */
  constructor(maxBytes: number, take: (bytes: number) => boolean) {
    this.#maxBytes = maxBytes;
    this.#chunks = new ChunkList(take);
  }

  /** False when there is no memory. Throws GrpcError as soon as it is clear that this will be no request. */
  push(chunk: Buffer): boolean {
    let from = 0;
    if (this.#length < 0) {
      while (this.#prefixBytes < PREFIX_BYTES && from < chunk.length)
        this.#prefix[this.#prefixBytes++] = chunk[from++]!;
      if (this.#prefixBytes < PREFIX_BYTES) return true;
      this.#begin();
    }
    const rest = from === 0 ? chunk : chunk.subarray(from);
    const missing = this.#length - this.#chunks.length;
    if (rest.length > missing) throw new GrpcError(GRPC.INTERNAL, 'received more than one message for a unary call');
    return rest.length === 0 || this.#chunks.push(rest, missing);
  }

  /** At the end of the request. Throws GrpcError where something is missing. */
  finish(): GrpcMessage {
    if (this.#length < 0) {
      const missing = this.#prefixBytes === 0 ? 'the request has no message' : 'unexpected EOF';
      throw new GrpcError(GRPC.INTERNAL, missing);
    }
    if (this.#chunks.length < this.#length) throw new GrpcError(GRPC.INTERNAL, 'unexpected EOF');
    return { compressed: this.#prefix[0] === 1, bytes: this.#chunks.join() };
  }

  /** Forgets what has come: there will be no request. */
  clear(): void {
    this.#chunks.clear();
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
