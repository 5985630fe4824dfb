import assert from 'node:assert/strict';
import { createNoopMeter } from '@opentelemetry/api';
import { z } from 'zod';
import { attributeSet } from '../../../pdata/encoded-attributes.ts';
import type { LogBatch } from '../../../pdata/logs.ts';
import { metricBatch, sum } from '../../../pdata/make-metrics.ts';
import type { MetricBatch, Sum } from '../../../pdata/metrics.ts';
import { NumberPointsBuilder } from '../../../pdata/number-points-builder.ts';
import { EMPTY_RESOURCE, EMPTY_SCOPE } from '../../../pdata/resource.ts';
import { SeriesInterner } from '../../../pdata/series-interner.ts';
import type { Batch, Signal } from '../../../pdata/signals.ts';
import type { Component, ComponentSpec, Connector, Consumer, Outlets, Upstream } from '../../../sdk/component.ts';
import {
  defineConnector,
  defineExporter,
  defineExtension,
  defineProcessor,
  defineReceiver,
} from '../../../sdk/define.ts';
import { RetryableError } from '../../../sdk/errors.ts';
import type { Scope } from '../../../sdk/scope.ts';
import { token } from '../../../sdk/tokens.ts';
import { Views } from '../../admin/views.ts';
import { systemClock } from '../../clock.ts';
import { componentId } from '../../component-id.ts';
import { BUILT_IN } from '../../errors.ts';
import { HealthBoard } from '../../health.ts';
import { createHost } from '../../host.ts';
import { Container } from '../../plugins/container.ts';
import { ledgerRow } from '../../telemetry/graph-metrics.ts';
import { buildGraph } from '../build.ts';
import type { Difference } from '../difference.ts';
import type { Graph } from '../graph.ts';
import type { GraphPlan, PlannedComponent } from '../plan.ts';

const SERVICE = token<{ readonly name: string }>('test-reload-service');
/** Of receivers of the type `source`: which instance answers, and whether it may still be asked. */
const SOURCE = token<{ readonly name: string; readonly isUsable: () => boolean }>('test-reload-source');
const TIMEOUT_MS = 5_000;

type Config = Readonly<Record<string, unknown>>;
type Pipelines = Readonly<
  Record<
    string,
    {
      readonly receivers: readonly string[];
      readonly processors?: readonly string[];
      readonly exporters: readonly string[];
    }
  >
>;

/** What a component does wrong. */
interface Fault {
  readonly refuse?: RetryableError;
  readonly fail?: Error;
  /** It cannot be started. */
  readonly lame?: boolean;
  /** `faulty` makes so many items of each batch. */
  readonly keep?: number;
  /** An exporter drops so many of each batch, for the reason `test`. */
  readonly drop?: number;
  /** An exporter holds so many. */
  readonly hold?: number;
}

/** One component that was made. */
interface Instance {
  /** `out#2`: the second that was made under this id. */
  readonly name: string;
  readonly id: string;
  readonly config: Config;
  readonly got: Batch[];
  next?: Outlets;
  upstream?: Upstream;
  service?: string | undefined;
  readonly scope: Scope;
  isStarted: boolean;
  isStopped: boolean;
}

/**
 * A graph of fake components that record what happens to them. Their ids say what they are: see {@link ReloadWorld.specs}.
 * Configuration: `failing` makes the start fail, `broken` the making, and no two can run with the same `port`.
 */
export class ReloadWorld {
  /** `start out#1`, `stop out#1`, `collect pull#1`. */
  readonly events: string[] = [];
  /** By id; asked at each call. */
  readonly faults = new Map<string, Fault>();
  readonly views = new Views();
  readonly board = new HealthBoard(systemClock());
  /** Where set, `alone` waits for it while it stops. */
  gate: PromiseWithResolvers<void> | undefined;
  graph!: Graph;
  readonly #made: Instance[] = [];
  readonly #ports = new Set<unknown>();
  readonly #specs = new Map<string, ComponentSpec>();

