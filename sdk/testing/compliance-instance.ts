import { setTimeout as sleep } from 'node:timers/promises';
import type { Batch, Signal, Signals } from '../../pdata/signals.ts';
import { countItems } from '../../pdata/signals.ts';
import type {
  Component,
  ComponentSpec,
  Consumer,
  Outlets,
  StatefulProcessor,
  TransformProcessor,
} from '../component.ts';
import type { ComplianceOptions } from './compliance.ts';
import { collectingConsumer, fakeUpstream, outletsTo } from './consumers.ts';
import { type FakeScope, fakeScope } from './fake-scope.ts';

/** Real time after which something that should have ended counts as stuck. */
const STUCK_MS = 10_000;

/** One instance of the component under test, wired as the core would. */
export class Instance {
  readonly scope: FakeScope;
  readonly component: Component;
  /** Items that were accepted, and that were handed on. */
  in = 0;
  out = 0;
  readonly #next: Consumer<Batch>;

  constructor(spec: ComponentSpec, options: ComplianceOptions, next: Consumer<Batch> = collectingConsumer()) {
    this.scope = options.scope?.() ?? fakeScope(spec.kind, spec.type, { pipeline: 'metrics' });
    this.#next = {
      refusal: (items) => next.refusal(items),
      consume: (batch, abort) => {
        const accepted = (): void => {
          this.out += countItems(batch);
        };
        const outcome = next.consume(batch, abort);
        return outcome instanceof Promise ? outcome.then(accepted) : accepted();
      },
    };
    const config = deepFreeze(spec.config.parse(options.config ?? {}));
    this.component = create(spec, config, this.scope, outletsTo(this.#next));
  }

  /** Whether the component consumes the signal. */
  takes(signal: Signal): boolean {
    const { consume, transform } = this.component as Partial<StatefulProcessor & TransformProcessor>;
    return consume?.[signal] !== undefined || transform?.[signal] !== undefined;
  }

  /** Offers a batch. Rejects as the component does; then nothing was accepted. */
  async give<S extends Signal>(signal: S, batch: Signals[S], abort: AbortSignal): Promise<void> {
    const component = this.component as Partial<StatefulProcessor & TransformProcessor>;
    const transform = component.transform?.[signal] as ((batch: Batch) => Batch | undefined) | undefined;
    if (transform !== undefined) {
      const result = transform(batch);
      if (result !== undefined && countItems(result) > 0) await this.#next.consume(result, abort);
    } else {
      const refusal = component.refusal?.() ?? undefined;
      if (refusal !== undefined) throw refusal;
      type Consume = (batch: Batch, ...rest: unknown[]) => void | Promise<void>;
      const consume = component.consume![signal] as unknown as Consume;
      const isProcessor = this.scope.id.kind === 'processor';
      await (isProcessor ? consume(batch, this.#next, abort) : consume(batch, abort));
    }
    this.in += countItems(batch);
  }

  start(): Promise<void> {
    return this.settled('start()', async () => this.component.start?.());
  }

  async stop(): Promise<void> {
    await this.settled('flush()', async () => (this.component as Partial<StatefulProcessor>).flush?.());
    await this.settled('stop()', async () => this.component.stop?.());
  }

  get held(): number {
    return (this.component as Partial<StatefulProcessor>).held?.() ?? 0;
  }

  /** Waits for work while time goes on, ten times as fast as it does. */
  async settled<T>(what: string, work: () => Promise<T>): Promise<T> {
    let over = false;
    const running = work().finally(() => {
      over = true;
    });
    running.catch(() => {});
    for (let waitedMs = 0, stepMs = 0; !over; waitedMs += stepMs) {
      if (waitedMs > STUCK_MS) throw new Error(`${what} of ${this.scope.id} has not ended after ${STUCK_MS / 1000} s.`);
      await sleep(stepMs);
      this.scope.clock.advance(stepMs * 10);
      stepMs = Math.min(stepMs + 1, 50);
    }
    return running;
  }
}

function create(spec: ComponentSpec, config: unknown, scope: FakeScope, next: Outlets): Component {
  switch (spec.kind) {
    case 'exporter':
      return spec.create(
        config,
        scope,
        fakeUpstream(() => {}),
      );
    case 'extension':
      return spec.create(config, scope);
    case 'receiver':
    case 'processor':
    case 'connector':
      return spec.create(config, scope, next);
    default:
      return spec satisfies never;
  }
}

/** Freezes plain objects and lists, so that a component that writes into its config fails. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return value;
  Object.freeze(value);
  for (const item of Object.values(value)) deepFreeze(item);
  return value;
}
