import {
  attributeSet,
  type Batch,
  type Consumer,
  createResource,
  createScope,
  encodeOtlp,
  LogBuilder,
  type MetricBatch,
  metricBatch,
  NumberPointsBuilder,
  OtlpDecoder,
  SeriesInterner,
  type StatefulProcessor,
  sum,
} from 'bpflow/sdk';
import { fakeScope } from 'bpflow/testing';
import { k8sEnrichConfig } from '../../processors/k8s-enrich/config.ts';
import { createEnrichment } from '../../processors/k8s-enrich/processor.ts';
import { CALLS } from '../../processors/k8s-enrich/test/enrichment.ts';
import { container, FakeCluster, pod } from '../../processors/k8s-enrich/test/fake-cluster.ts';
import { spread } from './statistics.ts';
import { printTable } from './table.ts';

const PODS = 200;
const SERIES = 500;
const POINTS = PODS * SERIES;
const RECORDS = 10_000;
const SCOPE = createScope('bench', '1');
const FOREIGN = { name: 'http.requests', unit: '{request}', description: '' };
const NOTHING: Consumer<Batch> = { refusal: () => undefined, consume: () => {} };
const ABORT = new AbortController().signal;

/** What a point or record costs whose pod is known. */
export async function run(rounds: number): Promise<void> {
  const interner = new SeriesInterner();
  const ids = Array.from({ length: PODS }, (_, i) =>
    Array.from({ length: SERIES }, (_, n) => interner.intern(resourceOf(i), SCOPE, attributeSet({ syscall: n }))),
  ).flat();
  const own = (): MetricBatch => metricBatch([sum(CALLS, interner.table, pointsOf(ids), COUNTER)]);
  const foreign = (): MetricBatch => metricBatch([sum(FOREIGN, interner.table, pointsOf(ids), COUNTER)]);
  const logs = encodedLogs();
  const cases: readonly [string, () => Batch, number, boolean][] = [
    [`points of our own, ${POINTS} known series of ${PODS} pods`, own, POINTS, true],
    ['the same, foreign', foreign, POINTS, true],
    ['the same, seen for the first time', own, POINTS, false],
    [`log records as they came, ${PODS} resources`, () => new OtlpDecoder().decode('logs', logs), RECORDS, true],
  ];
  const rows = cases.map(([what, make, items, known]) => {
    const shared = known ? processor() : undefined;
    const ns: number[] = [];
    for (let round = 0; round < rounds + WARM_UP; round++) {
      const give = shared ?? processor();
      const batch = make();
      const before = process.cpuUsage();
      give(batch);
      const { user, system } = process.cpuUsage(before);
      if (round >= WARM_UP) ns.push(((user + system) * 1000) / items);
    }
    return { what, 'ns of CPU each': spread(ns, 1) };
  });
  printTable('k8s-enrich: enriching by pod (median [min-max] of rounds)', rows);
}

const WARM_UP = 3;
const COUNTER = { monotonic: true, temporality: 'delta' } as const;

function idOf(i: number): string {
  return i.toString(16).padStart(64, '0');
}

function resourceOf(i: number) {
  return createResource({ 'container.id': idOf(i) });
}

function processor(): (batch: Batch) => void {
  const pods = Array.from({ length: PODS }, (_, i) => pod({ uid: `uid-${i}`, containers: [container(idOf(i))] }));
  const config = k8sEnrichConfig.parse({ containers: { docker_root: '', podman_roots: [] } });
  const made = createEnrichment(
    config,
    fakeScope('processor', 'k8s_enrich'),
    new FakeCluster(...pods),
  ) as StatefulProcessor;
  return (batch) => {
    const consume = made.consume[batch.signal] as (batch: Batch, next: Consumer<Batch>, abort: AbortSignal) => void;
    consume(batch, NOTHING, ABORT);
  };
}

function pointsOf(ids: readonly number[]) {
  const builder = new NumberPointsBuilder({ integer: true });
  for (const id of ids) builder.add(id, 1);
  return builder.take(2n, 1n);
}

/** A request as it comes from a Collector: records by resource. */
function encodedLogs(): Uint8Array {
  const parts = Array.from({ length: PODS }, (_, i) => {
    const builder = new LogBuilder({ resource: resourceOf(i), scope: SCOPE });
    for (let n = 0; n < RECORDS / PODS; n++) builder.add({ time: 1n, severity: 9, body: `Request ${n} was answered.` });
    return encodeOtlp(builder.take()!);
  });
  return Buffer.concat(parts);
}
