import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  attributeSet,
  createResource,
  createScope,
  type MetricBatch,
  metricBatch,
  NumberPointsBuilder,
  type SeriesId,
  SeriesInterner,
  type StatefulProcessor,
  sum,
} from 'bpflow/sdk';
import { fakeScope } from 'bpflow/testing';
import spec from '../../processors/cardinality-limit/index.ts';
import { spread } from './statistics.ts';
import { printTable } from './table.ts';

const DISTINCT = 1_000_000;
const LIMIT = 1000;
const BATCH = 10_000;
const TABLE = 100_000;
const SECOND = 1_000_000_000n;
const MIB = 2 ** 20;

const RESOURCE = createResource({ 'service.name': 'shop', 'host.name': 'node-1' });
const SCOPE = createScope('bench', '1');

/** A million distinct values against a limit of a thousand: what a point costs, and what memory does. */
export async function run(rounds: number): Promise<void> {
  const configs: readonly [string, unknown][] = [
    ['first_come, max_series', { max_series: LIMIT }],
    ['first_come, max_values', { limits: [{ metric: '*', attributes: { 'url.path': LIMIT } }] }],
    [
      'heavy_hitters, max_values',
      { limits: [{ metric: '*', strategy: 'heavy_hitters', attributes: { 'url.path': LIMIT } }] },
    ],
  ];
  const rows = configs.map(([what, config]) => ({ what, ...measure(config, rounds) }));
  printTable(
    `cardinality: µs of CPU a point, ${DISTINCT} distinct values against a limit of ${LIMIT}, batches of ${BATCH} (median [min-max] of rounds)`,
    rows,
  );
  printTable(
    `cardinality: resident MiB while ${DISTINCT} distinct values come, from tables of ${TABLE} that go again`,
    configs.map(([what, config]) => ({ what, ...residentDuring(config) })),
  );
}

/** Resident memory by how many distinct values have come. Senders' tables rotate, as those of receivers do. */
function residentDuring(config: unknown): Readonly<Record<string, string>> {
  const take = processor(config);
  const cells: [string, string][] = [];
  for (let come = 0; come < 2 * DISTINCT; ) {
    const series = new Series(TABLE, come);
    for (let from = 0; from < TABLE; from += BATCH) take(series.batch(from, from + BATCH));
    come += TABLE;
    if (come % (DISTINCT / 2) !== 0 && come !== TABLE) continue;
    collectGarbage();
    cells.push([come.toLocaleString('en'), (process.memoryUsage.rss() / MIB).toFixed(0)]);
  }
  return Object.fromEntries(cells);
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}

function measure(config: unknown, rounds: number): Readonly<Record<string, string>> {
  const kept: number[] = [];
  const folded: number[] = [];
  const fresh: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const take = processor(config);
    const first = new Series(LIMIT / 2);
    take(first.batch(0, LIMIT / 2));
    // Of a million values few are known when a table is new; each is seen once for the first time, then again.
    const flood = new Series(DISTINCT);
    const flooding = batches(flood);
    fresh.push(perPoint(flooding, take));
    folded.push(perPoint(flooding.map(again), take));
    const same = Array.from({ length: 100 }, () => first.repeated(BATCH));
    kept.push(perPoint(same, take));
  }
  return { 'known, kept': spread(kept, 3), 'known, folded': spread(folded, 3), 'new, folded': spread(fresh, 3) };
}

type Take = (batch: MetricBatch) => void;

function processor(config: unknown): Take {
  const scope = fakeScope('processor', 'cardinality_limit');
  const { consume } = spec.create(spec.config.parse(config), scope, {}) as StatefulProcessor;
  const next = { refusal: () => undefined, consume: () => undefined };
  const { signal } = new AbortController();
  return (batch) => void consume.metrics!(batch, next, signal);
}

/** CPU time of this thread. */
function perPoint(all: readonly MetricBatch[], take: Take): number {
  const before = process.threadCpuUsage();
  for (const batch of all) take(batch);
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / all.reduce((points, { metrics }) => points + metrics[0]!.points.length, 0);
}

/** The same points in a batch of its own: one that is offered twice is answered from memory. */
function again(batch: MetricBatch): MetricBatch {
  return { ...batch };
}

function batches(series: Series): MetricBatch[] {
  return Array.from({ length: DISTINCT / BATCH }, (_, i) => series.batch(i * BATCH, (i + 1) * BATCH));
}

class Series {
  readonly #interner = new SeriesInterner({ maxSeries: Number.POSITIVE_INFINITY });
  readonly #ids: SeriesId[];
  #time = 1_700_000_000n * SECOND;

  constructor(count: number, from = 0) {
    this.#ids = Array.from({ length: count }, (_, i) =>
      this.#interner.intern(
        RESOURCE,
        SCOPE,
        attributeSet({ 'http.request.method': 'GET', 'url.path': `/item/${from + i}` }),
      ),
    );
  }

  batch(from: number, to: number): MetricBatch {
    return this.#of(this.#ids.slice(from, to));
  }

  repeated(points: number): MetricBatch {
    return this.#of(Array.from({ length: points }, (_, i) => this.#ids[i % this.#ids.length]!));
  }

  #of(ids: readonly SeriesId[]): MetricBatch {
    const builder = new NumberPointsBuilder({ integer: true });
    for (const id of ids) builder.add(id, 1);
    const start = this.#time;
    this.#time += SECOND;
    const names = { name: 'requests', unit: '{request}', description: 'Requests.' };
    return metricBatch([
      sum(names, this.#interner.table, builder.take(this.#time, start), { monotonic: true, temporality: 'delta' }),
    ]);
  }
}
