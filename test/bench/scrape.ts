import { spawn } from 'node:child_process';
import { once } from 'node:events';
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
    'ms until answered': spread(wall, 1),
    budget: series === 100_000 ? '≤ 0.1 CPU s' : series === 1000 ? '< 5 ms' : '',
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
