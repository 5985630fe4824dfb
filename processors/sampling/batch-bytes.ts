import { encodedParts, isEncoded, type LogColumn, type SpanBatch } from 'bpflow/sdk';

/** About how many bytes of memory a batch of spans holds, what it shares with no other batch of its sender. */
export function bytesOfSpans(batch: SpanBatch): number {
  let bytes = batch.length * BYTES_PER_SPAN;
  if (isEncoded(batch)) for (const part of encodedParts(batch)) bytes += part.length;
  for (const words of [batch.name.words, batch.traceState.words, batch.statusMessage.words])
    bytes += bytesOfWords(words);
  for (const column of batch.attributes.values()) bytes += bytesOfColumn(column);
  for (const owned of [batch.events, batch.links]) {
    for (const { bytes: encoded } of owned.attributes) bytes += BYTES_PER_OBJECT + encoded.length;
  }
  return bytes;
}

/** Ids, times, codes, kind and status; and what tail sampling itself keeps of a span. */
const BYTES_PER_SPAN = 160;
const BYTES_PER_OBJECT = 96;

function bytesOfColumn(column: LogColumn): number {
  switch (column.kind) {
    case 'int':
    case 'double':
      return column.values.byteLength;
    case 'bool':
      return column.values.byteLength;
    case 'string':
      return column.values.codes.byteLength + bytesOfWords(column.values.words);
    case 'encoded':
    case 'sparse':
      return column.values.reduce((sum, value) => sum + (value === undefined ? 8 : BYTES_PER_OBJECT + value.length), 0);
    default:
      return column satisfies never;
  }
}

function bytesOfWords(words: readonly string[]): number {
  let bytes = 0;
  for (const word of words) bytes += 24 + word.length;
  return bytes;
}
