import {
  asError,
  type Health,
  KUBERNETES,
  type LogBatch,
  type MetricBatch,
  type Outlets,
  PermanentError,
  type Receiver,
  type Scope,
  SERVICE_MAP_VIEW,
  type ServiceMapView,
  type Timer,
} from 'bpflow/sdk';
import type { ClientTls } from 'bpflow/transport';
import { type Target, targetOf } from './address.ts';
import { ObserverClient } from './client.ts';
import { addressOf, type Config } from './config.ts';
import { unknownFilters } from './filter-versions.ts';
import { FlowIntake } from './flow-intake.ts';
import { FlowLogs } from './flow-logs.ts';
import { Gaps } from './gaps.ts';
import { Hints } from './hints.ts';
import { JoinSource } from './join/join-source.ts';
import { publishOwnMetrics } from './own-metrics.ts';
import { PodWorkloads } from './pod-workloads.ts';
import { encodeFlowsRequest, NEEDED_FIELDS } from './requests.ts';
import { ServiceMap } from './service-map.ts';
import { Session, type SessionState } from './session.ts';
import { openTls, serverNameOf } from './tls.ts';
import { unavailableOf } from './unavailable.ts';

const TICK_MS = 1000;

/** The receiver `hubble`: follows the flows of Cilium's Hubble, hands on what they come to. */
export class HubbleReceiver implements Receiver {
  readonly #config: Config;
  readonly #scope: Scope;
  readonly #next: Outlets<'metrics' | 'logs'>;
  readonly #address: string;
  readonly #target: Target;
  readonly #stopping = new AbortController();
  #intake: FlowIntake | undefined;
  #session: Session | undefined;
  #logs: FlowLogs | undefined;
  #map: ServiceMap | undefined;
  #join: JoinSource | undefined;
  #tls: ClientTls | undefined;
  #ticks: Timer | undefined;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  /** Refused, to be offered again before anything newer. */
  #held: MetricBatch | undefined;
  #since = 0n;
  /** When the last stream was opened, in ns since 1970. */
  #openedAt = 0n;

  constructor(config: Config, scope: Scope, next: Outlets<'metrics' | 'logs'>) {
    this.#config = config;
    this.#scope = scope;
    this.#next = next;
    this.#address = addressOf(config);
    this.#target = targetOf(this.#address);
  }

  /** Throws StartError for TLS files that cannot be used. Does not wait for the server. */
  start(): void {
    const { clock, log, health } = this.#scope;
    if (!this.#config.enabled) {
      health({ state: 'ok', summary: 'Switched off: enabled is false.' });
      return;
    }
    this.#tls = openTls(this.#config, this.#target.isUnix, this.#scope);
    const workloads = this.#workloads();
    const intake = new FlowIntake({
      config: this.#config,
      version: this.#scope.agent.version,
      workloadOf: workloads && ((endpoint) => workloads.of(endpoint)),
    });
    this.#intake = intake;
    const { join } = intake.metrics;
    if (join !== undefined) this.#join = new JoinSource(join, this.#config.join!, this.#scope);
    this.#join?.look();
    this.#logs = this.#openLogs(intake);
    intake.logs = this.#logs;
    const gaps = new Gaps(intake, log);
    const hints = new Hints(intake, this.#scope, this.#config.collect_l7_flows);
    this.#since = clock.now();
    this.#openedAt = this.#since;
    const session = new Session({
      address: this.#address,
      connect: () => this.#connect(),
      clock,
      log,
      events: {
        request: (isRelay, restart) => this.#request(intake, isRelay, restart),
        message: (bytes) => intake.take(bytes),
        status: (status, reconnected, asked) => {
          gaps.status(status, reconnected, session.state.isRelay, asked);
          hints.status(status);
        },
        nodes: (nodes) => intake.setNodes(nodes),
        changed: (state) => this.#changed(state),
      },
    });
    this.#session = session;
    const unavailable = () => unavailableOf(this.#config, this.#join?.missing);
    publishOwnMetrics(this.#scope, intake, session, { server: () => gaps.view, unavailable });
    this.#publishMap();
    health({ state: 'starting', summary: `Connects to Hubble at ${this.#address}.` });
    log.info('Some metrics are not available from Hubble; they are left out.', {
      unavailable: unavailableOf(this.#config, undefined),
    });
    intake.tick(clock.monotonic());
    this.#ticks = clock.every(TICK_MS, () => {
      intake.tick(clock.monotonic());
      hints.tick(clock.monotonic());
      this.#join?.look();
      this.#join?.tell();
      if (workloads?.takeNews()) intake.nameAnew();
      void this.#logs?.flush();
    });
    this.#arm();
    session.start();
  }

  /** Hands on what was counted. Who asks while it runs shares it. Rejects as the consumer does; what it refused is offered again. */
  collect(abort: AbortSignal): Promise<void> {
    this.#running ??= this.#collect(abort).finally(() => {
      this.#running = undefined;
      this.#arm();
    });
    return this.#running;
  }

