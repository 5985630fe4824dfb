import { spawnSync } from 'node:child_process';
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
const SECOND = 1_000_000_000n;
const MIB = 2 ** 20;

const RESOURCE = createResource({ 'service.name': 'shop', 'host.name': 'node-1' });
const SCOPE = createScope('bench', '1');

/** Else the garbage of those who make the values would let the heap grow, with or without a processor. */
const SMALL_YOUNG_GENERATION = '--max-semi-space-size=4';

const CONFIGS: readonly (readonly [what: string, config: unknown])[] = [
  ['first_come, max_series', { max_series: LIMIT }],
  ['first_come, max_values', { limits: [{ metric: '*', attributes: { 'url.path': LIMIT } }] }],
  [
    'heavy_hitters, max_values',
    { limits: [{ metric: '*', strategy: 'heavy_hitters', attributes: { 'url.path': LIMIT } }] },
  ],
];

/** A million distinct values against a limit of a thousand: what a point costs, and what memory does. */
export async function run(rounds: number): Promise<void> {
  printTable(
    `cardinality: µs of CPU a point, ${DISTINCT} distinct values against a limit of ${LIMIT}, batches of ${BATCH} (median [min-max] of rounds)`,
    CONFIGS.map(([what, config]) => ({ what, ...measure(config, rounds) })),
  );
  printTable(
    `cardinality: MiB resident (and in use) while ${2 * DISTINCT} distinct values come, a table for each batch of ${BATCH}`,
    [['no processor', undefined] as const, ...CONFIGS].map(([what], i) => ({ what, ...inChild(i - 1) })),
  );
}

/** In a process of its own: what others needed before would hide the growth. */
function inChild(index: number): Readonly<Record<string, string>> {
  const flags = ['--conditions=source', '--disable-warning=ExperimentalWarning', SMALL_YOUNG_GENERATION];
  const args = [...flags, import.meta.filename, String(index)];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Readonly<Record<string, string>>;
}

/** Resident memory by how many distinct values have come. Senders' tables end with their batches. */
function residentDuring(take: Take): Readonly<Record<string, string>> {
  const cells: [string, string][] = [];
  for (let come = 0; come < 2 * DISTINCT; ) {
    take(new Series(BATCH, come).batch(0, BATCH));
    come += BATCH;
    if (come % (DISTINCT / 2) !== 0 && come !== 10 * BATCH) continue;
    collectGarbage();
    const { rss, heapUsed, external } = process.memoryUsage();
    const inUse = (heapUsed + external) / MIB;
    cells.push([come.toLocaleString('en'), `${(rss / MIB).toFixed(0)} (${inUse.toFixed(1)})`]);
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

if (import.meta.filename === process.argv[1]) {
  const config = CONFIGS[Number(process.argv[2])]?.[1];
  process.stdout.write(JSON.stringify(residentDuring(config === undefined ? () => {} : processor(config))));
}
