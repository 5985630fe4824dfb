import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createNoopMeter } from '@opentelemetry/api';
import {
  attributeSet,
  type ComponentSpec,
  createResource,
  createScope,
  defineExtension,
  defineMetric,
  defineReceiver,
  EMPTY_RESOURCE,
  KUBERNETES,
  type Kubernetes,
  metricBatch,
  NO_RECORDED_VALUE,
  NumberPointsBuilder,
  type Outlets,
  SeriesInterner,
  sum,
  z,
} from 'bpflow/sdk';
import otlpHttp from '../../exporters/otlp-http/index.ts';
import prometheus from '../../exporters/prometheus/index.ts';
import { Views } from '../../pipeline/admin/views.ts';
import { systemClock } from '../../pipeline/clock.ts';
import { componentId } from '../../pipeline/component-id.ts';
import { BUILT_IN } from '../../pipeline/errors.ts';
import { buildGraph } from '../../pipeline/graph/build.ts';
import type { Graph } from '../../pipeline/graph/graph.ts';
import type { PlannedComponent } from '../../pipeline/graph/plan.ts';
import { HealthBoard } from '../../pipeline/health.ts';
import { createHost } from '../../pipeline/host.ts';
import { Container } from '../../pipeline/plugins/container.ts';
import k8sEnrich from '../../processors/k8s-enrich/index.ts';

const CALLS = defineMetric({
  name: 'test.calls',
  unit: '{call}',
  seedName: 'test_calls',
  kind: 'counter',
  description: 'What the test counts.',
  exactness: 'exact',
  attributes: { 'process.executable.name': 'process' },
});

/** A process that counts: in a container of a pod, or on the node. */
export interface Process {
  readonly name: string;
  readonly container?: string;
  readonly pod?: string;
}

/** A receiver as `ebpf` is one: deltas since the last batch that was taken, at a pull and now and then. */
class Kernel {
  readonly counted = new Map<Process, number>();
  readonly #pending = new Map<Process, number>();
  readonly #interner = new SeriesInterner();
  #next: Outlets<'metrics'> | undefined;
  #since = BigInt(Date.now()) * 1_000_000n;

  readonly spec = defineReceiver({
    type: 'kernel',
    stability: 'development',
    description: 'Counts what the test says.',
    config: z.strictObject({}),
    produces: ['metrics'],
    create: (_, __, next) => {
      this.#next = next;
      return { collect: (abort: AbortSignal) => this.#collect(abort, 0) };
    },
  });

  count(process: Process, calls: number): void {
    this.counted.set(process, (this.counted.get(process) ?? 0) + calls);
    this.#pending.set(process, (this.#pending.get(process) ?? 0) + calls);
  }

  /** Hands on what was counted, as after `scrape_interval`. */
  push(): Promise<void> {
    return this.#collect(new AbortController().signal, 0);
  }

  /** All of them have ended. */
  end(): Promise<void> {
    for (const process of this.counted.keys()) this.#pending.set(process, 0);
    return this.#collect(new AbortController().signal, NO_RECORDED_VALUE);
  }

  async #collect(abort: AbortSignal, flags: number): Promise<void> {
    const builder = new NumberPointsBuilder({ integer: true });
    for (const [process, calls] of this.#pending) builder.add(this.#idOf(process), calls, undefined, undefined, flags);
    const now = BigInt(Date.now()) * 1_000_000n;
    const taken = builder.take(now, this.#since);
    this.#pending.clear();
    this.#since = now;
    if (taken.length === 0) return;
    const metric = sum(CALLS, this.#interner.table, taken, { monotonic: true, temporality: 'delta' });
    await this.#next!.metrics!.consume(metricBatch([metric]), abort);
  }

  #idOf({ name, container, pod }: Process): number {
    const resource =
      container === undefined
        ? EMPTY_RESOURCE
        : createResource({ 'container.id': container, ...(pod !== undefined && { 'k8s.pod.uid': pod }) });
    return this.#interner.intern(resource, SCOPE, attributeSet({ 'process.executable.name': name }));
  }
}

const SCOPE = createScope('test');

/** A point as an OTLP backend stores it. */
interface Stored {
  readonly series: string;
  readonly value: number;
  readonly start: string;
  readonly time: string;
  readonly ends: boolean;
}

/** Takes metrics as OTLP/JSON. */
class Backend {
  readonly points: Stored[] = [];
  readonly #server: Server = createServer((request, response) => {
    void this.#take(request).then(() => response.setHeader('content-type', 'application/json').end('{}'));
  });

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #take(request: IncomingMessage): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Body;
    for (const { resource, scopeMetrics } of body.resourceMetrics) {
      for (const { metrics } of scopeMetrics) {
        for (const metric of metrics) {
          for (const point of metric.sum?.dataPoints ?? []) {
            this.points.push({
              series: JSON.stringify([resource.attributes ?? [], point.attributes]),
              value: Number(point.asInt ?? 0),
              start: point.startTimeUnixNano,
              time: point.timeUnixNano,
              ends: ((point.flags ?? 0) & NO_RECORDED_VALUE) !== 0,
            });
          }
        }
      }
    }
  }
}

