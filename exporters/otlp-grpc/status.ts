import type { ServiceError } from '@grpc/grpc-js';
import { bounded, describeTlsError, GRPC, readRpcStatus, type SendOutcome } from 'bpflow/transport';

/** Names as the Collector's errors have them. */
const NAMES: Readonly<Record<number, string>> = {
  [GRPC.CANCELLED]: 'Canceled',
  [GRPC.UNKNOWN]: 'Unknown',
  [GRPC.INVALID_ARGUMENT]: 'InvalidArgument',
  [GRPC.DEADLINE_EXCEEDED]: 'DeadlineExceeded',
  [GRPC.NOT_FOUND]: 'NotFound',
  [GRPC.ALREADY_EXISTS]: 'AlreadyExists',
  [GRPC.PERMISSION_DENIED]: 'PermissionDenied',
  [GRPC.RESOURCE_EXHAUSTED]: 'ResourceExhausted',
  [GRPC.FAILED_PRECONDITION]: 'FailedPrecondition',
  [GRPC.ABORTED]: 'Aborted',
  [GRPC.OUT_OF_RANGE]: 'OutOfRange',
  [GRPC.UNIMPLEMENTED]: 'Unimplemented',
  [GRPC.INTERNAL]: 'Internal',
  [GRPC.UNAVAILABLE]: 'Unavailable',
  [GRPC.DATA_LOSS]: 'DataLoss',
  [GRPC.UNAUTHENTICATED]: 'Unauthenticated',
};

const RETRYABLE: ReadonlySet<number> = new Set([
  GRPC.CANCELLED,
  GRPC.DEADLINE_EXCEEDED,
  GRPC.ABORTED,
  GRPC.OUT_OF_RANGE,
  GRPC.UNAVAILABLE,
  GRPC.DATA_LOSS,
]);

/** What a failed call means, by the table of the OTLP specification: RESOURCE_EXHAUSTED is tried again only where the server says when. */
export function outcomeOf(error: ServiceError, hint = ''): SendOutcome {
  const details = error.metadata?.get('grpc-status-details-bin')[0];
  const status = Buffer.isBuffer(details) ? readRpcStatus(details) : undefined;
  const text = `rpc error: code = ${NAMES[error.code] ?? error.code} desc = ${bounded(described(error))}${hint}`;
  const afterMs = status?.retryAfterMs;
  if (RETRYABLE.has(error.code) || (error.code === GRPC.RESOURCE_EXHAUSTED && afterMs !== undefined)) {
    return { kind: 'retry', error: text, ...(afterMs === undefined ? {} : { afterMs }) };
  }
  return { kind: 'permanent', error: text };
}

/** What grpc-js only quotes from OpenSSL, as a sentence; and what it says of a connection once, not once for each of its layers. */
function described({ code, details }: ServiceError): string {
  if (code !== GRPC.UNAVAILABLE) return details;
  const plain = details
    .replace(/(?:[a-z_]+: )?(?:No connection established\. Last error: )+(?:Error: )?/, 'no connection: ')
    .replace(/\s*Resolution note: *$/, '');
  return describeTlsError(new Error(plain));
}
