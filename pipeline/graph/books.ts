import type { Signal } from '../../pdata/signals.ts';
import type { ExportOutcome } from '../../sdk/component.ts';
import type { ComponentId } from '../../sdk/scope.ts';
import { Ledger } from './ledger.ts';

/** What an account asks of an instance. */
interface Instance {
  held(): number;
  outcomes(): ReadonlyMap<Signal, ExportOutcome> | undefined;
}

/**
 * The books of one component id, over all instances that bore it. While a reload replaces an instance two of them write
 * into one ledger, so that no total ever falls.
 */
export class Account {
  readonly id: ComponentId;
  /** Id of the pipeline, for processors. */
  readonly pipeline: string | undefined;
  readonly ledger = new Ledger();
  /** Own time in the synchronous part of its calls, ms. */
  busyMs = 0;
  /** Outcomes of the instances that are gone. */
  #past: ReadonlyMap<Signal, ExportOutcome> | undefined;
  readonly #instances = new Set<Instance>();

  constructor(id: ComponentId, pipeline: string | undefined) {
    this.id = id;
    this.pipeline = pipeline;
  }

  opened(instance: Instance): void {
    this.#instances.add(instance);
  }

  /** The instance is gone. What it still holds ended here, for this reason. */
  closed(instance: Instance, reason: string): void {
    if (!this.#instances.delete(instance)) return;
    this.ledger.drop(instance.held(), reason);
    this.#past = added(this.#past, instance.outcomes());
  }

  /** Whether nothing ever went through it and no instance is left. */
  isBlank(): boolean {
    const { in: entered, created, dropped, refusedBySignal } = this.ledger;
    return this.#instances.size === 0 && entered + created.size + dropped.size + refusedBySignal.size === 0;
  }

  /** Items that its instances hold now. */
  held(): number {
    let held = 0;
    for (const instance of this.#instances) held += instance.held();
    return held;
  }

  /** What became of items, by signal, over all instances; undefined when none tells. */
  outcomes(): ReadonlyMap<Signal, ExportOutcome> | undefined {
    let total = this.#past;
    for (const instance of this.#instances) total = added(total, instance.outcomes());
    return total;
  }
}

function added(
  a: ReadonlyMap<Signal, ExportOutcome> | undefined,
  b: ReadonlyMap<Signal, ExportOutcome> | undefined,
): ReadonlyMap<Signal, ExportOutcome> | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const total = new Map(a);
  for (const [signal, { sent, failed, notQueued }] of b) {
    const before = total.get(signal) ?? { sent: 0, failed: 0, notQueued: 0 };
    total.set(signal, {
      sent: before.sent + sent,
      failed: before.failed + failed,
      notQueued: before.notQueued + notQueued,
    });
  }
  return total;
}

/** The accounts of an agent. Those of removed components stay: what they lost must not be forgotten. */
export class Books {
  readonly #accounts = new Map<string, Account>();

  of(id: ComponentId, pipeline: string | undefined): Account {
    const key = keyOf(id, pipeline);
    const account = this.#accounts.get(key) ?? new Account(id, pipeline);
    this.#accounts.set(key, account);
    return account;
  }

  all(): readonly Account[] {
    return [...this.#accounts.values()];
  }

  /** Closes accounts that were never used. */
  tidy(): void {
    for (const [key, account] of this.#accounts) if (account.isBlank()) this.#accounts.delete(key);
  }
}

/** What names a component instance in an agent: `exporter/otlp/2`, `processor/batch@metrics`. */
export function keyOf(id: ComponentId, pipeline: string | undefined): string {
  return `${id.kind}/${id}${pipeline === undefined ? '' : `@${pipeline}`}`;
}