interface Body {
  readonly resourceMetrics: readonly {
    readonly resource: { readonly attributes?: readonly unknown[] };
    readonly scopeMetrics: readonly {
      readonly metrics: readonly {
        readonly sum?: {
          readonly dataPoints: readonly {
            readonly attributes: readonly unknown[];
            readonly asInt?: string;
            readonly startTimeUnixNano: string;
            readonly timeUnixNano: string;
            readonly flags?: number;
          }[];
        };
      }[];
    }[];
  }[];
}

/** Kernel counts through `k8s_enrich` to a page and, over OTLP, to a backend for each temporality. */
export class LateNames implements AsyncDisposable {
  readonly kernel = new Kernel();
  readonly cumulative = new Backend();
  readonly delta = new Backend();
  readonly #board = new HealthBoard(systemClock());
  readonly #views = new Views();
  #graph: Graph | undefined;

  async start(kubernetes: Kubernetes, hold: string): Promise<void> {
    const extension = defineExtension({
      type: 'kubernetes',
      stability: 'development',
      description: 'Knows the pods that the test says.',
      config: z.strictObject({}),
      create: (_, scope) => {
        scope.provide(KUBERNETES, kubernetes);
        return {};
      },
    });
    const backend = async (name: string, temporality: string, to: Backend) =>
      planned(otlpHttp, name, {
        endpoint: await to.listen(),
        encoding: 'json',
        compression: 'none',
        temporality,
        sending_queue: { enabled: false },
        names: 'otel',
      });
    const host = createHost({
      agent: { name: 'test', version: '1' },
      container: await Container.root(),
      clock: systemClock(),
      abort: new AbortController().signal,
      views: this.#views,
      board: this.#board,
      logger: () => ({ debug() {}, info() {}, warn() {}, error() {} }),
      meter: () => createNoopMeter(),
    });
    const exporters = [
      planned(prometheus, '', { endpoint: '127.0.0.1:0' }),
      await backend('cumulative', 'cumulative', this.cumulative),
      await backend('delta', 'delta', this.delta),
    ];
    const pipeline = {
      id: 'metrics',
      signal: 'metrics' as const,
      receivers: [planned(this.kernel.spec, '', {})],
      processors: [planned(k8sEnrich, '', { hold: { timeout: hold } })],
      exporters,
    };
    this.#graph = await buildGraph({ extensions: [planned(extension, '', {})], pipelines: [pipeline] }, host);
    await this.#graph.start();
  }

  /** Lines of the page, value by labels. */
  async scrape(): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetch(this.#page())).text();
    return new Map(
      [...text.matchAll(/^test_calls(\{.*\})? (\S+)$/gm)].map(([, labels = '{}', value]) => [labels, Number(value)]),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    assert.deepEqual((await this.#graph?.stop(5000)) ?? [], []);
    this.cumulative.close();
    this.delta.close();
  }

  #page(): string {
    const summary = this.#board.list().find(({ id }) => String(id) === 'prometheus')?.summary ?? '';
    return /http:\S+\/metrics/.exec(summary)![0];
  }
}

function planned(spec: unknown, name: string, config: unknown): PlannedComponent {
  const known = spec as ComponentSpec;
  return {
    id: componentId(known.kind, known.type, name),
    entry: { spec: known, plugin: BUILT_IN },
    config: known.config.parse(config),
  };
}
