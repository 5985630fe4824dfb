import type { Client } from '@grpc/grpc-js';
import { inflate } from 'bpflow/transport';

/** What grpc-js calls around the messages of one call. */
interface MessageFilter {
  sendMetadata(metadata: Promise<GrpcHeaders>): Promise<GrpcHeaders>;
  sendMessage<T>(framed: T): T;
  receiveMetadata(metadata: GrpcHeaders): GrpcHeaders;
  receiveMessage(framed: Promise<Buffer>): Promise<Buffer>;
  receiveTrailers<T>(status: T): T;
}

interface GrpcHeaders {
  get(key: string): readonly (string | Buffer)[];
  set(key: string, value: string): void;
  remove(key: string): void;
}

/** Bytes in front of a message: a flag and its length. */
export const FRAME_BYTES = 5;

/**
 * Lets a client send messages that are framed already, and compressed where `encoding` says so:
 *
 *     flag: 0 plain, 1 compressed | length, 4 bytes big-endian | message
 *
 * grpc-js compresses only itself, by gzip of level 6 or deflate without another choice, and copies each message into a new
 * frame. So its one filter, which does that, is replaced. The filters are not in grpc-js's public interface: returns false
 * when they are not found, and the client is as before.
 */
export function useOwnFrames(client: Client, encoding: string | undefined): boolean {
  const channel = client.getChannel() as unknown as {
    readonly internalChannel?: { readonly filterStackFactory?: { readonly factories?: unknown } };
  };
  const factories = channel.internalChannel?.filterStackFactory?.factories;
  if (!Array.isArray(factories) || factories.length !== 1) return false;
  factories[0] = { createFilter: () => new OwnFrames(encoding) };
  return true;
}

/** Writes the frame in front of a message whose first bytes were left free for it. */
export function writeFrame(framed: Buffer, compressed: boolean): void {
  framed[0] = compressed ? 1 : 0;
  framed.writeUInt32BE(framed.length - FRAME_BYTES, 1);
}

class OwnFrames implements MessageFilter {
  readonly #encoding: string | undefined;
  #answerEncoding = '';

  constructor(encoding: string | undefined) {
    this.#encoding = encoding;
  }

  async sendMetadata(metadata: Promise<GrpcHeaders>): Promise<GrpcHeaders> {
    const headers = await metadata;
    headers.set('grpc-accept-encoding', 'identity,gzip,zstd,snappy');
    if (this.#encoding !== undefined) headers.set('grpc-encoding', this.#encoding);
    return headers;
  }

  sendMessage<T>(framed: T): T {
    return framed;
  }

  receiveMetadata(metadata: GrpcHeaders): GrpcHeaders {
    this.#answerEncoding = String(metadata.get('grpc-encoding')[0] ?? '');
    metadata.remove('grpc-encoding');
    metadata.remove('grpc-accept-encoding');
    return metadata;
  }

  /** An answer that cannot be read is an empty one: what it could have told is a partial success, and its status comes later. */
  async receiveMessage(message: Promise<Buffer>): Promise<Buffer> {
    const framed = await message;
    const body = framed.subarray(FRAME_BYTES);
    if (framed[0] === 0) return body;
    try {
      // grpc-go answers in the encoding of the request, whatever is accepted.
      return await inflateAnswer(body, this.#answerEncoding);
    } catch {
      return Buffer.alloc(0);
    }
  }

  receiveTrailers<T>(status: T): T {
    return status;
  }
}

const MAX_ANSWER_BYTES = 1024 * 1024;

async function inflateAnswer(body: Buffer, encoding: string): Promise<Buffer> {
  if (encoding !== 'gzip' && encoding !== 'zstd' && encoding !== 'snappy') {
    throw new RangeError(`unknown encoding ${encoding}`);
  }
  const bytes = await inflate(encoding === 'snappy' ? 'x-snappy-framed' : encoding, body, MAX_ANSWER_BYTES);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