  async stop(): Promise<void> {
    this.#ticks?.cancel();
    this.#timer?.cancel();
    const intake = this.#intake;
    if (intake === undefined) return;
    this.#intake = undefined;
    await this.#session?.stop();
    try {
      await this.#running?.catch(() => {});
      await this.#handOn(intake, this.#stopping.signal);
    } catch (error) {
      this.#scope.log.error('The last metrics of Hubble flows were not taken: they are lost.', {
        error: asError(error).message,
      });
    }
    await this.#logs?.stop();
    this.#timer?.cancel();
    this.#stopping.abort();
    this.#tls?.close();
  }

  async #collect(abort: AbortSignal): Promise<void> {
    if (this.#intake !== undefined) await this.#handOn(this.#intake, abort);
  }

  async #handOn(intake: FlowIntake, abort: AbortSignal): Promise<void> {
    const next = this.#next.metrics;
    if (next === undefined) {
      this.#take(intake);
      return;
    }
    for (;;) {
      const refusal = next.refusal();
      if (refusal !== undefined) throw refusal;
      const isHeld = this.#held !== undefined;
      const batch = this.#held ?? this.#take(intake);
      if (batch === undefined) return;
      this.#held = undefined;
      try {
        await next.consume(batch, abort);
      } catch (error) {
        if (!(error instanceof PermanentError)) {
          this.#held = batch;
          throw error;
        }
        this.#scope.log.error('Metrics of Hubble flows were refused for good: they are lost.', {
          error: error.message,
        });
      }
      if (!isHeld) return;
    }
  }

  #take(intake: FlowIntake): MetricBatch | undefined {
    const now = this.#scope.clock.now();
    this.#join?.look();
    const batch = intake.takeMetrics(now, this.#since);
    this.#since = now;
    this.#map?.add(batch, this.#scope.clock.monotonic());
    return batch;
  }

  #arm(): void {
    this.#timer?.cancel();
    if (this.#intake === undefined) return;
    this.#timer = this.#scope.clock.after(this.#config.aggregation_window, () => {
      this.collect(this.#stopping.signal).catch((error: unknown) => {
        this.#scope.log.warn('Metrics of Hubble flows were not taken; they are offered again.', {
          error: asError(error).message,
        });
      });
    });
  }

  #publishMap(): void {
    const { collect_services: isOn, max_series: maxEdges, idle_timeout: idleMs } = this.#config;
    if (isOn) this.#map = new ServiceMap({ startMs: this.#scope.clock.monotonic(), maxEdges, idleMs });
    const unavailable: ServiceMapView = { seconds: 0, edges: [], overflow: 0, unavailable: 'collect_services is off.' };
    this.#scope.inspect(SERVICE_MAP_VIEW, () => this.#map?.view ?? unavailable);
  }

  #openLogs(intake: FlowIntake): FlowLogs | undefined {
    const next = this.#next.logs;
    if (next === undefined || !this.#config.flow_logs) return undefined;
    return new FlowLogs({
      next: next as typeof next & { consume(batch: LogBatch, abort: AbortSignal): void | Promise<void> },
      scope: this.#scope,
      reader: intake.reader,
      instrumentation: intake.instrumentation,
      limit: this.#config.flow_buffer_size,
      sampleRate: this.#config.flow_sample_rate,
    });
  }

  #connect(): Promise<ObserverClient> {
    const { agent } = this.#scope;
    return ObserverClient.open({
      target: this.#target.target,
      tls: this.#tls,
      serverName: this.#tls === undefined ? undefined : serverNameOf(this.#config),
      userAgent: `${agent.name}/${agent.version}`,
    });
  }

  #request(intake: FlowIntake, isRelay: boolean, restart: boolean): Uint8Array {
    const { include, exclude, field_mask: masked } = this.#config;
    const resumed = intake.resume.begin(isRelay);
    const from = restart ? timestampOf(this.#openedAt) : undefined;
    if (!restart) this.#openedAt = this.#scope.clock.now();
    return encodeFlowsRequest({
      whitelist: intake.namespaces.whitelist(include),
      blacklist: [...exclude, ...intake.namespaces.blacklist],
      since: resumed ?? from,
      fieldMask: masked ? NEEDED_FIELDS : [],
    });
  }

  #workloads(): PodWorkloads | undefined {
    if (!this.#config.kubernetes_enabled) return undefined;
    const kubernetes = this.#scope.find(KUBERNETES);
    if (kubernetes === undefined) return undefined;
    const workloads = new PodWorkloads(kubernetes);
    this.#stopping.signal.addEventListener('abort', workloads.close, { once: true });
    return workloads;
  }

  #checkFilters(version: string): void {
    const { include, exclude } = this.#config;
    const filters = unknownFilters([...include, ...exclude], version);
    if (filters.length === 0) return;
    this.#scope.log.warn(
      'This version of hubble does not know some filters and takes no notice of them; remove them, or use the processor filter.',
      {
        endpoint: this.#address,
        version,
        filters,
      },
    );
  }

  #changed({ kind, reason, isRelay, version }: SessionState): void {
    const { log } = this.#scope;
    const report = (state: Health['state'], summary: string): void => this.#scope.health({ state, summary });
    switch (kind) {
      case 'following': {
        const what = isRelay ? 'Hubble Relay' : 'the agent of a node';
        report('ok', `Follows the flows of ${what} at ${this.#address}${version === '' ? '' : `, ${version}`}.`);
        log.info('Follows the flows of hubble.', { endpoint: this.#address, relay: isRelay, version });
        this.#checkFilters(version);
        return;
      }
      case 'waiting':
        report('ok', `${reason} The stream is opened as soon as there is one.`);
        log.info('Waits for the first flow of hubble.', { endpoint: this.#address });
        return;
      case 'lost':
        report('degraded', reason);
        log.warn('No flows of hubble; it is tried again.', { endpoint: this.#address, error: reason });
        return;
      case 'stopped':
        report('stopped', 'Stopped.');
        return;
      case 'connecting':
        return;
      default:
        kind satisfies never;
    }
  }
}

const NS = 1_000_000_000n;

function timestampOf(time: bigint): { readonly seconds: number; readonly nanos: number } {
  return { seconds: Number(time / NS), nanos: Number(time % NS) };
}
