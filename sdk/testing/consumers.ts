import type { Batch, Signal, Signals } from '../../pdata/signals.ts';
import { countItems, SIGNALS } from '../../pdata/signals.ts';
import type { Consumer, Outlets, Upstream } from '../component.ts';
import { PermanentError, RetryableError } from '../errors.ts';

/** Takes everything and keeps it. */
export interface CollectingConsumer<B extends Batch = Batch> extends Consumer<B> {
  readonly batches: readonly B[];
  /** Items of all batches. */
  readonly items: number;
}

export function collectingConsumer<B extends Batch = Batch>(): CollectingConsumer<B> {
  const batches: B[] = [];
  return {
    consume: (batch) => void batches.push(batch),
    refusal: () => undefined,
    batches,
    get items() {
      return batches.reduce((total, batch) => total + countItems(batch), 0);
    },
  };
}

export interface RefusingConsumerOptions {
  /**
   * `refusal` (the default): says so when asked, and throws. `surprise`: says nothing when asked, and rejects as retryable.
   * `permanent`: says nothing when asked, and rejects for good.
   */
  readonly how?: 'refusal' | 'surprise' | 'permanent';
  /** Offers that are refused before it begins to accept. Default: all. */
  readonly times?: number;
}

/** Refuses what it is offered; keeps what it accepts after that. */
export interface RefusingConsumer<B extends Batch = Batch> extends CollectingConsumer<B> {
  /** Batches that were offered to `consume` and refused. */
  readonly refused: number;
}

export function refusingConsumer<B extends Batch = Batch>(options: RefusingConsumerOptions = {}): RefusingConsumer<B> {
  const { how = 'refusal', times = Number.POSITIVE_INFINITY } = options;
  const accepted = collectingConsumer<B>();
  let refused = 0;
  const error = (): RetryableError | PermanentError =>
    how === 'permanent' ? new PermanentError('The test refuses this.') : new RetryableError('The test is busy.');
  return {
    consume(batch, abort) {
      if (refused >= times) return accepted.consume(batch, abort);
      refused++;
      if (how === 'refusal') throw error();
      return Promise.reject(error());
    },
    refusal: () => (how === 'refusal' && refused < times ? new RetryableError('The test is busy.') : undefined),
    batches: accepted.batches,
    get items() {
      return accepted.items;
    },
    get refused() {
      return refused;
    },
  };
}

/** One consumer as the outlet of every signal, or of these. */
export function outletsTo(consumer: Consumer<never>, signals: readonly Signal[] = SIGNALS): Outlets {
  return Object.fromEntries(signals.map((signal) => [signal, consumer as Consumer<Signals[Signal]>])) as Outlets;
}

/** What an exporter is scraped with: counts the collections it asks for, and runs `collect` for each. */
export function fakeUpstream(
  collect?: () => void | Promise<void>,
): Upstream & { readonly collections: readonly { readonly maxAgeMs: number; readonly timeoutMs: number }[] } {
  const collections: { maxAgeMs: number; timeoutMs: number }[] = [];
  return {
    pullable: collect !== undefined,
    async collect(options) {
      collections.push(options);
      await collect?.();
      return 'fresh';
    },
    collections,
  };
}
