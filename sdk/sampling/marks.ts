import { editAttributeColumns } from '../../pdata/edit-attributes.ts';
import { LogColumnBuilder } from '../../pdata/log-column-builder.ts';
import { columnValue } from '../../pdata/log-columns.ts';
import type { LogBatch, LogColumn } from '../../pdata/logs.ts';
import type { SpanBatch } from '../../pdata/traces.ts';
import { RANDOMNESS_ATTRIBUTE, THRESHOLD_ATTRIBUTE } from './items.ts';
import { formatTraceState, parseTraceState, type TraceState } from './trace-state.ts';

/** How many items a kept one stands for, beyond what its threshold says. A whole number or a double; 1 without it. */
export const COUNT_ATTRIBUTE = 'sampling.adjusted_count';

/** What is written on rows that are kept, row by row in their order. */
export class Marks {
  /** `th`: undefined leaves what is there, the empty text takes it away. */
  readonly thresholds: (string | undefined)[] = [];
  /** `rv`: undefined leaves what is there. */
  readonly randomness: (string | undefined)[] = [];
  /** {@link COUNT_ATTRIBUTE}: undefined leaves what is there. */
  readonly counts: (number | undefined)[] = [];
  #some = false;

  add(threshold: string | undefined, randomness?: string, count?: number): void {
    this.thresholds.push(threshold);
    this.randomness.push(randomness);
    this.counts.push(count);
    this.#some ||= threshold !== undefined || randomness !== undefined || count !== undefined;
  }

  /** Whether there is anything to write. */
  get some(): boolean {
    return this.#some;
  }
}

/** The kept records with their marks as attributes. */
export function markLogs(batch: LogBatch, marks: Marks): LogBatch {
  if (!marks.some) return batch;
  let attributes = withTexts(batch.attributes, RANDOMNESS_ATTRIBUTE, batch.length, marks.randomness);
  attributes = withTexts(attributes, THRESHOLD_ATTRIBUTE, batch.length, marks.thresholds);
  attributes = withCounts(attributes, batch.length, marks.counts);
  return attributes === batch.attributes ? batch : { ...batch, attributes };
}

/** The kept spans with their marks in the tracestate. */
export function markSpans(batch: SpanBatch, marks: Marks): SpanBatch {
  if (!marks.some) return batch;
  const attributes = withCounts(batch.attributes, batch.length, marks.counts);
  const traceState = remarked(batch.traceState, marks);
  return traceState === batch.traceState && attributes === batch.attributes
    ? batch
    : { ...batch, traceState, attributes };
}

function remarked({ codes, words }: SpanBatch['traceState'], marks: Marks): SpanBatch['traceState'] {
  const states: (TraceState | undefined)[] = [];
  const codeOf = new Map<string, number>();
  const remarkedCodes = new Uint32Array(codes.length);
  let lastCode = -1;
  let lastThreshold: string | undefined;
  let last = -1;
  for (let row = 0; row < codes.length; row++) {
    const code = codes[row]!;
    const threshold = marks.thresholds[row];
    const randomness = marks.randomness[row];
    if (last >= 0 && code === lastCode && threshold === lastThreshold && randomness === undefined) {
      remarkedCodes[row] = last;
      continue;
    }
    states[code] ??= parseTraceState(words[code]!);
    const state = states[code];
    const word =
      threshold === undefined && randomness === undefined
        ? words[code]!
        : formatTraceState(state, threshold ?? state.threshold?.text ?? '', randomness ?? state.randomnessText);
    let made = codeOf.get(word);
    if (made === undefined) {
      made = codeOf.size;
      codeOf.set(word, made);
    }
    remarkedCodes[row] = made;
    if (randomness === undefined) [lastCode, lastThreshold, last] = [code, threshold, made];
  }
  return { codes: remarkedCodes, words: [...codeOf.keys()] };
}

type Columns = ReadonlyMap<string, LogColumn>;

function withTexts(columns: Columns, key: string, length: number, texts: readonly (string | undefined)[]): Columns {
  const [first] = texts;
  const known = columns.get(key);
  if (known !== undefined) {
    return editAttributeColumns(columns, length, (attributes, row) => {
      const text = texts[row];
      if (text === '') attributes.delete(key);
      else if (text !== undefined && columnValue(known, row) !== text) attributes.set(key, text);
    });
  }
  if (texts.every((text) => text === undefined || text === '')) return columns;
  if (texts.every((text) => text === first)) {
    return new Map(columns).set(key, { kind: 'string', values: { codes: new Uint32Array(length), words: [first!] } });
  }
  const builder = new LogColumnBuilder();
  for (const [row, text] of texts.entries()) if (text !== undefined && text !== '') builder.set(row, text);
  return new Map(columns).set(key, builder.build(length));
}

function withCounts(columns: Columns, length: number, counts: readonly (number | undefined)[]): Columns {
  if (counts.every((count) => count === undefined)) return columns;
  if (columns.has(COUNT_ATTRIBUTE)) {
    return editAttributeColumns(columns, length, (attributes, row) => {
      if (counts[row] !== undefined) attributes.set(COUNT_ATTRIBUTE, counts[row]);
    });
  }
  const builder = new LogColumnBuilder();
  for (const [row, count] of counts.entries()) if (count !== undefined) builder.set(row, count);
  return new Map(columns).set(COUNT_ATTRIBUTE, builder.build(length));
}
