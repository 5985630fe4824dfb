import {
  bounded,
  messageOfJson,
  partialSuccess,
  partialSuccessOfJson,
  readRpcStatus,
  type SendOutcome,
} from 'bpflow/transport';

/** An answer, its body cut at the bound. */
export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  /** Value of `Retry-After`. */
  readonly retryAfter: string | undefined;
  readonly body: Uint8Array;
  /** Whether the body is whole. */
  readonly complete: boolean;
}

const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);
/** Whose `Retry-After` counts. */
const THROTTLING: ReadonlySet<number> = new Set([429, 503]);

/** What an answer means, by the table of the OTLP specification. `url` is shown in errors. */
export function outcomeOf(answer: HttpAnswer, url: string, nowMs: number): SendOutcome {
  const { status, retryAfter } = answer;
  if (status >= 200 && status <= 299) {
    const rejected = answer.complete ? rejectedBy(answer) : undefined;
    return { kind: 'sent', ...(rejected === undefined ? {} : { rejected }) };
  }
  const message = messageOf(answer);
  const details = message === undefined ? '' : `, Message=${bounded(message)}, Details=[]`;
  const error = `error exporting items, request to ${url} responded with HTTP Status Code ${status}${details}`;
  if (!RETRYABLE.has(status)) return { kind: 'permanent', error };
  const afterMs = THROTTLING.has(status) && retryAfter !== undefined ? delayOf(retryAfter, nowMs) : undefined;
  return { kind: 'retry', error, ...(afterMs === undefined ? {} : { afterMs }) };
}

function rejectedBy({ contentType, body }: HttpAnswer) {
  if (contentType === 'application/json') return partialSuccessOfJson(body);
  return contentType === 'application/x-protobuf' ? partialSuccess(body) : undefined;
}

function messageOf({ contentType, body }: HttpAnswer): string | undefined {
  if (body.length === 0) return undefined;
  if (contentType === 'application/json') return messageOfJson(body);
  return readRpcStatus(body)?.message;
}

/** Seconds, or a date; ms. Undefined for what is neither, or lies in the past. */
function delayOf(retryAfter: string, nowMs: number): number | undefined {
  if (/^\d{1,9}$/.test(retryAfter)) return Number(retryAfter) * 1000;
  const date = Date.parse(retryAfter);
  return Number.isNaN(date) || date <= nowMs ? undefined : date - nowMs;
}
