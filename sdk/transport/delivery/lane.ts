import { hasColumns, type Signal } from '../../../pdata/signals.ts';
import type { Clock } from '../../scope.ts';
import { Joiner, Shipment } from './joiner.ts';
import type { Delivered } from './outcome.ts';
import type { QueuedRequest, QueueTotals, RequestQueue, TakenRequest } from './queue.ts';
import type { Retrier } from './retry.ts';
import { Room } from './room.ts';
import type { SendingQueueSettings } from './settings.ts';
import type { RecordBatch } from './telemetry.ts';

export interface LaneOptions {
  readonly signal: Signal;
  readonly settings: SendingQueueSettings;
  readonly retrier: Retrier;
  readonly clock: Clock;
  readonly recordBatch: RecordBatch;
  /** How a delivery of so many items ended; `accepted` of them are the exporter's own, the others their waiting senders'. */
  readonly settled: (items: number, accepted: number, outcome: Delivered) => void;
}

/** A sender that waits for its result. */
interface Waiting {
  readonly resolve: (outcome: Delivered | undefined) => void;
  aborted: boolean;
}

/**
 * One signal's queue and those who empty it.
 *
 *     consume ─▶ [queue] ─▶ (joiner) ─▶ up to num_consumers deliveries, each with its retries
 *                   ▲ counts until a delivery has ended
 */
export class Lane {
  readonly signal: Signal;
  readonly queue: RequestQueue;
  readonly room: Room;
  readonly #options: LaneOptions;
  readonly #joiner: Joiner | undefined;
  readonly #waiting = new Map<QueuedRequest, Waiting>();
  readonly #abort = new AbortController();
  readonly #idle: (() => void)[] = [];
  #inFlight = 0;
  #pumping = false;
  #pumpAgain = false;
  #stopping = false;
  #closed = false;

  constructor(queue: RequestQueue, options: LaneOptions) {
    const { settings, clock } = options;
    this.signal = options.signal;
    this.queue = queue;
    this.room = new Room(() => queue.totals[settings.sizer], settings.queue_size);
    this.#options = options;
    if (settings.batch !== undefined && hasColumns(this.signal)) {
      this.#joiner = new Joiner(settings.batch, clock, () => this.#pump());
    }
  }

  get totals(): QueueTotals {
    return this.queue.totals;
  }

  /** In units of the queue's sizer. */
  get size(): number {
    return this.room.size;
  }

