import {
  type Batch,
  countItems,
  encodedParts,
  encodeOtlp,
  isEncoded,
  OtlpDecoder,
  otlpToJson,
  presentBatch,
  type Signal,
  type WrittenLists,
} from 'bpflow/sdk';
import { lengthOf } from './framing.ts';
import { splitByAttribute } from './group-by.ts';
import type { MemoryPool } from './memory-pool.ts';

/** A batch, or a part of one, as OTLP. */
export interface EncodedMessage {
  /** Value of the attribute that chooses the file; undefined for what has none. */
  readonly group: string | undefined;
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly items: number;
  /** Whether the parts are of the pool, to be given back when they are written. */
  readonly pooled: boolean;
}

export interface EncodeRules {
  readonly format: 'json' | 'proto';
  readonly names: 'otel' | 'seed';
  readonly pool: MemoryPool;
  /** Of JSON, what was written before. */
  readonly written: WrittenLists;
}

/** How much longer JSON is than protobuf, about; it grows where that is not enough. */
const JSON_PER_BYTE = 2.5;

/** The batch as one message. Protobuf that came as it is passes without a copy. */
export function encodeBatch(batch: Batch, rules: EncodeRules): EncodedMessage {
  return messageOf(undefined, batch.signal, requestsOf(batch, rules.names), countItems(batch), rules);
}

/** The batch as a message for each value of a resource attribute. */
export function encodeGroups(batch: Batch, attribute: string, rules: EncodeRules): readonly EncodedMessage[] {
  const groups = splitByAttribute(requestsOf(batch, rules.names), attribute);
  return Array.from(groups, ([group, { parts }]) => {
    const items = groups.size === 1 ? countItems(batch) : countRequest(batch.signal, parts, rules.pool);
    return messageOf(group, batch.signal, parts, items, rules);
  });
}

function messageOf(
  group: string | undefined,
  signal: Signal,
  requests: readonly Uint8Array[],
  items: number,
  { format, pool, written }: EncodeRules,
): EncodedMessage {
  const bytes = lengthOf(requests);
  if (format === 'proto') return { group, parts: requests, bytes, items, pooled: false };
  const json = withJoined(requests, pool, (request) =>
    otlpToJson(signal, request, pool.take(request.length * JSON_PER_BYTE), written),
  );
  return { group, parts: [json], bytes: json.length, items, pooled: true };
}

function requestsOf(batch: Batch, names: 'otel' | 'seed'): readonly Uint8Array[] {
  if (isEncoded(batch)) return encodedParts(batch);
  // What came encoded has no metric of our own.
  return [encodeOtlp(batch.signal === 'metrics' ? presentBatch(batch, names) : batch)];
}

function countRequest(signal: Signal, requests: readonly Uint8Array[], pool: MemoryPool): number {
  return withJoined(requests, pool, (request) => countItems(new OtlpDecoder().decode(signal, request)));
}

/** Works on all requests as one, which is gone afterwards. */
function withJoined<T>(requests: readonly Uint8Array[], pool: MemoryPool, work: (request: Uint8Array) => T): T {
  if (requests.length === 1) return work(requests[0]!);
  const bytes = lengthOf(requests);
  const memory = pool.take(bytes);
  let at = 0;
  for (const request of requests) {
    memory.set(request, at);
    at += request.length;
  }
  const result = work(memory.subarray(0, bytes));
  pool.give(memory);
  return result;
}
