import { SIGNALS, type Signal } from '../../../pdata/signals.ts';
import type { ExportOutcome } from '../../component.ts';
import type { ItemLedger } from '../../scope.ts';
import type { Delivered } from './outcome.ts';
import type { QuietLog } from './quiet-log.ts';

const PARTIAL: Readonly<Record<Signal, string>> = {
  metrics: 'dropped_data_points',
  logs: 'dropped_log_records',
  traces: 'dropped_spans',
  // Answers count profiles, not their samples.
  profiles: 'dropped_profiles',
};

/** Counts and logs what becomes of items, with the Collector's texts. */
export class Accounts {
  readonly outcomes: ReadonlyMap<Signal, ExportOutcome>;
  readonly #counts = new Map(SIGNALS.map((signal) => [signal, { sent: 0, failed: 0, notQueued: 0 }]));
  readonly #items: ItemLedger;
  readonly #log: QuietLog;

  constructor(items: ItemLedger, log: QuietLog) {
    this.outcomes = this.#counts;
    this.#items = items;
    this.#log = log;
  }

  /** A delivery ended; `accepted` of its items are the exporter's own to answer for. */
  settled(signal: Signal, items: number, accepted: number, outcome: Delivered): void {
    const counts = this.#counts.get(signal)!;
    if (outcome.kind === 'sent') {
      counts.sent += items;
      this.#rejected(signal, accepted, outcome);
      return;
    }
    counts.failed += items;
    const { error, why } = outcome;
    if (accepted > 0) {
      this.#items.dropped(accepted, why);
      this.#log.error('Exporting failed. Dropping data.', { error, dropped_items: accepted });
    }
    if (accepted < items) {
      this.#log.error('Exporting failed. Rejecting data.', { error, rejected_items: items - accepted });
    }
  }

  /** A sender has its items back, because the queue did not take them. */
  notQueued(signal: Signal, items: number, error: string): void {
    this.#counts.get(signal)!.notQueued += items;
    this.#log.error('Exporting failed. Rejecting data.', { error, rejected_items: items });
  }

  /** Items that were still in the queue at the end. */
  left(signal: Signal, items: number): void {
    this.#counts.get(signal)!.failed += items;
    this.#items.dropped(items, 'shutdown');
    this.#log.error('Exporting failed. Dropping data.', {
      error: 'interrupted due to shutdown: the time for it was over',
      dropped_items: items,
    });
  }

  #rejected(signal: Signal, accepted: number, { rejected }: Extract<Delivered, { kind: 'sent' }>): void {
    if (rejected === undefined) return;
    this.#log.warn('Partial success response', { message: rejected.message, [PARTIAL[signal]]: rejected.items });
    this.#items.dropped(Math.min(rejected.items, accepted), 'rejected');
  }
}
