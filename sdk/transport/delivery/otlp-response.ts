import { EXPORT_CALLS } from '../../../pdata/otlp/export-calls.ts';
import { DELIMITED, VARINT, WireError, WireReader } from '../../../pdata/otlp/wire.ts';
import { SIGNALS } from '../../../pdata/signals.ts';
import { bounded } from './outcome.ts';

/** What an answer says that was not taken though it is a success; undefined when all was. Malformed answers count as success. */
export function partialSuccess(response: Uint8Array): { readonly items: number; readonly message: string } | undefined {
  // Export…ServiceResponse: 1 partial_success { 1 rejected_… (int64), 2 error_message (string) }
  let items = 0;
  let message = '';
  readFields(response, {
    1: (_, partial) =>
      readFields(partial, {
        1: (rejected) => {
          items = Math.min(rejected, Number.MAX_SAFE_INTEGER);
        },
        2: (__, text) => {
          message = textOf(text);
        },
      }),
  });
  return items === 0 && message === '' ? undefined : { items, message };
}

/** As {@link partialSuccess}, of a JSON answer. */
export function partialSuccessOfJson(
  response: Uint8Array,
): { readonly items: number; readonly message: string } | undefined {
  const partial = jsonObject(jsonObject(parsed(response))?.['partialSuccess']);
  if (partial === undefined) return undefined;
  const rejected = SIGNALS.map((signal) => Number(partial[EXPORT_CALLS[signal].rejected] ?? 0));
  const items = Math.max(...rejected.filter(Number.isSafeInteger), 0);
  const message = bounded(String(partial['errorMessage'] ?? ''));
  return items === 0 && message === '' ? undefined : { items, message };
}

export interface RpcStatus {
  readonly message: string;
  /** Of a RetryInfo among the details, ms. */
  readonly retryAfterMs: number | undefined;
}

/** `google.rpc.Status`; undefined for bytes that are none. */
export function readRpcStatus(bytes: Uint8Array): RpcStatus | undefined {
  // google.rpc.Status: 1 code (int32), 2 message (string), 3 details (repeated Any { 1 type_url, 2 value })
  let message = '';
  let retryAfterMs: number | undefined;
  const valid = readFields(bytes, {
    2: (_, text) => {
      message = textOf(text);
    },
    3: (_, detail) => {
      let type = '';
      let value = NOTHING;
      readFields(detail, {
        1: (__, url) => {
          type = textOf(url);
        },
        2: (__, any) => {
          value = any;
        },
      });
      if (type.endsWith('/google.rpc.RetryInfo')) retryAfterMs = retryDelay(value);
    },
  });
  return valid ? { message, retryAfterMs } : undefined;
}

/** The message of an error that came as JSON. */
export function messageOfJson(response: Uint8Array): string | undefined {
  const message = jsonObject(parsed(response))?.['message'];
  return typeof message === 'string' ? bounded(message) : undefined;
}

function retryDelay(retryInfo: Uint8Array): number {
  // google.rpc.RetryInfo: 1 retry_delay (google.protobuf.Duration: 1 seconds (int64), 2 nanos (int32))
  let seconds = 0;
  let nanos = 0;
  readFields(retryInfo, {
    1: (_, delay) =>
      readFields(delay, {
        1: (value) => {
          seconds = value;
        },
        2: (value) => {
          nanos = value;
        },
      }),
  });
  const ms = seconds * 1000 + nanos / 1e6;
  // Negative ones come as huge numbers.
  return ms > MAX_DELAY_MS ? 0 : ms;
}

const MAX_DELAY_MS = 7 * 24 * 3_600_000;

/** By field number; called with the number of a varint, or with the bytes of a delimited field. */
type Fields = Readonly<Record<number, (value: number, bytes: Uint8Array) => unknown>>;

const NOTHING: Uint8Array = new Uint8Array();

/** Whether the bytes are a message. */
function readFields(bytes: Uint8Array, fields: Fields): boolean {
  try {
    const reader = new WireReader(bytes);
    while (!reader.done) {
      const tag = reader.tag();
      const read = fields[tag >>> 3];
      if ((tag & 7) === VARINT) {
        const value = reader.varint();
        read?.(value, NOTHING);
      } else if ((tag & 7) === DELIMITED) {
        const end = reader.delimited();
        read?.(0, bytes.subarray(reader.position, end));
        reader.position = end;
      } else {
        reader.skip(tag);
      }
    }
    return true;
  } catch (thrown) {
    if (thrown instanceof WireError) return false;
    throw thrown;
  }
}

function textOf(bytes: Uint8Array): string {
  return bounded(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8'));
}

function parsed(response: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(response.buffer, response.byteOffset, response.length).toString('utf8'));
  } catch {
    return undefined;
  }
}

function jsonObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}
