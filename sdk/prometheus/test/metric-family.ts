import assert from 'node:assert/strict';
import type { Buffer } from 'node:buffer';

/** A MetricFamily message, decoded. */
export interface Family {
  name: string;
  help: string;
  type: number;
  metrics: DecodedMetric[];
}

export interface DecodedMetric {
  labels: Record<string, string>;
  timestampMs: number;
  value?: number;
  exemplar?: unknown;
  count?: number;
  sum?: number;
  buckets?: unknown[];
  quantiles?: unknown[];
  schema?: number;
  zeroThreshold?: number;
  zeroCount?: number;
  positiveSpans?: [number, number][];
  negativeSpans?: [number, number][];
  positiveDeltas?: number[];
  negativeDeltas?: number[];
}

/** The families of a page, each behind its length: `metrics.proto` of client_model, by its field numbers. */
export function decodeFamilies(page: Buffer): Family[] {
  const families: Family[] = [];
  const reader = new Reader(page);
  while (!reader.done) {
    const family: Family = { name: '', help: '', type: 0, metrics: [] };
    for (const [field, value] of fieldsOf(reader.take(reader.varint()))) {
      if (field === 1) family.name = text(value);
      else if (field === 2) family.help = text(value);
      else if (field === 3) family.type = value as number;
      else if (field === 4) family.metrics.push(decodeMetric(value as Buffer));
      else assert.fail(`MetricFamily has no field ${field}`);
    }
    families.push(family);
  }
  return families;
}

function decodeMetric(bytes: Buffer): DecodedMetric {
  const metric: DecodedMetric = { labels: {}, timestampMs: 0 };
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 1) Object.assign(metric.labels, label(value));
    else if (field === 6) metric.timestampMs = value as number;
    else if (field === 2 || field === 3) decodeNumber(metric, value as Buffer);
    else if (field === 4) decodeSummary(metric, value as Buffer);
    else if (field === 7) decodeHistogram(metric, value as Buffer);
    else assert.fail(`Metric has no field ${field}`);
  }
  return metric;
}

function decodeNumber(metric: DecodedMetric, bytes: Buffer): void {
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 1) metric.value = value as number;
    else metric.exemplar = decodeExemplar(value as Buffer);
  }
}

function decodeSummary(metric: DecodedMetric, bytes: Buffer): void {
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 1) metric.count = value as number;
    else if (field === 2) metric.sum = value as number;
    else metric.quantiles = [...(metric.quantiles ?? []), fieldsOf(value as Buffer).map(([, number]) => number)];
  }
}

function decodeHistogram(metric: DecodedMetric, bytes: Buffer): void {
  const zigzag = (value: unknown): number => {
    const number = value as number;
    return number % 2 === 0 ? number / 2 : -(number + 1) / 2;
  };
  const span = (value: unknown): [number, number] => {
    const [offset, length] = fieldsOf(value as Buffer);
    return [zigzag(offset![1]), length![1] as number];
  };
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 1) metric.count = value as number;
    else if (field === 2) metric.sum = value as number;
    else if (field === 3) metric.buckets = [...(metric.buckets ?? []), decodeBucket(value as Buffer)];
    else if (field === 5) metric.schema = zigzag(value);
    else if (field === 6) metric.zeroThreshold = value as number;
    else if (field === 7) metric.zeroCount = value as number;
    else if (field === 9) metric.negativeSpans = [...(metric.negativeSpans ?? []), span(value)];
    else if (field === 10) metric.negativeDeltas = [...(metric.negativeDeltas ?? []), zigzag(value)];
    else if (field === 12) metric.positiveSpans = [...(metric.positiveSpans ?? []), span(value)];
    else if (field === 13) metric.positiveDeltas = [...(metric.positiveDeltas ?? []), zigzag(value)];
    else assert.fail(`Histogram has no field ${field}`);
  }
}

function decodeBucket(bytes: Buffer): unknown {
  const bucket: { count?: unknown; bound?: unknown; exemplar?: unknown } = {};
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 1) bucket.count = value;
    else if (field === 2) bucket.bound = value;
    else bucket.exemplar = decodeExemplar(value as Buffer);
  }
  return bucket;
}

function decodeExemplar(bytes: Buffer): unknown {
  const exemplar: { labels: Record<string, string>; value?: unknown; seconds?: unknown } = { labels: {} };
  for (const [field, value] of fieldsOf(bytes)) {
    if (field === 1) Object.assign(exemplar.labels, label(value));
    else if (field === 2) exemplar.value = value;
    else exemplar.seconds = fieldsOf(value as Buffer)[0]![1];
  }
  return exemplar;
}

function label(value: unknown): Record<string, string> {
  const [name, text_] = fieldsOf(value as Buffer);
  return { [text(name![1])]: text(text_![1]) };
}

function text(value: unknown): string {
  return (value as Buffer).toString('utf8');
}

function fieldsOf(bytes: Buffer): [field: number, value: number | Buffer][] {
  const fields: [number, number | Buffer][] = [];
  const reader = new Reader(bytes);
  while (!reader.done) {
    const tag = reader.varint();
    const wireType = tag % 8;
    assert.ok(wireType <= 2, `wire type ${wireType}`);
    const value =
      wireType === 0 ? reader.varint() : wireType === 1 ? reader.take(8).readDoubleLE() : reader.take(reader.varint());
    fields.push([Math.floor(tag / 8), value]);
  }
  return fields;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.#at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  take(length: number): Buffer {
    assert.ok(this.#at + length <= this.#bytes.length, 'the message is cut off');
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
