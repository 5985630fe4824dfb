import { createNoopMeter } from '@opentelemetry/api';
import { AGENT, type Agent, type ComponentHealth, INSPECTION } from '../sdk/agent.ts';
import { BPF } from '../sdk/bpf.ts';
import { asError } from '../sdk/errors.ts';
import type { Clock, Logger } from '../sdk/scope.ts';
import { version } from '../sdk/version.ts';
import { type AdminSocket, openAdminSocket } from './admin/socket.ts';
import { Views } from './admin/views.ts';
import { Capabilities, type KeptCapabilities } from './capabilities.ts';
import { systemClock } from './clock.ts';
import { buildGraph } from './graph/build.ts';
import type { Difference } from './graph/difference.ts';
import type { Graph } from './graph/graph.ts';
import type { Node } from './graph/node.ts';
import { describePipelines, type GraphPlan } from './graph/plan.ts';
import { HealthBoard } from './health.ts';
import { createHost } from './host.ts';
import { Container } from './plugins/container.ts';
import { type ReadAgain, Reloads } from './reload.ts';
import { observeHealth, observeProcess, unhandledErrorCounter } from './telemetry/agent-metrics.ts';
import { durationRecorder, ledgerRow, observeGraph } from './telemetry/graph-metrics.ts';
import { lastPushMs } from './telemetry/last-push.ts';
import { atLeast, type MetricsLevel } from './telemetry/level.ts';
import { createLogs, type Logs, type LogsOptions } from './telemetry/logs.ts';
import { createMetrics, type Metrics, type ReaderOptions } from './telemetry/metrics.ts';
import { agentResource } from './telemetry/resource.ts';

export const AGENT_NAME = 'bpflow';

export interface AgentOptions {
  readonly plan: GraphPlan;
  readonly logs: Omit<LogsOptions, 'resource'>;
  readonly metrics: { readonly level: MetricsLevel; readonly readers: readonly ReaderOptions[] };
  /** Attributes of the agent's own telemetry; `null` removes one. */
  readonly resource?: Readonly<Record<string, string | number | boolean | null>>;
  /** Path of the admin socket; undefined for none. */
  readonly adminEndpoint: string | undefined;
  readonly shutdownTimeoutMs: number;
  /** What the process keeps of its capabilities beside what components need; undefined: it is not the agent's own. */
  readonly keepCapabilities?: KeptCapabilities;
  /** The machine's by default. */
  readonly clock?: Clock;
}

/** One agent from its making to its end. */
export interface RunningAgent extends Agent {
  readonly log: Logger;
  /** Pages on which the agent tells of itself. */
  readonly pages: readonly string[];
  /** Path of the admin socket; undefined while there is none. */
  readonly adminPath: string | undefined;
  /** Starts all components. When it rejects (PipelineErrors), what had started is stopped again. */
  start(): Promise<void>;
  /** Stops all, draining, within the shutdown timeout. Never rejects; calling it again waits for the same end. */
  stop(): Promise<void>;
  /**
   * Goes over to a configuration that is read again, by difference. Never rejects: a bad one is logged and counted, and
   * changes nothing. Only once the agent is ready.
   */
  reload(read: () => Promise<ReadAgain>): Promise<void>;
  /** Logs and counts an error that nothing handled. */
  unhandled(kind: 'uncaughtException' | 'unhandledRejection', thrown: unknown): void;
}

/** Makes an agent and all its components, and starts its own telemetry. Throws PipelineErrors or a PipelineError, with nothing left behind. */
export async function createAgent(options: AgentOptions): Promise<RunningAgent> {
  const clock = options.clock ?? systemClock();
  const agent = { name: AGENT_NAME, version };
  const resource = agentResource(agent, options.resource);
  const logs = createLogs({ ...options.logs, resource });
  const log = logs.logger('service');
  const metrics = await createMetrics({ ...options.metrics, resource, log: logs.logger('service/telemetry') });
  const parts: Parts = {
    options,
    clock,
    log,
    logs,
    metrics,
    views: new Views(),
    board: new HealthBoard(clock),
    aborter: new AbortController(),
  };
  const life = new Life(parts);
  try {
    const container = await Container.root();
    life.mayDrop(new Capabilities(() => container.find(BPF).get('')!, log));
    container.provide(AGENT, life);
    container.provide(INSPECTION, parts.views);
    const host = createHost({
      agent,
      container,
      clock,
      abort: parts.aborter.signal,
      views: parts.views,
      board: parts.board,
      logger: (origin) => logs.logger(origin),
      meter: (name) => metrics.meter(name),
      ...(atLeast(metrics.level, 'detailed') ? { made: durationRecorder(metrics.meter('bpflow')) } : {}),
    });
    life.own(await buildGraph(options.plan, host));
    return life;
  } catch (error) {
    await metrics.stop(options.shutdownTimeoutMs);
    throw error;
  }
}

/** Builds the pipelines of a plan as an agent would, and takes them apart again. Throws PipelineErrors. */
export async function checkPlan(plan: GraphPlan): Promise<void> {
  const clock = systemClock();
  const container = await Container.root();
  const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
  const agent: Agent = {
    name: AGENT_NAME,
    version,
    startedAt: clock.now(),
    readySince: undefined,
    ready: () => false,
    health: () => [],
  };
  container.provide(AGENT, agent);
  container.provide(INSPECTION, new Views());
  const host = createHost({
    agent,
    container,
    clock,
    abort: new AbortController().signal,
    views: new Views(),
    board: new HealthBoard(clock),
    logger: () => silent,
    meter: () => createNoopMeter(),
  });
  const graph = await buildGraph(plan, host);
  await graph.stop(CHECK_TIMEOUT_MS);
}

