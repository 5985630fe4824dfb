import { countItems, SIGNALS, type Signal, type Signals } from '../../../pdata/signals.ts';
import type { Exporter } from '../../component.ts';
import { PermanentError, RetryableError } from '../../errors.ts';
import type { Scope } from '../../scope.ts';
import { Accounts } from './accounts.ts';
import { Lane } from './lane.ts';
import { MemoryQueue } from './memory-queue.ts';
import { openStoredQueue } from './open-queue.ts';
import type { Delivered, ExportRequest, SendOutcome } from './outcome.ts';
import type { QueuedRequest, RequestQueue } from './queue.ts';
import { QuietLog } from './quiet-log.ts';
import { type Encode, requestsOf } from './requests.ts';
import { Retrier } from './retry.ts';
import type { RetrySettings, SendingQueueSettings } from './settings.ts';
import { queueTelemetry } from './telemetry.ts';

export interface DeliveryOptions {
  readonly scope: Scope;
  readonly queue: SendingQueueSettings;
  readonly retry: RetrySettings;
  readonly encode: Encode;
  /**
   * One attempt. Bounds its own time, ends soon after the abort, and reports failures as an outcome: what it throws counts
   * as permanent. Error texts hold no secrets.
   */
  readonly send: (request: ExportRequest, abort: AbortSignal) => Promise<SendOutcome>;
  /** Random numbers in [0, 1) for the jitter. Default: Math.random. */
  readonly random?: () => number;
}

const FULL = 'sending queue is full';

/**
 * What stands between an exporter's input and its wire: queue, batches, retries, and the books of what became of each item.
 * Its members are those of an exporter; the exporter adds `start` and `stop` of its connection around them.
 */
export class Delivery implements Exporter {
  readonly consume: { readonly [S in Signal]: (batch: Signals[S], abort: AbortSignal) => void | Promise<void> } = {
    metrics: (batch, abort) => this.#consume('metrics', batch, abort),
    logs: (batch, abort) => this.#consume('logs', batch, abort),
    traces: (batch, abort) => this.#consume('traces', batch, abort),
    profiles: (batch, abort) => this.#consume('profiles', batch, abort),
  };
  readonly #options: DeliveryOptions;
  readonly #log: QuietLog;
  readonly #accounts: Accounts;
  readonly #retrier: Retrier;
  readonly #lanes = new Map<Signal, Lane>();
  /** Signals that were ever offered or found in a storage: only their queues are told of. */
  readonly #used = new Set<Signal>();
  readonly #direct = new Set<Promise<Delivered>>();
  readonly #abort = new AbortController();
  readonly #recordBatch: ReturnType<typeof queueTelemetry>;
  #stopped: Promise<void> | undefined;

