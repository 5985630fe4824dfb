import {
  type Attributes,
  attributeSet,
  type Batch,
  type Consumer,
  createResource,
  createScope,
  defineMetric,
  encodeOtlp,
  gauge,
  type LogBatch,
  LogBuilder,
  type Metric,
  type MetricBatch,
  metricBatch,
  NO_RECORDED_VALUE,
  NumberPointsBuilder,
  OtlpDecoder,
  SeriesInterner,
  type StatefulProcessor,
  setPeer,
  sum,
  type Temporality,
} from 'bpflow/sdk';
import { type FakeScope, fakeScope, metricsOf } from 'bpflow/testing';
import { k8sEnrichConfig } from '../config.ts';
import { createEnrichment } from '../processor.ts';
import { FakeCluster } from './fake-cluster.ts';

const ABORT = new AbortController().signal;
const SECOND = 1_000_000_000n;

export const CALLS = defineMetric({
  name: 'test.calls',
  unit: '{call}',
  seedName: 'test_calls',
  kind: 'counter',
  description: 'What the test counts.',
  exactness: 'exact',
  attributes: {},
});
export const FILL = defineMetric({ ...CALLS, name: 'test.fill', seedName: 'test_fill', kind: 'gauge' });
const FOREIGN = { name: 'http.requests', unit: '{request}', description: '' };

/** One series' point: its resource, value, and what else it has. */
export interface Point {
  readonly resource: Attributes;
  readonly attributes?: Attributes;
  readonly value: number;
  readonly ends?: boolean;
}

/** A point that was handed on. */
export interface Sent {
  readonly resource: Attributes;
  readonly value?: number | bigint | undefined;
  readonly ends?: true;
}

/** The processor with a cluster, and what it hands on. */
export class Enrichment {
  readonly cluster: FakeCluster;
  readonly scope: FakeScope = fakeScope('processor', 'k8s_enrich');
  readonly processor: StatefulProcessor;
  readonly sent: Batch[] = [];
  /** What follows throws or answers this instead of accepting. */
  answer: () => void | Promise<void> = () => {};
  readonly #interner = new SeriesInterner();
  #time = 1_700_000_000n * SECOND;
  readonly #next: Consumer<Batch> = {
    refusal: () => undefined,
    consume: (batch) => {
      const outcome = this.answer();
      if (outcome === undefined) this.sent.push(batch);
      return outcome?.then(() => void this.sent.push(batch));
    },
  };

  /** `none`: off a cluster. */
  constructor(config: Record<string, unknown> = {}, cluster: FakeCluster | 'none' = new FakeCluster()) {
    this.cluster = cluster === 'none' ? new FakeCluster() : cluster;
    const containers = { docker_root: '', podman_roots: [] };
    const parsed = k8sEnrichConfig.parse({ containers, ...config });
    this.processor = createEnrichment(
      parsed,
      this.scope,
      cluster === 'none' ? undefined : cluster,
    ) as StatefulProcessor;
    void this.processor.start!();
  }

  give(batch: Batch): void | Promise<void> {
    const consume = this.processor.consume[batch.signal] as (
      batch: Batch,
      next: Consumer<Batch>,
      abort: AbortSignal,
    ) => void | Promise<void>;
    return consume(batch, this.#next, ABORT);
  }

  /** Deltas of a counter of our own. */
  own(...points: readonly Point[]): void | Promise<void> {
    return this.give(metricBatch([this.counter(points, 'delta')]));
  }

  ownGauge(...points: readonly Point[]): void | Promise<void> {
    return this.give(metricBatch([gauge(FILL, this.#interner.table, this.#points(points, 0n))]));
  }

  foreign(temporality: Temporality, ...points: readonly Point[]): void | Promise<void> {
    return this.give(this.foreignBatch(temporality, points));
  }

  foreignBatch(temporality: Temporality, points: readonly Point[]): MetricBatch {
    const table = this.#interner.table;
    const taken = this.#points(points, 1n);
    return metricBatch([sum(FOREIGN, table, taken, { monotonic: true, temporality })]);
  }

  counter(points: readonly Point[], temporality: Temporality): Metric {
    const start = this.#time;
    return sum(CALLS, this.#interner.table, this.#points(points, start), { monotonic: true, temporality });
  }

  /** Values by the resource's attributes as JSON, in the order in which they were handed on. */
  get metrics(): readonly Sent[] {
    const batches = this.sent.filter((batch): batch is MetricBatch => batch.signal === 'metrics');
    return metricsOf(...batches).map(({ resource = {}, value, flags }) => ({
      resource: { ...resource },
      ...(flags === NO_RECORDED_VALUE ? { ends: true as const } : { value }),
    }));
  }

  get logs(): readonly Attributes[] {
    return this.sent
      .filter((batch): batch is LogBatch => batch.signal === 'logs')
      .flatMap((batch) =>
        Array.from(batch.resource, (index) => ({ ...batch.resources[index]!.attributes.toObject() })),
      );
  }

  unenriched(reason: string, signal = 'metrics'): unknown {
    return this.scope.meter.value('bpflow_k8s_enrich_unenriched', { processor: 'k8s_enrich', reason, signal });
  }

  get balance(): number {
    const { created, dropped } = this.scope.items.totals;
    const out = this.sent.reduce((count, batch) => count + itemsOf(batch), 0);
    return created - dropped - this.processor.held!() - out;
  }

  #points(points: readonly Point[], start: bigint) {
    this.#time += SECOND;
    const builder = new NumberPointsBuilder({ integer: true });
    for (const { resource, attributes = {}, value, ends } of points) {
      const id = this.#interner.intern(createResource(resource), SCOPE, attributeSet(attributes));
      builder.add(id, value, undefined, undefined, ends ? NO_RECORDED_VALUE : 0);
    }
    return builder.take(this.#time, start);
  }
}

const SCOPE = createScope('test');

/** A batch of one record for each resource, as it is received. */
export function logsOf(...resources: readonly Attributes[]): LogBatch {
  const decoder = new OtlpDecoder();
  const parts = resources.map((attributes) => {
    const builder = new LogBuilder({ resource: createResource(attributes), scope: SCOPE });
    builder.add({ time: 1n, severity: 9, body: 'x' });
    return encodeOtlp(builder.take()!);
  });
  return decoder.decode('logs', Buffer.concat(parts));
}

/** The batch as one that this address sent. */
export function from<B extends Batch>(address: string, batch: B): B {
  setPeer(batch, address);
  return batch;
}

function itemsOf(batch: Batch): number {
  return batch.signal === 'metrics' ? metricsOf(batch).length : batch.length;
}