/** Components that were never started have nothing to wait for. */
const CHECK_TIMEOUT_MS = 1000;

interface Parts {
  readonly options: AgentOptions;
  readonly clock: Clock;
  readonly log: Logger;
  readonly logs: Logs;
  readonly metrics: Metrics;
  readonly views: Views;
  readonly board: HealthBoard;
  readonly aborter: AbortController;
}

class Life implements RunningAgent {
  readonly name = AGENT_NAME;
  readonly version = version;
  readonly startedAt: bigint;
  readonly log: Logger;
  readonly pages: readonly string[];
  readySince: bigint | undefined;
  readonly #parts: Parts;
  readonly #countUnhandled: (kind: string) => void;
  readonly #reloads: Reloads;
  #shutdownTimeoutMs: number;
  #graph: Graph | undefined;
  #capabilities: Capabilities | undefined;
  #admin: AdminSocket | undefined;
  #stopping: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.startedAt = parts.clock.now();
    this.log = parts.log;
    this.pages = parts.metrics.pages;
    const meter = parts.metrics.meter('bpflow');
    observeProcess(meter);
    observeHealth(meter, () => this.health());
    observeGraph(meter, () => this.#graph ?? { accounts: [], pullTotals: { collected: 0, failed: 0, late: 0 } });
    this.#countUnhandled = unhandledErrorCounter(meter);
    this.#shutdownTimeoutMs = parts.options.shutdownTimeoutMs;
    this.#reloads = new Reloads({ ...parts, meter, apply: (options) => this.#goOver(options) });
    parts.views.add({ kind: 'service', id: 'agent', name: 'ledger' }, () => this.#graph?.accounts.map(ledgerRow) ?? []);
    parts.views.add({ kind: 'service', id: 'agent', name: 'pipelines' }, () =>
      describePipelines(this.#graph?.plan ?? parts.options.plan),
    );
  }

  get adminPath(): string | undefined {
    return this.#admin?.path;
  }

  own(graph: Graph): void {
    this.#graph = graph;
  }

  mayDrop(capabilities: Capabilities): void {
    if (this.#parts.options.keepCapabilities !== undefined) this.#capabilities = capabilities;
  }

  ready(): boolean {
    return this.readySince !== undefined && this.#stopping === undefined;
  }

  health(): readonly ComponentHealth[] {
    return this.#parts.board.list();
  }

  async start(): Promise<void> {
    this.log.info('Starting bpflow.', { version, pid: process.pid });
    await this.#openAdmin();
    try {
      await this.#graph!.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#dropCapabilities();
    this.readySince = this.#parts.clock.now();
    this.log.info('Everything is ready. Begin running and processing data.');
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async reload(read: () => Promise<ReadAgain>): Promise<void> {
    if (this.ready()) await this.#reloads.request(read);
    else this.log.warn('The configuration is not read again: the agent is not ready, or is being stopped.');
  }

  unhandled(kind: 'uncaughtException' | 'unhandledRejection', thrown: unknown): void {
    this.#countUnhandled(kind);
    const error = asError(thrown);
    this.log.error('An error was not handled; the agent goes on.', { kind, error: error.message, stack: error.stack });
  }

  async #goOver({ plan, shutdownTimeoutMs }: ReadAgain['options']): Promise<Difference> {
    this.#capabilities?.check(plan);
    const difference = await this.#graph!.reload(plan, shutdownTimeoutMs).catch((failure: unknown) => {
      throw this.#capabilities?.explain(failure) ?? failure;
    });
    this.#shutdownTimeoutMs = shutdownTimeoutMs;
    this.#dropCapabilities();
    return difference;
  }

  #dropCapabilities(): void {
    this.#capabilities?.drop(this.#graph!.plan, this.#parts.options.keepCapabilities ?? 'all');
  }

  async #stop(): Promise<void> {
    const { aborter, metrics } = this.#parts;
    this.log.info('Starting shutdown.');
    const timeoutMs = this.#shutdownTimeoutMs;
    const end = performance.now() + timeoutMs;
    const timeout = setTimeout(() => aborter.abort(new Error('The agent is shutting down.')), timeoutMs);
    const unfinished = (await this.#graph?.stop(timeoutMs)) ?? [];
    for (const node of unfinished) this.#reportUnfinished(node);
    await this.#admin?.close();
    await metrics.stop(lastPushMs(timeoutMs, end - performance.now()));
    clearTimeout(timeout);
    this.log.info('Shutdown complete.');
  }

  #reportUnfinished(node: Node): void {
    node.log.error('The component did not stop in time; what it holds is lost.', {
      shutdown_timeout_ms: this.#shutdownTimeoutMs,
      held_items: node.held(),
    });
  }

  /** The agent works without it, so a socket that cannot be had is only worth a warning. */
  async #openAdmin(): Promise<void> {
    const path = this.#parts.options.adminEndpoint;
    if (path === undefined) return;
    try {
      this.#admin = await openAdminSocket(path, { views: this.#parts.views, health: () => this.#healthDocument() });
      this.log.info('The admin socket answers.', { path });
    } catch (thrown) {
      this.log.warn(
        'The admin socket is not available; set service.admin.endpoint to a path that can be written, or to none.',
        {
          path,
          error: asError(thrown).message,
        },
      );
    }
  }

  #healthDocument(): unknown {
    return {
      agent: { name: this.name, version, pid: process.pid },
      ready: this.ready(),
      startedAt: this.startedAt,
      readySince: this.readySince,
      metricsPages: this.pages,
      components: this.health().map(({ id, ...rest }) => ({ kind: id.kind, id: String(id), ...rest })),
    };
  }
}
