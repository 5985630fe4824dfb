import {
  type Batch,
  type Consumer,
  countItems,
  RetryableError,
  type Scope,
  Sender,
  type Signal,
  type StatefulProcessor,
  type Timer,
} from 'bpflow/sdk';
import type { Reason } from './finding.ts';
import { Hold } from './hold.ts';
import { MetricEnricher } from './metrics.ts';
import type { Outcome } from './outcome.ts';
import { enrichRows } from './rows.ts';
import type { Subjects } from './subjects.ts';
import type { Telemetry } from './telemetry.ts';

export interface EnricherOptions {
  readonly scope: Scope;
  readonly own: Subjects;
  readonly foreign: Subjects;
  readonly hold: { readonly timeout: number; readonly max_items: number };
  /** The address of who sent a batch; empty where it does not matter or is not known. */
  readonly peerOf: (batch: Batch) => string;
  readonly telemetry: Telemetry;
}

/** Items that may be on their way out of the hold while new ones come. */
const MOST_SENDING = 32_768;

/** Held items that are looked through at once whenever a name comes; 100,000 take about 4 ms. */
const FEW = 5000;
const GATHER_MS = 50;

/** The data's way through the processor: what has its names passes at once, the rest waits for them. */
export class Enricher {
  readonly #options: EnricherOptions;
  readonly #metrics: MetricEnricher;
  readonly #hold: Hold;
  readonly #sender: Sender;
  /** Waits for more names before what is held is looked through. */
  #gathering: Timer | undefined;

  constructor(options: EnricherOptions) {
    this.#options = options;
    const { scope, own, foreign, hold } = options;
    this.#metrics = new MetricEnricher({ own, foreign });
    this.#sender = new Sender(scope);
    this.#hold = new Hold({
      clock: scope.clock,
      timeoutMs: hold.timeout,
      maxItems: hold.max_items,
      subjects: [own, foreign],
      release: (batch, peer) => this.#release(batch, peer),
    });
  }

  /** Items not handed on yet. */
  get held(): number {
    return this.#hold.items + this.#sender.held;
  }

  /** Nothing new is taken while what was held cannot be handed on, or only slowly. */
  refusal(): RetryableError | undefined {
    const { held, blockedBy } = this.#sender;
    if (blockedBy !== undefined || held <= Math.max(this.#options.hold.max_items, MOST_SENDING)) return blockedBy;
    return new RetryableError(`it hands on ${held} items that it held, and what follows is slow`);
  }

  consume(batch: Batch, next: Consumer<Batch>, abort: AbortSignal): void | Promise<void> {
    this.#sender.next = next;
    // What came before goes before.
    if (this.#gathering !== undefined) this.#releaseNow();
    const peer = this.#options.peerOf(batch);
    let outcome = this.#enrich(batch, peer);
    if (outcome.held !== undefined && !this.#hold.hasRoomFor(outcome.heldItems)) {
      this.#giveUp(outcome.held, peer, 'hold_full');
      this.#hold.release();
      outcome = this.#enrich(batch, peer);
    }
    const { own, foreign } = this.#options;
    const epoch = own.epoch + foreign.epoch;
    const accepted = (): void => {
      this.#accepted(outcome);
      if (outcome.held === undefined) return;
      this.#hold.add(outcome.held, peer);
      // Names may have come while what passed was handed on.
      if (own.epoch + foreign.epoch !== epoch) this.#hold.release();
    };
    if (outcome.pass === undefined) return accepted();
    if (this.#sender.held > 0) {
      this.#sender.send(outcome.pass);
      return accepted();
    }
    const handed = next.consume(outcome.pass, abort);
    return handed === undefined ? accepted() : handed.then(accepted);
  }

  /** Names have come: hands on what need not wait any longer. Where much is held, once for all that come in a moment. */
  release(): void {
    if (this.#hold.items <= FEW) this.#releaseNow();
    else this.#gathering ??= this.#options.scope.clock.after(GATHER_MS, () => this.#releaseNow());
  }

  async flush(): Promise<void> {
    this.#releaseNow();
    await this.#sender.attempt();
  }

  async stop(): Promise<void> {
    this.#gathering?.cancel();
    this.#hold.releaseAll('stopped');
    await this.#sender.attempt();
    this.#sender.close();
  }

  #releaseNow(): void {
    this.#gathering?.cancel();
    this.#gathering = undefined;
    if (this.#hold.items > 0) this.#hold.release();
  }

  #enrich(batch: Batch, peer: string): Outcome<Batch> {
    return batch.signal === 'metrics'
      ? this.#metrics.enrich(batch, peer)
      : enrichRows(this.#options.foreign, batch, peer);
  }

  #release(batch: Batch, peer: string): Batch | undefined {
    const outcome = this.#enrich(batch, peer);
    if (outcome.pass !== undefined) {
      this.#accepted(outcome);
      this.#sender.send(outcome.pass);
    }
    return outcome.held;
  }

  #accepted(outcome: Outcome<Batch>): void {
    outcome.commit();
    this.#options.scope.items.created(outcome.created, 'series_end');
    const { signal } = outcome.pass ?? outcome.held ?? {};
    if (signal !== undefined) this.#options.telemetry.passed(signal, outcome.reasons);
  }

  /** Gives up every subject that this batch waits for. */
  #giveUp(held: Batch, peer: string, reason: Reason): void {
    const { foreign } = this.#options;
    if (held.signal === 'metrics') this.#metrics.giveUp(held, peer, reason);
    else for (const resource of held.resources) foreign.giveUp(foreign.of(resource, peer), reason);
  }
}

/** As the core calls it. */
export function enrichingProcessor(
  enricher: Enricher,
): Pick<StatefulProcessor, 'consume' | 'refusal' | 'flush' | 'held'> {
  const consume = (batch: Batch, next: Consumer<never>, abort: AbortSignal): void | Promise<void> => {
    if (countItems(batch) === 0) return;
    return enricher.consume(batch, next as Consumer<Batch>, abort);
  };
  return {
    consume: { metrics: consume, logs: consume, traces: consume } satisfies Record<Signal, unknown>,
    refusal: () => enricher.refusal(),
    flush: () => enricher.flush(),
    held: () => enricher.held,
  };
}
