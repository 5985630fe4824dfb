import type {
  Component,
  ComponentSpec,
  Connector,
  Exporter,
  Processor,
  Receiver,
  StatefulProcessor,
} from '../../sdk/component.ts';
import type { PermanentError, RetryableError } from '../../sdk/errors.ts';
import type { ComponentId, Logger, Scope } from '../../sdk/scope.ts';
import { blame } from './blame.ts';
import { Ledger } from './ledger.ts';
import type { Stopwatch } from './stopwatch.ts';

/** One component instance in the graph, with what the core keeps about it. */
export class Node<C extends Component = Component> {
  readonly id: ComponentId;
  /** Id of the pipeline, for processors. */
  readonly pipeline: string | undefined;
  readonly spec: ComponentSpec;
  /** The plugin it comes from. */
  readonly plugin: string;
  readonly ledger: Ledger;
  readonly log: Logger;
  readonly component: C;
  /** Own time in the synchronous part of its calls, ms. */
  busyMs = 0;
  /** Called after each call with its own time in ms. */
  onCall: ((ownMs: number) => void) | undefined;
  readonly #stopwatch: Stopwatch;

  constructor(options: NodeOptions, create: (scope: Scope) => C) {
    this.id = options.scope.id;
    this.pipeline = options.scope.pipeline;
    this.spec = options.spec;
    this.plugin = options.plugin;
    this.ledger = options.ledger;
    this.log = options.scope.log;
    this.#stopwatch = options.stopwatch;
    const component: unknown = create(options.scope);
    if (typeof component !== 'object' || component === null) throw new Error('Its create() returned no component.');
    this.component = component as C;
  }

  /** Runs a call into the component: timed, and what it throws at once names the component. */
  call<T>(call: () => T): T {
    try {
      return this.#stopwatch.time(call, (ownMs) => {
        this.busyMs += ownMs;
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
}

export interface NodeOptions {
  readonly scope: Scope;
  readonly spec: ComponentSpec;
  readonly plugin: string;
  readonly ledger: Ledger;
  readonly stopwatch: Stopwatch;
}

export type ReceiverNode = Node<Receiver>;
export type ProcessorNode = Node<Processor>;
export type ExporterNode = Node<Exporter>;
export type ConnectorNode = Node<Connector>;

export { Ledger };
