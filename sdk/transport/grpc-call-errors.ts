import { AuthError } from '../auth.ts';
import { asError } from '../errors.ts';
import type { Logger } from '../scope.ts';
import { GRPC, GrpcError } from './grpc-status.ts';
import { DamagedError, TooLargeError } from './inflate.ts';

/** What the client is told of anything that is thrown. What nobody foresaw is logged, and kept from the client. */
export function toGrpcError(
  error: unknown,
  path: string | undefined,
  { maxMessageBytes, log }: { readonly maxMessageBytes: number; readonly log: Logger },
): GrpcError {
  if (error instanceof GrpcError) return error;
  if (error instanceof AuthError) return new GrpcError(GRPC.UNAUTHENTICATED, error.message);
  if (error instanceof TooLargeError) {
    const message = `grpc: received message after decompression larger than max ${maxMessageBytes}`;
    return new GrpcError(GRPC.RESOURCE_EXHAUSTED, message);
  }
  if (error instanceof DamagedError) {
    return new GrpcError(GRPC.INTERNAL, `grpc: failed to decompress the message: ${error.message}`);
  }
  const { message, stack } = asError(error);
  log.error('A gRPC call failed unexpectedly.', { method: path, error: message, stack });
  return new GrpcError(GRPC.INTERNAL, 'internal error');
}

/** What clients are asked to wait when requests fill the memory that is set aside for them. */
const OVERLOADED_RETRY_MS = 1000;

export function overloaded(): GrpcError {
  return new GrpcError(GRPC.UNAVAILABLE, 'the requests under way fill the memory that is set aside for them', {
    retryAfterMs: OVERLOADED_RETRY_MS,
  });
}

export function tooSlow(): GrpcError {
  return new GrpcError(GRPC.UNAVAILABLE, 'the request arrives too slowly, and its memory is needed');
}

export function tooLate(): GrpcError {
  return new GrpcError(GRPC.DEADLINE_EXCEEDED, 'context deadline exceeded');
}
