import { setImmediate as turn } from 'node:timers/promises';
import { type LogBatch, LogBuilder, type Signal, type Signals, z } from 'bpflow/sdk';
import { type FakeScope, fakeScope } from 'bpflow/testing';
import {
  Delivery,
  type DeliveryOptions,
  type ExportRequest,
  retrySettings,
  type SendOutcome,
  sendingQueueSettings,
} from 'bpflow/transport';

export const SENT: SendOutcome = { kind: 'sent' };
export const NEVER: AbortSignal = new AbortController().signal;

const settings = z.strictObject({ queue: sendingQueueSettings(), retry: retrySettings() });

export interface HarnessOptions {
  readonly queue?: Record<string, unknown>;
  readonly retry?: Record<string, unknown>;
  readonly random?: () => number;
  readonly scope?: FakeScope;
  readonly encode?: DeliveryOptions['encode'];
}

/** A delivery whose other side is a test. */
export class Harness {
  readonly scope: FakeScope;
  readonly delivery: Delivery;
  /** Attempts, in order, with the monotonic time of each. */
  readonly attempts: { readonly request: ExportRequest; readonly atMs: number }[] = [];
  /** What an attempt comes to; success by default. */
  answer: (request: ExportRequest, abort: AbortSignal) => SendOutcome | Promise<SendOutcome> = () => SENT;

  constructor(options: HarnessOptions = {}) {
    const { queue, retry } = settings.parse({ queue: options.queue ?? {}, retry: options.retry ?? {} });
    this.scope = options.scope ?? fakeScope('exporter', 'test');
    this.delivery = new Delivery({
      scope: this.scope,
      queue,
      retry,
      encode: options.encode ?? ((signal, batch) => [oneBytePerItem(signal, batch)]),
      send: async (request, abort) => {
        this.attempts.push({ request, atMs: this.scope.clock.monotonic() });
        return this.answer(request, abort);
      },
      random: options.random ?? (() => 0.5),
    });
  }

  /** Offers so many log records. */
  give(items: number, abort: AbortSignal = NEVER): void | Promise<void> {
    return this.delivery.consume.logs(logs(items), abort);
  }

  /** Lets time pass, and everything happen that follows. */
  async pass(ms: number): Promise<void> {
    await settle();
    this.scope.clock.advance(ms);
    await settle();
  }

  /** Whether `in = sent + dropped + held`, given what came in. */
  balance(taken: number): number {
    const { sent } = this.delivery.outcomes().get('logs')!;
    const rejected = this.scope.items.drops.filter(({ reason }) => reason === 'rejected');
    const twice = rejected.reduce((total, { count }) => total + count, 0);
    return taken - (sent - twice) - this.scope.items.totals.dropped - this.delivery.held();
  }
}

export function logs(items: number): LogBatch {
  const builder = new LogBuilder();
  for (let i = 0; i < items; i++) builder.add({ time: BigInt(i + 1), body: `record ${i}` });
  return builder.take()!;
}

/** Everything that follows without a timer has happened. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await turn();
}

/** A request that waits until the test says what becomes of it. */
export function pending(): { readonly outcome: Promise<SendOutcome>; end(outcome: SendOutcome): void } {
  const { promise, resolve } = Promise.withResolvers<SendOutcome>();
  return { outcome: promise, end: resolve };
}

function oneBytePerItem<S extends Signal>(_: S, batch: Signals[S]): Uint8Array {
  return new Uint8Array(batch.signal === 'metrics' ? 0 : batch.length);
}
