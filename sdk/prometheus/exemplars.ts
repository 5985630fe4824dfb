import { Buffer } from 'node:buffer';
import { type Exemplars, formatOpenMetricsFloat } from 'bpflow/sdk';
import type { MessageWriter } from './message-writer.ts';

/** A sample that stands beside a value on the page. Filtered attributes are not shown, as in the Collector. */
export interface Exemplar {
  /** As it is shown. */
  readonly value: number;
  /** ns since 1970; 0 for not known. */
  readonly time: bigint;
  /** Hex digits; empty for none. */
  readonly traceId: string;
  readonly spanId: string;
}

/** Row i of a metric's exemplars. */
export function exemplarAt(exemplars: Exemplars, i: number, scale: (value: number) => number): Exemplar {
  return {
    value: scale(exemplars.values[i]!),
    time: exemplars.time[i]!,
    traceId: hex(exemplars.traceIds, i * 16, 16),
    spanId: hex(exemplars.spanIds, i * 8, 8),
  };
}

/** What follows a value in OpenMetrics: ` # {trace_id="…",span_id="…"} 0.7 1.795227393e+09`. */
export function exemplarText({ value, time, traceId, spanId }: Exemplar): string {
  const labels = [traceId && `trace_id="${traceId}"`, spanId && `span_id="${spanId}"`].filter(Boolean).join(',');
  const seconds = time === 0n ? '' : ` ${formatOpenMetricsFloat(Number(time / 1_000_000n) / 1000)}`;
  return ` # {${labels}} ${formatOpenMetricsFloat(value)}${seconds}`;
}

/** Exemplar: 1 label, 2 value, 3 timestamp (1 seconds, 2 nanos). `field` is the one that holds it. */
export function writeExemplar(out: MessageWriter, field: number, { value, time, traceId, spanId }: Exemplar): void {
  out.message(field, (exemplar) => {
    if (traceId !== '') exemplar.labelPair('trace_id', traceId);
    if (spanId !== '') exemplar.labelPair('span_id', spanId);
    exemplar.double(2, value);
    if (time === 0n) return;
    exemplar.message(3, (timestamp) => {
      timestamp.uint(1, Number(time / 1_000_000_000n));
      timestamp.uint(2, Number(time % 1_000_000_000n));
    });
  });
}

/** Finds the exemplars of points that are asked for in ascending order. */
export class ExemplarCursor {
  readonly exemplars: Exemplars;
  from = 0;
  to = 0;

  constructor(exemplars: Exemplars) {
    this.exemplars = exemplars;
  }

  /** Whether the point has any: then they are [from, to). */
  find(point: number): boolean {
    const { point: points } = this.exemplars;
    this.from = this.to;
    while (this.from < points.length && points[this.from]! < point) this.from++;
    this.to = this.from;
    while (this.to < points.length && points[this.to]! === point) this.to++;
    return this.to > this.from;
  }
}

/** Empty for zeros, which stand for none. */
function hex(ids: Uint8Array, from: number, length: number): string {
  const text = Buffer.from(ids.buffer, ids.byteOffset + from, length).toString('hex');
  return /[^0]/.test(text) ? text : '';
}