  constructor() {
    for (const spec of this.#allSpecs()) this.#specs.set(spec.type, spec);
  }

  async start(pipelines: Pipelines, extensions: readonly string[] = [], configs: Record<string, Config> = {}) {
    const host = createHost({
      agent: { name: 'test', version: '1' },
      container: await Container.root(),
      clock: systemClock(),
      abort: new AbortController().signal,
      views: this.views,
      board: this.board,
      logger: () => ({ debug() {}, info() {}, warn() {}, error() {} }),
      meter: () => createNoopMeter(),
    });
    this.graph = await buildGraph(this.#plan(pipelines, extensions, configs), host);
    await this.graph.start();
  }

  reload(
    pipelines: Pipelines,
    extensions: readonly string[] = [],
    configs: Readonly<Record<string, Config>> = {},
  ): Promise<Difference> {
    return this.graph.reload(this.#plan(pipelines, extensions, configs), TIMEOUT_MS);
  }

  async stop(): Promise<void> {
    assert.deepEqual(await this.graph.stop(TIMEOUT_MS), []);
  }

  /** Lets the receiver that runs under this id emit. */
  emit(id: string, batch: Batch): void | Promise<void> {
    const receiver = this.#made.findLast((made) => made.id === id && made.isStarted && !made.isStopped);
    assert.ok(receiver, `no ${id} is running`);
    const outlet = receiver.next![batch.signal] as Consumer<Batch>;
    return outlet.consume(batch, new AbortController().signal);
  }

  /** As a client would: what is refused is offered again. */
  async emitRetrying(id: string, batch: Batch): Promise<void> {
    for (;;) {
      try {
        return await this.emit(id, batch);
      } catch (thrown) {
        if (!(thrown instanceof RetryableError)) throw thrown;
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  /** Lets an exporter ask for fresh data. */
  collect(name: string): Promise<unknown> {
    return this.#made.find((made) => made.name === name)!.upstream!.collect({ maxAgeMs: 0, timeoutMs: TIMEOUT_MS });
  }

  /** Everything that was made, or all of one id. */
  instances(id?: string): readonly Instance[] {
    return this.#made.filter((made) => made.id === (id ?? made.id));
  }

  /** Lengths of the batches that each exporter got. */
  got(): Readonly<Record<string, readonly number[]>> {
    const exporters = this.#made.filter((made) => this.#specs.get(made.id)!.kind === 'exporter');
    return Object.fromEntries(exporters.map(({ name, got }) => [name, got.map((batch) => (batch as LogBatch).length)]));
  }

  /** Numbers of the batches that the exporters of an id got, over all instances. */
  numbers(id: string): readonly number[] {
    return this.instances(id)
      .flatMap(({ got }) => got.map((batch) => (batch as unknown as Numbered).number))
      .sort((a, b) => a - b);
  }

  /** Values of the points that the exporters of an id got. */
  values(id: string): readonly number[] {
    return this.instances(id).flatMap(({ got }) =>
      got.flatMap((batch) =>
        (batch as MetricBatch).metrics.flatMap((metric) => [...(metric as Sum).points.values].map(Number)),
      ),
    );
  }

  /** The service that an instance found. */
  service(name: string): string | undefined {
    return this.#made.find((made) => made.name === name)!.service;
  }

  /** The instance of `source` whose service another instance finds now. */
  source(name: string): string | undefined {
    const found = this.#made.find((made) => made.name === name)!.scope.find(SOURCE);
    assert.ok(found?.isUsable() ?? true, `${found?.name} is found while it does not run`);
    return found?.name;
  }

  /** Names of what was started and not stopped. */
  open(): readonly string[] {
    return this.#made.filter((made) => made.isStarted && !made.isStopped).map(({ name }) => name);
  }

  row(key: string) {
    return this.rows().find(({ kind, id }) => `${kind}/${id}` === key)!;
  }

  rows() {
    return this.graph.accounts.map(ledgerRow);
  }

  balanced(): void {
    for (const row of this.rows()) assert.equal(row.imbalance, 0, JSON.stringify(row));
  }

  async seen(event: string): Promise<void> {
    while (!this.events.includes(event)) await new Promise((resolve) => setImmediate(resolve));
  }

  #plan(pipelines: Pipelines, extensions: readonly string[], configs: Readonly<Record<string, Config>>): GraphPlan {
    const planned = (type: string): PlannedComponent => {
      const spec = this.#specs.get(type)!;
      return { id: componentId(spec.kind, type), entry: { spec, plugin: BUILT_IN }, config: { ...configs[type] } };
    };
    return {
      extensions: extensions.map(planned),
      pipelines: Object.entries(pipelines).map(([id, { receivers, processors = [], exporters }]) => ({
        id,
        signal: id.split('/', 1)[0] as Signal,
        receivers: receivers.map(planned),
        processors: processors.map(planned),
        exporters: exporters.map(planned),
      })),
    };
  }

  #instance(scope: Scope, config: unknown): Instance {
    const id = String(scope.id);
    const settings = config as Config;
    if (settings['broken'] === true) throw new Error(`${id} is broken`);
    const name = `${id}#${this.instances(id).length + 1}`;
    const instance: Instance = { name, id, config: settings, scope, got: [], isStarted: false, isStopped: false };
    this.#made.push(instance);
    scope.inspect('name', () => name);
    return instance;
  }

  #life(instance: Instance): Component {
    const { name, config } = instance;
    const { port } = config;
    return {
      start: () => {
        if (config['failing'] === true || this.faults.get(instance.id)?.lame) throw new Error('no rights');
        if (port !== undefined && this.#ports.has(port)) throw new Error(`port ${port} is in use`);
        this.#ports.add(port);
        instance.isStarted = true;
        this.events.push(`start ${name}`);
      },
      stop: () => {
        instance.isStopped = true;
        if (instance.isStarted) this.#ports.delete(port);
        this.events.push(`stop ${name}`);
        return instance.id === 'alone' ? this.gate?.promise : undefined;
      },
    };
  }

  #allSpecs(): readonly ComponentSpec[] {
    const receiver = (type: string, signal: 'logs' | 'metrics') =>
      defineReceiver({
        ...common(type),
        produces: [signal],
        create: (config, scope, next: Outlets) => {
          const instance = this.#instance(scope, config);
          instance.next = next;
          if (type === 'source') {
            scope.provide(SOURCE, { name: instance.name, isUsable: () => instance.isStarted && !instance.isStopped });
          }
          const collect = async (): Promise<void> => void this.events.push(`collect ${instance.name}`);
          return { ...this.#life(instance), ...(type === 'pull' ? { collect } : {}) };
        },
      });
    const exporter = (type: string, extra: { readonly exclusive?: boolean; readonly wants?: 'cumulative' } = {}) =>
      defineExporter({
        ...common(type),
        ...(extra.exclusive === undefined ? {} : { exclusive: extra.exclusive }),
        consumes: ['logs', 'metrics'],
        create: (config, scope, upstream) => {
          const instance = this.#instance(scope, config);
          instance.upstream = upstream;
          if (type === 'user') instance.service = scope.find(SERVICE)?.name;
          const take = (batch: Batch): void | Promise<void> => {
            assert.ok(!instance.isStopped, `${instance.name} gets a batch after its end`);
            const { fail, drop } = this.faults.get(type) ?? {};
            if (fail !== undefined) throw fail;
            if (drop !== undefined) scope.items.dropped(drop, 'test');
            if (type === 'slow') return later(() => void instance.got.push(batch));
            instance.got.push(batch);
          };
          return {
            ...this.#life(instance),
            consume: { logs: take, metrics: take },
            refusal: () => this.faults.get(type)?.refuse,
            held: () => this.faults.get(type)?.hold ?? 0,
            ...(extra.wants === undefined ? {} : { wants: extra.wants }),
          };
        },
      });
    const extension = (type: string, provides: boolean) =>
      defineExtension({
        ...common(type),
        create: (config, scope) => {
          const instance = this.#instance(scope, config);
          if (provides) scope.provide(SERVICE, { name: instance.name });
          return this.#life(instance);
        },
      });
    const specs: readonly unknown[] = [
      receiver('in', 'logs'),
      receiver('pull', 'logs'),
      receiver('source', 'logs'),
      receiver('meter', 'metrics'),
      this.#holdSpec(),
      defineProcessor({
        ...common('faulty'),
        consumes: ['logs'],
        create: () => ({
          transform: {
            logs: (batch) => {
              const { fail, keep } = this.faults.get('faulty') ?? {};
              if (fail !== undefined) throw fail;
              return keep === undefined ? batch : logs(keep);
            },
          },
        }),
      }),
      defineProcessor({ ...common('leaky'), consumes: ['logs'], create: () => ({ consume: { logs: () => {} } }) }),
      defineConnector({
        ...common('link'),
        connects: [{ from: 'logs', to: 'logs' }],
        create: (config, scope, next): Connector => ({
          ...this.#life(this.#instance(scope, config)),
          consume: { logs: (batch, abort) => next.logs!.consume(batch, abort) },
        }),
      }),
      ...['out', 'other', 'a', 'b', 'slow', 'user'].map((type) => exporter(type)),
      exporter('alone', { exclusive: true }),
      exporter('page', { wants: 'cumulative' }),
      extension('ext', true),
      extension('bystander', false),
    ];
    return specs as readonly ComponentSpec[];
  }

  /** Holds batches until there are `size` of them; what is refused stays held. */
  #holdSpec() {
    return defineProcessor({
      ...common('hold'),
      consumes: ['logs'],
      create: (config, scope, next) => {
        const instance = this.#instance(scope, config);
        const held: LogBatch[] = [];
        const abort = new AbortController().signal;
        const flush = async (): Promise<void> => {
          while (held.length > 0) {
            if (next.logs!.refusal() !== undefined) return;
            await next.logs!.consume(held.shift()!, abort);
          }
        };
        return {
          ...this.#life(instance),
          consume: {
            logs: async (batch) => {
              held.push(batch);
              if (held.length >= Number(instance.config['size'] ?? 3)) await flush();
            },
          },
          flush,
          held: () => held.reduce((items, batch) => items + batch.length, 0),
        };
      },
    });
  }
}

interface Numbered {
  readonly number: number;
}

/** A batch of which only its signal, length and number matter here. */
export function logs(length: number, number = 0): LogBatch {
  return { signal: 'logs', length, number } as unknown as LogBatch;
}

const interner = new SeriesInterner();

/** What one and the same series grew by within one second. */
export function deltaPoints(second: number, value: number): MetricBatch {
  const points = new NumberPointsBuilder({ integer: true });
  points.add(interner.intern(EMPTY_RESOURCE, EMPTY_SCOPE, attributeSet({ process: 'x' })), value);
  const taken = points.take(BigInt(second) * 10n ** 9n, BigInt(second - 1) * 10n ** 9n);
  const name = { name: 'requests', unit: '1', description: '' };
  return metricBatch([sum(name, interner.table, taken, { monotonic: true, temporality: 'delta' })]);
}

function later(call: () => void): Promise<void> {
  return new Promise((resolve) => setImmediate(() => resolve(call())));
}

function common(type: string) {
  return { type, stability: 'development', description: 'A fake.', config: z.record(z.string(), z.unknown()) } as const;
}
