import { Buffer } from 'node:buffer';
import {
  type Batch,
  countItems,
  encodedParts,
  encodeOtlp,
  encodeOtlpJson,
  isEncoded,
  OtlpDecoder,
  presentBatch,
  type Signal,
} from 'bpflow/sdk';
import { lengthOf } from './framing.ts';
import { splitByAttribute } from './group-by.ts';

/** A batch, or a part of one, as OTLP. */
export interface EncodedMessage {
  /** Value of the attribute that chooses the file; undefined for what has none. */
  readonly group: string | undefined;
  readonly parts: readonly Uint8Array[];
  readonly bytes: number;
  readonly items: number;
}

export interface EncodeRules {
  readonly format: 'json' | 'proto';
  readonly names: 'otel' | 'seed';
}

/** The batch as one message. Protobuf that came as it is passes without a copy. */
export function encodeBatch(batch: Batch, { format, names }: EncodeRules): EncodedMessage {
  const items = countItems(batch);
  const parts = format === 'json' ? [encodeOtlpJson(presented(batch, names))] : requestsOf(batch, names);
  return { group: undefined, parts, bytes: lengthOf(parts), items };
}

/** The batch as a message for each value of a resource attribute. */
export function encodeGroups(batch: Batch, attribute: string, rules: EncodeRules): readonly EncodedMessage[] {
  const groups = splitByAttribute(requestsOf(batch, rules.names), attribute);
  if (groups.size === 1) {
    const [group] = groups.keys();
    return [{ ...encodeBatch(batch, rules), group }];
  }
  return Array.from(groups, ([group, { parts, bytes }]) => {
    const decoded = decode(batch.signal, Buffer.concat(parts, bytes));
    const items = countItems(decoded);
    if (rules.format === 'proto') return { group, parts, bytes, items };
    const json = encodeOtlpJson(decoded);
    return { group, parts: [json], bytes: json.length, items };
  });
}

function decode(signal: Signal, request: Uint8Array): Batch {
  return new OtlpDecoder().decode(signal, request);
}

function requestsOf(batch: Batch, names: 'otel' | 'seed'): readonly Uint8Array[] {
  return isEncoded(batch) ? encodedParts(batch) : [encodeOtlp(presented(batch, names))];
}

/** What came encoded has no metric of our own. */
function presented(batch: Batch, names: 'otel' | 'seed'): Batch {
  return batch.signal === 'metrics' && !isEncoded(batch) ? presentBatch(batch, names) : batch;
}