  constructor(options: DeliveryOptions) {
    const { scope, queue, retry, send, random = Math.random } = options;
    const { clock } = scope;
    this.#options = options;
    this.#log = new QuietLog(scope.log, clock);
    this.#accounts = new Accounts(scope.items, this.#log);
    this.#retrier = new Retrier({ settings: retry, send, clock, log: this.#log, random });
    const views = () => [...this.#lanes.values()].filter(({ signal }) => this.#used.has(signal));
    this.#recordBatch = queue.enabled
      ? queueTelemetry(scope.meter, String(scope.id), views, queue.batch !== undefined)
      : () => {};
    if (queue.enabled && queue.storage == null) {
      for (const signal of SIGNALS) this.#open(signal, new MemoryQueue());
    }
    scope.inspect('queue', () => Object.fromEntries(views().map((lane) => [lane.signal, describe(lane)])));
  }

  /** Opens stored queues and goes on with what is in them. */
  async start(): Promise<void> {
    const { scope, queue } = this.#options;
    if (queue.enabled && queue.storage != null) {
      for (const signal of SIGNALS) {
        const stored = await openStoredQueue(scope, queue.storage, signal);
        this.#open(signal, stored);
        if (stored.totals.requests > 0) this.#used.add(signal);
      }
    }
    for (const lane of this.#lanes.values()) lane.start();
  }

  refusal(signal?: Signal, items = 1): RetryableError | undefined {
    const { enabled, block_on_overflow, sizer, queue_size } = this.#options.queue;
    if (!enabled || block_on_overflow) return undefined;
    // What can never enter is told so, not refused for now.
    const size = sizer === 'items' && items <= queue_size ? items : 1;
    const lanes = signal === undefined ? [...this.#lanes.values()] : [this.#lanes.get(signal)];
    return lanes.some((lane) => lane !== undefined && !lane.room.fits(size)) ? new RetryableError(FULL) : undefined;
  }

  refused(items: number, signal: Signal): void {
    this.#accounts.notQueued(signal, items, FULL);
  }

  /** What waits for a batch to fill leaves now. Does not wait until it is delivered: see {@link stop}. */
  flush(): void {
    for (const lane of this.#lanes.values()) lane.hurry();
  }

  held(): number {
    if (this.#options.queue.wait_for_result) return 0;
    let items = 0;
    for (const { totals } of this.#lanes.values()) items += totals.items;
    return items;
  }

  outcomes(): Accounts['outcomes'] {
    return this.#accounts.outcomes;
  }

  /**
   * Sends what is held, each request once; on the abort gives the rest up. What a stored queue holds stays there. Safe twice
   * and without start.
   */
  stop(abort: AbortSignal = new AbortController().signal): Promise<void> {
    this.#stopped ??= this.#stop(abort);
    return this.#stopped;
  }

  async #stop(abort: AbortSignal): Promise<void> {
    this.#retrier.stop();
    const cut = (): void => this.#abort.abort();
    if (abort.aborted) cut();
    else abort.addEventListener('abort', cut, { once: true });
    const lanes = [...this.#lanes.values()];
    await Promise.all([...lanes.map((lane) => lane.drain(abort)), ...this.#direct]);
    abort.removeEventListener('abort', cut);
    for (const lane of lanes) {
      const left = await lane.discard();
      if (left > 0) this.#accounts.left(lane.signal, left);
      await lane.queue.close();
    }
    this.#log.close();
  }

  #open(signal: Signal, queue: RequestQueue): void {
    const lane = new Lane(queue, {
      signal,
      settings: this.#options.queue,
      retrier: this.#retrier,
      clock: this.#options.scope.clock,
      recordBatch: this.#recordBatch,
      settled: (items, accepted, outcome) => this.#accounts.settled(signal, items, accepted, outcome),
    });
    this.#lanes.set(signal, lane);
  }

  #consume<S extends Signal>(signal: S, batch: Signals[S], abort: AbortSignal): void | Promise<void> {
    if (this.#stopped !== undefined) throw new RetryableError('The exporter has stopped.');
    const items = countItems(batch);
    if (items === 0) return;
    const { encode, queue } = this.#options;
    if (!queue.enabled) return this.#sendNow(signal, requestsOf(signal, batch, encode, undefined)[0]!, abort);
    const lane = this.#lanes.get(signal);
    if (lane === undefined) throw new RetryableError('The exporter has not started.');
    this.#used.add(signal);
    const { sizer, queue_size, block_on_overflow } = queue;
    const leastSize = sizer === 'items' ? items : 1;
    // Before it is encoded for nothing.
    if (!block_on_overflow && leastSize <= queue_size && !lane.room.fits(leastSize)) throw this.#full(signal, items);
    const requests = requestsOf(signal, batch, encode, queue.batch);
    const size = requests.reduce((total, request) => total + (sizer === 'requests' ? 1 : request[sizer]), 0);
    if (size > queue_size) {
      const error = `element size too large: ${size} ${sizer}, and queue_size is ${queue_size}`;
      this.#accounts.notQueued(signal, items, error);
      throw new PermanentError(error);
    }
    // How large a batch is in requests or bytes nobody knows before it is encoded: what was let in by refusal() enters whole.
    if (lane.room.fits(sizer === 'items' ? size : 1)) return this.#add(lane, requests, items, abort);
    if (!block_on_overflow) throw this.#full(signal, items);
    let added: void | Promise<void>;
    return lane.room
      .wait(size, abort, () => {
        added = this.#add(lane, requests, items, abort);
      })
      .then((entered) => {
        if (!entered) throw this.#full(signal, items);
        return added;
      });
  }

  #full(signal: Signal, items: number): RetryableError {
    this.#accounts.notQueued(signal, items, FULL);
    return new RetryableError(FULL);
  }

  #add(lane: Lane, requests: QueuedRequest[], items: number, abort: AbortSignal): void | Promise<void> {
    const results = requests.map((request) => lane.add(request, abort)).filter((result) => result !== undefined);
    if (results.length === 0) return;
    return Promise.all(results).then(
      (ends) => {
        if (!this.#options.queue.wait_for_result) return;
        for (const end of ends) throwFailure(end ?? ABORTED);
      },
      (thrown: unknown) => {
        this.#accounts.notQueued(lane.signal, items, thrown instanceof Error ? thrown.message : String(thrown));
        throw thrown;
      },
    );
  }

  /** Without a queue: the sender waits. */
  async #sendNow(signal: Signal, request: QueuedRequest, abort: AbortSignal): Promise<void> {
    const either = AbortSignal.any([abort, this.#abort.signal]);
    const running = this.#retrier.deliver({ signal, ...request }, either);
    this.#direct.add(running);
    const outcome = await running;
    this.#direct.delete(running);
    const taken = outcome.kind === 'sent' ? request.items : 0;
    this.#accounts.settled(signal, request.items, taken, outcome);
    throwFailure(outcome);
  }
}

const ABORTED: Delivered = { kind: 'failed', why: 'shutdown', error: 'the sender did not wait for the result' };

/** What a sender that waited is told. Only what the other side called permanent is. */
function throwFailure(outcome: Delivered): void {
  if (outcome.kind === 'sent') return;
  throw outcome.why === 'permanent' ? new PermanentError(outcome.error) : new RetryableError(outcome.error);
}

function describe(lane: Lane): Record<string, number | boolean> {
  const { totals, inFlight, queue } = lane;
  return {
    ...totals,
    waiting: queue.waiting,
    in_flight: inFlight,
    capacity: lane.room.capacity,
    durable: queue.durable,
  };
}
