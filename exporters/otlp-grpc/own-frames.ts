import type { Client } from '@grpc/grpc-js';

/** What grpc-js calls around each message. */
interface MessageFilter {
  sendMetadata(metadata: Promise<GrpcHeaders>): Promise<GrpcHeaders>;
  sendMessage<T>(framed: T): T;
  receiveMetadata<T>(metadata: T): T;
  receiveMessage(framed: Promise<Buffer>): Promise<Buffer>;
  receiveTrailers<T>(status: T): T;
}

interface GrpcHeaders {
  set(key: string, value: string): void;
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
  const filter: MessageFilter = {
    async sendMetadata(metadata) {
      const headers = await metadata;
      headers.set('grpc-accept-encoding', 'identity');
      if (encoding !== undefined) headers.set('grpc-encoding', encoding);
      return headers;
    },
    sendMessage: (framed) => framed,
    receiveMetadata: (metadata) => metadata,
    async receiveMessage(message) {
      const framed = await message;
      if (framed[0] === 0) return framed.subarray(FRAME_BYTES);
      throw { code: INTERNAL, details: 'The answer is compressed, though only identity was accepted.' };
    },
    receiveTrailers: (status) => status,
  };
  factories[0] = { createFilter: () => filter };
  return true;
}

const INTERNAL = 13;

/** Writes the frame in front of a message whose first bytes were left free for it. */
export function writeFrame(framed: Buffer, compressed: boolean): void {
  framed[0] = compressed ? 1 : 0;
  framed.writeUInt32BE(framed.length - FRAME_BYTES, 1);
}
