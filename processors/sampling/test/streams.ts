import {
  type Bits56,
  COUNT_ATTRIBUTE,
  type Consumer,
  columnValue,
  createResource,
  type LogBatch,
  LogBuilder,
  type NewLogRecord,
  type NewSpan,
  parseThreshold,
  parseTraceState,
  probabilityOf,
  RetryableError,
  type Signals,
  type SpanBatch,
  SpanBuilder,
  type SpanRecord,
  type StatefulProcessor,
  spanRecords,
  THRESHOLD_ATTRIBUTE,
  valueText,
} from 'bpflow/sdk';
import { type FakeScope, fakeScope } from 'bpflow/testing';
import { samplingConfig } from '../config.ts';
import { createSamplingProcessor } from '../processor.ts';

export const SECOND = 1_000_000_000n;
export const START = 1_700_000_000n * SECOND;
const CHECKOUT = createResource({ 'service.name': 'checkout' });

/** A sampler with its clock and what it has handed on. */
export interface Sampler {
  readonly scope: FakeScope;
  readonly processor: StatefulProcessor;
  readonly logs: LogBatch[];
  readonly spans: SpanBatch[];
  /** While true, what follows refuses. */
  refuses: boolean;
  give(batch: Signals['logs'] | Signals['traces']): void;
}

export function sampler(config: unknown, draw?: () => Bits56, pipeline = 'traces'): Sampler {
  const scope = fakeScope('processor', 'sampling', { pipeline });
  const processor = createSamplingProcessor(samplingConfig.parse(config), scope, {}, draw) as StatefulProcessor;
  const abort = new AbortController().signal;
  const take = <B>(into: B[]): Consumer<B> => ({
    refusal: () => undefined,
    consume(batch) {
      if (made.refuses) throw new RetryableError('Not now.');
      into.push(batch);
    },
  });
  const made: Sampler = {
    scope,
    processor,
    logs: [],
    spans: [],
    refuses: false,
    give(batch) {
      if (batch.signal === 'logs') processor.consume.logs!(batch, take(made.logs), abort);
      else processor.consume.traces!(batch, take(made.spans), abort);
    },
  };
  return made;
}

export function logBatch(records: readonly Partial<NewLogRecord>[]): LogBatch {
  const builder = new LogBuilder({ resource: CHECKOUT });
  for (const record of records) builder.add({ time: START, severity: 9, ...record });
  return builder.take()!;
}

export function spanBatch(spans: readonly Partial<NewSpan>[]): SpanBatch {
  const builder = new SpanBuilder({ resource: CHECKOUT });
  for (const span of spans) {
    builder.add({
      traceId: '0102030405060708090a0b0c0d0e0f10',
      spanId: '0102030405060708',
      name: 'GET /',
      startTime: START,
      endTime: START + 1_000_000n,
      ...span,
    });
  }
  return builder.take()!;
}

/** For how many items the kept ones stand. */
export function rebuilt({ logs, spans }: Sampler): number {
  let total = 0;
  for (const batch of logs) {
    const thresholds = batch.attributes.get(THRESHOLD_ATTRIBUTE);
    for (let row = 0; row < batch.length; row++) {
      total += countAt(batch, row) / shareOf(valueText(thresholds && columnValue(thresholds, row)));
    }
  }
  for (const batch of spans) {
    const shares = batch.traceState.words.map((word) => shareOf(parseTraceState(word).threshold?.text ?? ''));
    for (let row = 0; row < batch.length; row++) total += countAt(batch, row) / shares[batch.traceState.codes[row]!]!;
  }
  return total;
}

export function kept({ logs, spans }: Sampler): number {
  return [...logs, ...spans].reduce((sum, { length }) => sum + length, 0);
}

export function keptSpans({ spans }: Pick<Sampler, 'spans'>): SpanRecord[] {
  return spans.flatMap((batch) => [...spanRecords(batch)]);
}

/** Items dropped, by reason. */
export function drops({ scope }: Sampler): Readonly<Record<string, number>> {
  const byReason: Record<string, number> = {};
  for (const { count, reason } of scope.items.drops) byReason[reason] = (byReason[reason] ?? 0) + count;
  return byReason;
}

/** xorshift128 over 32-bit words: numbers from 0 below 1, the same for the same seed. */
export function randomOf(seed: number): () => number {
  let [x, y, z, w] = [seed | 1, 362436069, 521288629, 88675123];
  const next = (): number => {
    const t = x ^ (x << 11);
    [x, y, z] = [y, z, w];
    w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
    return (w >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 20; i++) next();
  return next;
}

export function bitsOf(random: () => number): () => Bits56 {
  return () => ({ high: Math.floor(random() * 2 ** 28), low: Math.floor(random() * 2 ** 28) });
}

export function traceIdOf(random: () => number): string {
  const word = (): string =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  return word() + word() + word() + word();
}

function countAt({ attributes }: LogBatch | SpanBatch, row: number): number {
  const column = attributes.get(COUNT_ATTRIBUTE);
  const count = column && columnValue(column, row);
  return count === undefined ? 1 : Number(valueText(count));
}

function shareOf(threshold: string): number {
  return threshold === '' ? 1 : probabilityOf(parseThreshold(threshold)!);
}
