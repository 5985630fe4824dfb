import type { z } from 'zod';
import type { Temporality } from '../pdata/metrics.ts';
import type { Signal, Signals } from '../pdata/signals.ts';
import type { RetryableError } from './errors.ts';
import type { ComponentPlan, PlanScope } from './plan.ts';
import type { ComponentKind, Scope } from './scope.ts';

/** How far a component may be relied on, as in the Collector. */
export type Stability = 'stable' | 'beta' | 'alpha' | 'development' | 'deprecated';

/** Takes batches. */
export interface Consumer<B> {
  /**
   * Hands a batch on. When the call or its promise returns, the batch is accepted and the sender is free of it.
   * Throws (or rejects with) RetryableError or PermanentError otherwise. The batch must not be changed afterwards by anyone.
   */
  consume(batch: B, abort: AbortSignal): void | Promise<void>;
  /** Back-pressure: whether a batch of so many items (default: 1), offered in this same tick, would be refused. Synchronous and cheap. */
  refusal(items?: number): RetryableError | undefined;
}

/** The consumers of a component's outputs, one for each signal that is wired. */
export type Outlets<K extends Signal = Signal> = { readonly [S in K]?: Consumer<Signals[S]> };

export interface Component {
  /** Called once, consumers before producers. Throwing stops the agent's start. */
  start?(): void | Promise<void>;
  /**
   * Called at most once by the agent, producers before consumers; safe without start() and twice. Stops producing, hands on
   * what is held, releases. The abort comes shortly before it is no longer waited for: what is still held is then given up.
   */
  stop?(abort?: AbortSignal): void | Promise<void>;
}

export interface Receiver extends Component {
  /**
   * Pull: collects now and hands on what was found. Resolves when the batches were accepted. The core runs one at a time
   * and shares the result among those who ask at once.
   */
  collect?(abort: AbortSignal): Promise<void>;
}

/** A processor without state: the core calls it, then the next component. Returning `undefined` drops the batch; less items drops some (reason `filtered` unless declared). */
export interface TransformProcessor extends Component {
  readonly transform: { readonly [S in Signal]?: (batch: Signals[S]) => Signals[S] | undefined };
}

type ConsumeOf<S extends Signal> = (
  batch: Signals[S],
  next: Consumer<Signals[S]>,
  abort: AbortSignal,
) => void | Promise<void>;

/** A processor with state or timers. What it takes and has not handed on, dropped or merged is `held`. */
export interface StatefulProcessor extends Component {
  readonly consume: { readonly [S in Signal]?: ConsumeOf<S> };
  /** Its own reason to refuse; the core asks `next` itself. */
  refusal?(): RetryableError | undefined;
  /** Told when a batch was turned away because of its {@link refusal}. */
  refused?(items: number, signal: Signal): void;
  /** Hands on what is held, now, but for what still waits for something it needs. Called at a pull and before stop. */
  flush?(): void | Promise<void>;
  /** Items held now. */
  held?(): number;
}

export type Processor = TransformProcessor | StatefulProcessor;

export interface Exporter extends Component {
  readonly consume: { readonly [S in Signal]?: (batch: Signals[S], abort: AbortSignal) => void | Promise<void> };
  /** What temporality metrics must have here; the core converts. Default: any. */
  readonly wants?: WantedTemporality;
  /**
   * The signal is that of the batch; without one, whether any would be refused. A batch of so many items (default: 1) that was
   * not refused here must not be refused for lack of room in the same tick: beside other exporters it would be lost.
   */
  refusal?(signal?: Signal, items?: number): RetryableError | undefined;
  /** Told when a batch was turned away because of its {@link refusal}. */
  refused?(items: number, signal: Signal): void;
  /** Delivers what is held, now. */
  flush?(): void | Promise<void>;
  held?(): number;
  /** What became of items, by signal, for an exporter that accepts before it has delivered. Without: what was accepted is sent. */
  outcomes?(): ReadonlyMap<Signal, ExportOutcome>;
}

/** Items since the start, as `otelcol_exporter_*` count them. */
export interface ExportOutcome {
  /** Delivered, those included that the other side rejected in a partial success. */
  readonly sent: number;
  /** Given up, once for each. */
  readonly failed: number;
  /** Not taken by the queue, and left with their sender. */
  readonly notQueued: number;
}

