import type { Client } from '@grpc/grpc-js';

/** What grpc-js calls around each message. Only what is used here. */
interface MessageFilter {
  sendMetadata(metadata: Promise<GrpcHeaders>): Promise<GrpcHeaders>;
  sendMessage(message: Promise<{ readonly message: Buffer }>): Promise<{ readonly message: Buffer }>;
  receiveMetadata<T>(metadata: T): T;
  receiveMessage<T>(message: T): T;
  receiveTrailers<T>(status: T): T;
}

interface GrpcHeaders {
  set(key: string, value: string): void;
}

/**
 * Lets a client send messages that are compressed already. grpc-js compresses only itself, by gzip of level 6 or deflate,
 * and has no option for another level. So a filter is put behind its own: that one has framed the message as uncompressed,
 *
 *     flag 0 | length, 4 bytes | message
 *
 * and this one sets the flag and names the encoding. The filters are not in grpc-js's public interface: false when they are
 * not found, and the client is as before.
 */
export function declareCompressed(client: Client, encoding: string): boolean {
  const channel = client.getChannel() as unknown as {
    readonly internalChannel?: { readonly filterStackFactory?: { readonly factories?: unknown } };
  };
  const factories = channel.internalChannel?.filterStackFactory?.factories;
  if (!Array.isArray(factories) || factories.length !== 1) return false;
  const filter: MessageFilter = {
    async sendMetadata(metadata) {
      const headers = await metadata;
      headers.set('grpc-encoding', encoding);
      return headers;
    },
    async sendMessage(message) {
      const framed = await message;
      framed.message[0] = 1;
      return framed;
    },
    receiveMetadata: (metadata) => metadata,
    receiveMessage: (message) => message,
    receiveTrailers: (status) => status,
  };
  factories.push({ createFilter: () => filter });
  return true;
}
