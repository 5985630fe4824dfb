import type { ServerResponse } from 'node:http';
import { encodeRpcStatus, GRPC, type GrpcCode } from 'bpflow/transport';

/** What a request is written in; its answer is too. */
export type Encoding = 'protobuf' | 'json';

const TYPES: Readonly<Record<Encoding, string>> = {
  protobuf: 'application/x-protobuf',
  json: 'application/json',
};
const ACCEPTED: Readonly<Record<Encoding, string>> = { protobuf: '', json: '{"partialSuccess":{}}' };

export function accepted(response: ServerResponse, encoding: Encoding): void {
  send(response, 200, TYPES[encoding], ACCEPTED[encoding]);
}

/** An error as `google.rpc.Status`. Without a code it follows from the status, as in the Collector. */
export function failed(
  response: ServerResponse,
  encoding: Encoding,
  status: number,
  code: number = codeOf(status),
  message: string,
  retryAfterMs: number | undefined,
): void {
  if (retryAfterMs !== undefined)
    response.setHeader('Retry-After', String(Math.max(1, Math.ceil(retryAfterMs / 1000))));
  const body = encoding === 'json' ? JSON.stringify({ code, message }) : encodeRpcStatus(code, message, retryAfterMs);
  send(response, status, TYPES[encoding], body);
}

export function plain(response: ServerResponse, status: number, text: string): void {
  send(response, status, 'text/plain', text);
}

/** Status of HTTP for one of gRPC, by OTLP's table of what may be sent again. */
export function httpStatus(code: GrpcCode): number {
  switch (code) {
    case GRPC.CANCELLED:
    case GRPC.DEADLINE_EXCEEDED:
    case GRPC.ABORTED:
    case GRPC.OUT_OF_RANGE:
    case GRPC.UNAVAILABLE:
    case GRPC.DATA_LOSS:
      return 503;
    case GRPC.RESOURCE_EXHAUSTED:
      return 429;
    case GRPC.INVALID_ARGUMENT:
      return 400;
    case GRPC.UNAUTHENTICATED:
      return 401;
    case GRPC.PERMISSION_DENIED:
      return 403;
    case GRPC.UNIMPLEMENTED:
      return 404;
    default:
      return 500;
  }
}

function codeOf(status: number): GrpcCode {
  switch (status) {
    case 400:
      return GRPC.INVALID_ARGUMENT;
    case 401:
      return GRPC.UNAUTHENTICATED;
    case 403:
      return GRPC.PERMISSION_DENIED;
    case 404:
      return GRPC.UNIMPLEMENTED;
    case 429:
      return GRPC.RESOURCE_EXHAUSTED;
    case 502:
    case 503:
    case 504:
      return GRPC.UNAVAILABLE;
    default:
      return GRPC.UNKNOWN;
  }
}

function send(response: ServerResponse, status: number, type: string, body: string | Uint8Array): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) }).end(body);
}