export interface Connector extends Component {
  readonly consume: { readonly [S in Signal]?: (batch: Signals[S], abort: AbortSignal) => void | Promise<void> };
  refusal?(): RetryableError | undefined;
  /** Told when a batch was turned away because of its {@link refusal}. */
  refused?(items: number, signal: Signal): void;
  flush?(): void | Promise<void>;
  held?(): number;
}

/** How an exporter that is scraped asks for fresh data. */
export interface Upstream {
  /**
   * Lets every receiver that feeds this exporter and can be pulled collect, and flushes what lies between. Resolves to
   * `fresh`, or to `late` when `timeoutMs` passed first (the collection goes on). Data not older than `maxAgeMs` is fresh.
   */
  collect(options: { readonly maxAgeMs: number; readonly timeoutMs: number }): Promise<'fresh' | 'late'>;
  /** Whether any receiver upstream can be pulled. */
  readonly pullable: boolean;
}

/**
 * What temporality metrics must have at a component's input; the core converts before. `own_…` asks it of the agent's own
 * metrics only: foreign ones come as they were sent, as through a Collector.
 */
export type WantedTemporality = Temporality | `own_${Temporality}` | 'any';

interface Spec<S extends z.ZodType> {
  readonly kind: ComponentKind;
  /** Snake case, as in YAML; the hyphenated spelling is accepted too. */
  readonly type: string;
  /** Other names it is known by; old names are listed in `deprecatedAliases`. */
  readonly aliases?: readonly string[];
  readonly deprecatedAliases?: readonly string[];
  readonly stability: Stability;
  /**
   * Two instances of it must not run at a time, not even while a reload replaces one by the other: the old one is stopped
   * before the new one starts, and what comes meanwhile is refused.
   */
  readonly exclusive?: boolean;
  /** One sentence for `bpflow components`. */
  readonly description: string;
  /** `z.strictObject`; every field described. */
  readonly config: S;
  /**
   * What it can do on this machine, for `bpflow plan`: nothing is started, nothing goes out, and nothing stays behind. It may
   * take a few seconds.
   */
  plan?(config: z.output<S>, scope: PlanScope): ComponentPlan | Promise<ComponentPlan>;
  /**
   * Capabilities that it needs while it runs and to be started anew, as of capabilities(7), in lower case: an agent that works in
   * the kernel drops the others once everything has started. A plugin without this keeps all of them. `had`: what the
   * process was given.
   */
  capabilities?(config: z.output<S>, had: readonly string[]): readonly string[];
}

export interface ReceiverSpec<S extends z.ZodType = z.ZodType, K extends Signal = Signal> extends Spec<S> {
  readonly kind: 'receiver';
  readonly produces: readonly K[];
  create(config: z.output<S>, scope: Scope, next: Outlets<K>): Receiver;
}

export interface ProcessorSpec<S extends z.ZodType = z.ZodType, K extends Signal = Signal> extends Spec<S> {
  readonly kind: 'processor';
  readonly consumes: readonly K[];
  /** What temporality metrics must have here; the core converts before. Default: any. */
  readonly wants?: WantedTemporality;
  /** One instance for each pipeline; `next` has the pipeline's signal. */
  create(config: z.output<S>, scope: Scope, next: Outlets<K>): Processor;
}

export interface ExporterSpec<S extends z.ZodType = z.ZodType, K extends Signal = Signal> extends Spec<S> {
  readonly kind: 'exporter';
  readonly consumes: readonly K[];
  /** One instance for all pipelines that name it. */
  create(config: z.output<S>, scope: Scope, upstream: Upstream): Exporter;
}

export interface ConnectorSpec<S extends z.ZodType = z.ZodType> extends Spec<S> {
  readonly kind: 'connector';
  readonly connects: readonly { readonly from: Signal; readonly to: Signal }[];
  create(config: z.output<S>, scope: Scope, next: Outlets): Connector;
}

export interface ExtensionSpec<S extends z.ZodType = z.ZodType> extends Spec<S> {
  readonly kind: 'extension';
  create(config: z.output<S>, scope: Scope): Component;
}

export type ComponentSpec = ReceiverSpec | ProcessorSpec | ExporterSpec | ConnectorSpec | ExtensionSpec;
