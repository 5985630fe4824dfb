/** gRPC's status codes. */
export const GRPC = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type GrpcCode = (typeof GRPC)[keyof typeof GRPC];

const NAMES = Object.fromEntries(Object.entries(GRPC).map(([name, code]) => [code, name])) as Record<GrpcCode, string>;

/** `UNAVAILABLE` of 14. */
export function grpcCodeName(code: GrpcCode): string {
  return NAMES[code];
}

/** How a call ended, where it did not end well. The message is the client's to see. */
export class GrpcError extends Error {
  override readonly name = 'GrpcError';
  readonly code: GrpcCode;
  /** The client may try again after so many ms; it is told by a RetryInfo. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: GrpcCode,
    message: string,
    options: ErrorOptions & { readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(message, options);
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** A message for the `grpc-message` header: UTF-8, with what is no printable ASCII, and the percent sign, in percent form. */
export function encodeGrpcMessage(message: string): string {
  if (/^[ -$&-~]*$/.test(message)) return message;
  let encoded = '';
  for (const byte of Buffer.from(message, 'utf8')) {
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}

/**
 * `google.rpc.Status` with, where a time is given, one detail `google.rpc.RetryInfo`: what `grpc-status-details-bin` holds
 * (there in base64), and the body of an OTLP/HTTP answer that is an error.
 */
export function encodeRpcStatus(code: number, message: string, retryAfterMs?: number): Buffer {
  // google.rpc.Status: 1 code (int32), 2 message (string), 3 details (repeated google.protobuf.Any)
  const parts = [varintField(1, code), bytesField(2, Buffer.from(message, 'utf8'))];
  if (retryAfterMs !== undefined) parts.push(bytesField(3, retryInfo(retryAfterMs), true));
  return Buffer.concat(parts);
}

function retryInfo(ms: number): Buffer {
  const ns = Math.max(0, Math.round(ms * 1e6));
  // google.protobuf.Duration: 1 seconds (int64), 2 nanos (int32)
  const delay = Buffer.concat([varintField(1, Math.floor(ns / 1e9)), varintField(2, ns % 1e9)]);
  // google.protobuf.Any: 1 type_url (string), 2 value (bytes). google.rpc.RetryInfo: 1 retry_delay (Duration)
  return Buffer.concat([
    bytesField(1, Buffer.from('type.googleapis.com/google.rpc.RetryInfo')),
    bytesField(2, bytesField(1, delay, true)),
  ]);
}

function varintField(field: number, value: number): Buffer {
  return value === 0 ? Buffer.alloc(0) : Buffer.from([field << 3, ...varint(value)]);
}

function bytesField(field: number, bytes: Buffer, keepEmpty = false): Buffer {
  if (bytes.length === 0 && !keepEmpty) return bytes;
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(bytes.length)]), bytes]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return bytes;
}
