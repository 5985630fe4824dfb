import {
  type Batch,
  createResource,
  encodeOtlp,
  LogBuilder,
  OtlpDecoder,
  type Processor,
  SpanBuilder,
  type StatefulProcessor,
} from 'bpflow/sdk';
import { fakeScope } from 'bpflow/testing';
import probabilistic from '../../processors/probabilistic-sampler/index.ts';
import sampling from '../../processors/sampling/index.ts';
import { spread } from './statistics.ts';
import { printTable } from './table.ts';

const ITEMS = 8192;
const BATCHES = 12;
const WARM_UP = 3;
const START = 1_700_000_000_000_000_000n;

/** So that the same traces may come in each round. */
const FORGETFUL = { sampled_cache_size: 0, non_sampled_cache_size: 0 };

/** What a span and a log record cost in each sampler, decoded columns given. */
export async function run(rounds: number): Promise<void> {
  const tenth = { sampling_percentage: 10, mode: 'proportional' };
  const policies = [{ name: 'tenth', type: 'probabilistic', probabilistic: { sampling_percentage: 10 } }];
  const ofProbabilistic = (config: unknown) => probabilistic.create(probabilistic.config.parse(config), scope(), {});
  const ofSampling = (config: unknown) => sampling.create(sampling.config.parse(config), scope(), {});
  const contenders: readonly (readonly [string, () => Processor])[] = [
    ['probabilistic_sampler, proportional, 10 %', () => ofProbabilistic(tenth)],
    ['probabilistic_sampler, hash_seed, 10 %', () => ofProbabilistic({ sampling_percentage: 10, hash_seed: 22 })],
    ['sampling, probabilistic, 10 %', () => ofSampling({ probabilistic: tenth })],
    ['sampling, adaptive in a burst', () => ofSampling({ adaptive: { burst_threshold: 1000 } })],
    [
      'sampling, rate_limit by service',
      () => ofSampling({ rate_limit: { limit: 1000, attributes: ['service.name'] } }),
    ],
    ['sampling, tail, 10 %', () => ofSampling({ tail: { policies, max_spans: ITEMS * 4, decision_cache: FORGETFUL } })],
  ];
  const [spans, logs] = [batches('traces'), batches('logs')];
  const rows = contenders.map(([what, make]) => ({
    what,
    'µs a span': spread(measure(make, spans, rounds), 3),
    'µs a record': what.includes('tail') ? '-' : spread(measure(make, logs, rounds), 3),
  }));
  printTable(`sampling: CPU of this thread, batches of ${ITEMS} (median [min-max] of rounds)`, rows);
}

function measure(make: () => Processor, given: readonly Batch[], rounds: number): number[] {
  const times: number[] = [];
  const processor = make();
  for (let round = 0; round < rounds + WARM_UP; round++) {
    const before = process.threadCpuUsage();
    for (const batch of given) offer(processor, batch);
    const { user, system } = process.threadCpuUsage(before);
    if (round >= WARM_UP) times.push((user + system) / (given.length * ITEMS));
  }
  return times;
}

function offer(processor: Processor, batch: Batch): void {
  if ('transform' in processor) {
    processor.transform[batch.signal]!(batch as never);
    return;
  }
  const next = { refusal: () => undefined, consume: () => undefined };
  void (processor as StatefulProcessor).consume[batch.signal]!(batch as never, next, new AbortController().signal);
}

function scope() {
  return fakeScope('processor', 'sampling');
}

/** As a receiver makes them, columns decoded. */
function batches(signal: 'traces' | 'logs'): Batch[] {
  const decoder = new OtlpDecoder();
  return Array.from({ length: BATCHES }, (_, i) => {
    const batch = decoder.decode(signal, encodeOtlp(signal === 'traces' ? spansOf(i) : logsOf(i)));
    void (batch as { readonly attributes: unknown }).attributes;
    return batch;
  });
}

function spansOf(batch: number): Batch {
  const builder = new SpanBuilder({ resource: createResource({ 'service.name': `shop-${batch % 3}` }) });
  for (let i = 0; i < ITEMS; i++) {
    builder.add({
      traceId: hex(batch * ITEMS + (i >> 2), 32),
      spanId: hex(i + 1, 16),
      name: `GET /path/${i % 20}`,
      kind: 2,
      startTime: START,
      endTime: START + 1000n,
      attributes: { 'http.route': `/path/${i % 20}`, 'http.response.status_code': 200 },
    });
  }
  return builder.take()!;
}

function logsOf(batch: number): Batch {
  const builder = new LogBuilder({ resource: createResource({ 'service.name': `shop-${batch % 3}` }) });
  for (let i = 0; i < ITEMS; i++) {
    builder.add({
      time: START,
      severity: 9,
      body: `something happened to ${i}`,
      traceId: hex(batch * ITEMS + i, 32),
      attributes: { 'http.route': `/path/${i % 20}`, user: i },
    });
  }
  return builder.take()!;
}

/** Digits that look random; the same for the same number. */
function hex(number: number, digits: number): string {
  let text = '';
  for (let word = 0; text.length < digits; word++) {
    let mixed = Math.imul(number ^ Math.imul(word + 1, 0x9e3779b9), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    text += ((mixed ^ (mixed >>> 16)) >>> 0).toString(16).padStart(8, '0');
  }
  return text.slice(0, digits);
}
