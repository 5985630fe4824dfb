import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import {
  attributeSet,
  createResource,
  createScope,
  metricBatch,
  NumberPointsBuilder,
  SeriesInterner,
  sum,
} from 'bpflow/sdk';
import { fakeScope } from 'bpflow/testing';
import prometheus from '../../exporters/prometheus/index.ts';
import { spread } from './statistics.ts';
import { printTable } from './table.ts';

/** A page of many series: CPU time of this process for one scrape, and how long the scraper waits. */
export async function run(rounds: number): Promise<void> {
  const rows = [];
  for (const series of [1000, 10_000, 100_000]) rows.push(await page(series, rounds));
  printTable('scrape: one page of the prometheus exporter, plain text (median [min-max])', rows);
  const requests = [];
  for (const [what, families, changing] of PAGES) requests.push(await requestsOf(what, families, changing, rounds));
  printTable('scrape: requests over kept-alive connections (median [min-max] of rounds)', requests);
}

/** What is on the page, how many metrics of one series each, and whether their values change between requests. */
const PAGES = [
  ['a small page', 20, false],
  ['1,000 metrics', 1000, false],
  ['1,000 metrics, rendered for each request', 1000, true],
] as const;

/** A page as another process gets it: by 8 connections that ask without a pause, or by one when each request renders. */
async function requestsOf(what: string, families: number, changing: boolean, rounds: number) {
  const scope = fakeScope('exporter', 'prometheus');
  let scrapes = 0;
  const give = (): void => {
    void exporter.consume.metrics?.(manyMetrics(families, BigInt(++scrapes)), new AbortController().signal);
  };
  const exporter = prometheus.create(prometheus.config.parse({ endpoint: '127.0.0.1:0' }), scope, {
    pullable: changing,
    collect: async () => {
      give();
      return 'fresh';
    },
  });
  await exporter.start?.();
  give();
  const port = /:(\d+)\/metrics/.exec(scope.lastHealth?.summary ?? '')?.[1] ?? '';
  const [rate, p50, p99]: number[][] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    const client = spawn(process.execPath, ['--conditions=source', SCRAPER, port, changing ? '1' : '8']);
    const [line] = (await once(client.stdout, 'data')) as [Buffer];
    await once(client, 'close');
    const result = JSON.parse(line.toString()) as { perSecond: number; p50: number; p99: number };
    rate!.push(result.perSecond);
    p50!.push(result.p50);
    p99!.push(result.p99);
  }
  await exporter.stop?.();
  return {
    page: what,
    'requests/s': spread(rate!, 0),
    'p50 ms': spread(p50!, 2),
    'p99 ms': spread(p99!, 2),
    budget: changing ? 'p50 < 5 ms' : '≥ 10,000/s',
  };
}

const SCRAPER = fileURLToPath(new URL('./scraper.ts', import.meta.url));

function manyMetrics(families: number, time: bigint) {
  const builder = new NumberPointsBuilder({ integer: true });
  builder.add(
    interner.intern(resource, instrumentation, attributeSet({ pod: 'pod-1', namespace: 'bench' })),
    Number(time),
  );
  const taken = builder.take(time * 1_000_000_000n, 1n);
  return metricBatch(
    Array.from({ length: families }, (_, i) =>
      sum({ name: `bench.requests.${i}`, unit: '1', description: 'Requests.' }, interner.table, taken, {
        monotonic: true,
        temporality: 'cumulative',
      }),
    ),
  );
}

async function page(series: number, rounds: number) {
  const scope = fakeScope('exporter', 'prometheus');
  const exporter = prometheus.create(prometheus.config.parse({ endpoint: '127.0.0.1:0' }), scope, {
    pullable: false,
    collect: async () => 'fresh',
  });
  await exporter.start?.();
  const url = /http:\S+\/metrics/.exec(scope.lastHealth?.summary ?? '')?.[0] ?? '';
  const batch = points(series);
  await exporter.consume.metrics?.(batch, new AbortController().signal);
  const cpu: number[] = [];
  const wall: number[] = [];
  let bytes = 0;
  for (let round = 0; round < rounds + 2; round++) {
    await exporter.consume.metrics?.(points(series, BigInt(round + 2)), new AbortController().signal);
    const before = process.cpuUsage();
    const start = performance.now();
    bytes = await download(url);
    const used = process.cpuUsage(before);
    if (round < 2) continue;
    wall.push(performance.now() - start);
    cpu.push((used.user + used.system) / 1e6);
  }
  await exporter.stop?.();
  return {
    series,
    bytes,
    'CPU s': spread(cpu, 4),
    'ms with a curl of its own': spread(wall, 1),
    budget: series === 100_000 ? '≤ 0.1 CPU s' : '',
  };
}

/** By another process, so that only the exporter's own CPU time is measured. */
async function download(url: string): Promise<number> {
  const child = spawn('curl', ['-s', '-o', '/dev/null', '-w', '%{size_download}', url]);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  await once(child, 'close');
  return Number(output);
}

const interner = new SeriesInterner();
const resource = createResource({ 'service.name': 'bench', 'service.instance.id': 'i-1' });
const instrumentation = createScope('bench', '1.0.0');

function points(series: number, time = 1n) {
  const builder = new NumberPointsBuilder({ integer: true });
  for (let i = 0; i < series; i++) {
    const attributes =
      known[i] ??
      attributeSet({
        'series.id': i,
        pod: `pod-${i % 100}`,
        namespace: 'bench',
        path: `/api/v1/${i % 1000}`,
        code: 200,
      });
    known[i] = attributes;
    builder.add(interner.intern(resource, instrumentation, attributes), i + Number(time));
  }
  const taken = builder.take(time * 1_000_000_000n, 1n);
  return metricBatch([
    sum({ name: 'bench.requests', unit: '1', description: 'Requests.' }, interner.table, taken, {
      monotonic: true,
      temporality: 'cumulative',
    }),
  ]);
}

const known: ReturnType<typeof attributeSet>[] = [];