  get capacity(): number {
    return this.room.capacity;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Begins with what an earlier process left. */
  start(): void {
    this.#pump();
  }

  /** Accepts a request, once there is room for it. With `wait_for_result` resolves to its end; undefined when it was aborted. */
  add(request: QueuedRequest, abort: AbortSignal): undefined | Promise<Delivered | undefined> {
    const added = this.queue.add(request);
    if (this.#options.settings.wait_for_result) return this.#result(request, abort);
    if (added !== undefined) {
      return added.then(() => {
        this.#pump();
        return undefined;
      });
    }
    this.#pump();
    return undefined;
  }

  /** Lets what was gathered leave without waiting for more. */
  hurry(): void {
    this.#joiner?.hurry();
    this.#pump();
  }

  /**
   * Ends: what waits in memory is sent, each request once; what waits in a durable queue stays there. Resolves when nothing
   * is on its way, at the latest shortly after the abort.
   */
  async drain(abort: AbortSignal): Promise<void> {
    this.#stopping = true;
    const cut = (): void => {
      this.#closed = true;
      this.#abort.abort();
      this.#pump();
    };
    if (this.queue.durable) this.#closed = true;
    if (abort.aborted) cut();
    else abort.addEventListener('abort', cut, { once: true });
    this.hurry();
    if (!this.#isIdle()) await new Promise<void>((resolve) => this.#idle.push(resolve));
    abort.removeEventListener('abort', cut);
  }

  /** Takes out what was never sent and will not outlive the process: its items. */
  async discard(): Promise<number> {
    let items = 0;
    if (this.queue.durable) return items;
    this.#closed = true;
    const forget = (taken: TakenRequest): void => {
      items += this.#forget(taken, { kind: 'failed', why: 'shutdown', error: 'interrupted due to shutdown' });
    };
    for (const taken of this.#joiner?.close().taken ?? []) forget(taken);
    for (let taken = await this.queue.take(); taken !== undefined; taken = await this.queue.take()) forget(taken);
    return items;
  }

  #result(request: QueuedRequest, abort: AbortSignal): Promise<Delivered | undefined> {
    const { promise, resolve } = Promise.withResolvers<Delivered | undefined>();
    const waiting: Waiting = { resolve, aborted: false };
    const giveUp = (): void => {
      waiting.aborted = true;
      resolve(undefined);
    };
    this.#waiting.set(request, waiting);
    if (abort.aborted) giveUp();
    else abort.addEventListener('abort', giveUp, { once: true });
    this.#pump();
    return promise.finally(() => abort.removeEventListener('abort', giveUp));
  }

  /** Starts deliveries as long as there are requests and free consumers. Synchronous as long as the queue is. */
  #pump(): void {
    if (this.#pumping) {
      this.#pumpAgain = true;
      return;
    }
    this.#pumping = true;
    const next = this.#advance();
    if (next === undefined) {
      this.#pumping = false;
      this.#tellIdle();
      return;
    }
    void this.#pumpLater(next);
  }

  async #pumpLater(first: Promise<TakenRequest | undefined>): Promise<void> {
    let next: Promise<TakenRequest | undefined> | undefined = first;
    while (next !== undefined) {
      this.#pumpAgain = false;
      const taken: TakenRequest | undefined = await next;
      if (taken !== undefined) this.#ship(taken);
      next = taken === undefined && !this.#pumpAgain ? undefined : this.#advance();
    }
    this.#shipReady();
    this.#pumping = false;
    this.#tellIdle();
  }

  /** Ships what can be had at once; a promise when the queue must be waited for. */
  #advance(): Promise<TakenRequest | undefined> | undefined {
    for (;;) {
      this.#shipReady();
      if (this.#closed || this.#inFlight >= this.#options.settings.num_consumers || this.queue.waiting === 0) return;
      const taken = this.queue.take();
      if (taken === undefined) return undefined;
      if (taken instanceof Promise) return taken;
      this.#ship(taken);
    }
  }

  #ship(taken: TakenRequest): void {
    if (this.#joiner === undefined) {
      const shipment = new Shipment();
      shipment.add(taken);
      void this.#deliver(shipment);
      return;
    }
    const before = this.#joiner.add(taken);
    if (before !== undefined) void this.#deliver(before);
  }

  #shipReady(): void {
    const joiner = this.#joiner;
    if (joiner === undefined || this.#closed || this.#inFlight >= this.#options.settings.num_consumers) return;
    if (this.#stopping && this.queue.waiting === 0) joiner.hurry();
    const ready = joiner.ready();
    if (ready !== undefined) void this.#deliver(ready);
  }

  async #deliver({ taken, items, bytes }: Shipment): Promise<void> {
    this.#inFlight++;
    this.#options.recordBatch(this.signal, items, bytes);
    const parts = taken.length === 1 ? taken[0]!.request.parts : taken.flatMap(({ request }) => request.parts);
    const request = { signal: this.signal, parts, items, bytes };
    const outcome = await this.#options.retrier.deliver(request, this.#abort.signal);
    const kept = this.queue.durable && outcome.kind === 'failed' && outcome.why === 'shutdown';
    let accepted = 0;
    for (const each of taken) if (!kept) accepted += this.#forget(each, outcome);
    this.#inFlight--;
    if (!kept) this.#options.settled(items, accepted, outcome);
    this.room.freed();
    this.#pump();
  }

  /** The items that the exporter answers for: not those that a sender who waits still has. */
  #forget(taken: TakenRequest, outcome: Delivered): number {
    void taken.done();
    const waiting = this.#waiting.get(taken.request);
    if (waiting === undefined) return taken.request.items;
    this.#waiting.delete(taken.request);
    waiting.resolve(outcome);
    return outcome.kind === 'sent' && !waiting.aborted ? taken.request.items : 0;
  }

  #isIdle(): boolean {
    if (this.#pumping || this.#inFlight > 0) return false;
    return this.#closed || (this.queue.waiting === 0 && (this.#joiner?.empty ?? true));
  }

  #tellIdle(): void {
    if (!this.#isIdle()) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
