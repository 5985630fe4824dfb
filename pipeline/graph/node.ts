import type { Signal } from '../../pdata/signals.ts';
import type {
  Component,
  Connector,
  Exporter,
  ExportOutcome,
  Outlets,
  Processor,
  Receiver,
  StatefulProcessor,
} from '../../sdk/component.ts';
import { asError, type PermanentError, type RetryableError } from '../../sdk/errors.ts';
import type { ComponentId, Logger, Scope } from '../../sdk/scope.ts';
import { blame } from './blame.ts';
import { type Account, keyOf } from './books.ts';
import { type Edge, outlet } from './edges.ts';
import type { Ledger } from './ledger.ts';
import type { PlannedComponent } from './plan.ts';
import type { Feed, PullPoint } from './pull.ts';
import type { Seat } from './seat.ts';
import type { Stopwatch } from './stopwatch.ts';
import { Way } from './way.ts';

/** One component instance in the graph, with what the core keeps about it. */
export class Node<C extends Component = Component> {
  readonly planned: PlannedComponent;
  readonly id: ComponentId;
  /** Id of the pipeline, for processors. */
  readonly pipeline: string | undefined;
  readonly key: string;
  /** The plugin it comes from. */
  readonly plugin: string;
  readonly seat: Seat;
  readonly account: Account;
  readonly ledger: Ledger;
  readonly log: Logger;
  readonly component: C;
  /** Where its outlets lead, by signal. */
  readonly ways: ReadonlyMap<Signal, Way>;
  /** What it hands its batches to, by signal. */
  readonly outlets: ReadonlyMap<Signal, Edge>;
  /** How it is handed batches, by signal; each is made when it is first wired. */
  readonly inputs = new Map<Signal, Edge>();
  /** What feeds it, for exporters. */
  feed: Feed | undefined;
  /** How it is pulled, for receivers that collect. */
  point: PullPoint | undefined;
  /** Why it does not run although it should: a reload failed and it could not be started again. */
  broken: RetryableError | undefined;
  /** Called after each call with its own time in ms. */
  onCall: ((ownMs: number) => void) | undefined;
  readonly #stopwatch: Stopwatch;
  /** Batches that were offered and neither accepted nor refused yet. */
  #underWay = 0;
  #idle: (() => void)[] = [];
  #isStarted = false;
  #stopped: Promise<void> | undefined;

  constructor(options: NodeOptions, create: (scope: Scope, next: Outlets) => C) {
    this.planned = options.planned;
    this.id = options.planned.id;
    this.plugin = options.planned.entry.plugin;
    this.pipeline = options.pipeline;
    this.key = keyOf(this.id, this.pipeline);
    this.seat = options.seat;
    this.account = options.account;
    this.ledger = options.account.ledger;
    this.log = options.seat.scope.log;
    this.#stopwatch = options.stopwatch;
    this.ways = new Map(options.signals.map((signal) => [signal, new Way()]));
    this.outlets = new Map([...this.ways].map(([signal, way]) => [signal, outlet(this, signal, way)]));
    const component: unknown = create(options.seat.scope, Object.fromEntries(this.outlets) as Outlets);
    if (typeof component !== 'object' || component === null) throw new Error('Its create() returned no component.');
    this.component = component as C;
    this.account.opened(this);
  }

  /** Runs a call into the component: timed, and what it throws at once names the component. */
  call<T>(call: () => T): T {
    try {
      return this.#stopwatch.time(call, (ownMs) => {
        this.account.busyMs += ownMs;
        this.onCall?.(ownMs);
      });
    } catch (thrown) {
      throw this.blame(thrown);
    }
  }

  blame(thrown: unknown): RetryableError | PermanentError {
    return blame(this.id, this.plugin, thrown);
  }

  /** Items it says it holds. A component that cannot even tell holds nothing. */
  held(): number {
    const { component } = this;
    if (!('held' in component) || typeof component.held !== 'function') return 0;
    try {
      return Number(component.held());
    } catch {
      return 0;
    }
  }

  /** What became of items, where it tells. */
  outcomes(): ReadonlyMap<Signal, ExportOutcome> | undefined {
    return (this.component as Partial<Pick<Exporter, 'outcomes'>>).outcomes?.();
  }

  /** Hands on what it holds. */
  async flush(): Promise<void> {
    const component = this.component as Partial<Pick<StatefulProcessor, 'flush'>>;
    if (component.flush === undefined) return;
    try {
      await this.call(() => component.flush!());
    } catch (thrown) {
      throw this.blame(thrown);
    }
  }

  /** Whether {@link start} has succeeded. */
  get isStarted(): boolean {
    return this.#isStarted;
  }

  async start(): Promise<void> {
    await this.component.start?.();
    this.#isStarted = true;
    this.seat.started();
  }

  /** Flushes, then stops it. Once; what goes wrong is logged. The abort comes shortly before it is no longer waited for. */
  stop(abort: AbortSignal): Promise<void> {
    this.#stopped ??= this.#stop(abort);
    return this.#stopped;
  }

  async #stop(abort: AbortSignal): Promise<void> {
    this.seat.stopping();
    for (const step of [() => this.flush(), () => this.component.stop?.(abort)]) {
      try {
        await step();
      } catch (thrown) {
        this.log.error('The component failed while stopping.', { error: asError(thrown).message });
      }
    }
  }

  /** Keeps account of a batch that it answers later. */
  async during(answer: Promise<void>): Promise<void> {
    this.#underWay++;
    try {
      await answer;
    } finally {
      this.#underWay--;
      if (this.#underWay === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  /** Resolves when no batch waits for its answer. */
  async idle(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }
}

export interface NodeOptions {
  readonly planned: PlannedComponent;
  readonly pipeline: string | undefined;
  /** Of its outlets. */
  readonly signals: readonly Signal[];
  readonly seat: Seat;
  readonly account: Account;
  readonly stopwatch: Stopwatch;
}

export type ReceiverNode = Node<Receiver>;
export type ProcessorNode = Node<Processor>;
export type ExporterNode = Node<Exporter>;
export type ConnectorNode = Node<Connector>;
