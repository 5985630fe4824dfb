import type { Scope } from 'bpflow/sdk';
import type { LogStore, LogStoreEvents } from './log/log-store.ts';
import type { Damage } from './log/recover.ts';

/** Counts, logs and reports what happens to the clients of one storage. */
export class StorageTelemetry {
  readonly #scope: Scope;
  readonly #open: ReadonlyMap<string, LogStore>;
  readonly #damagedRecords;
  readonly #damagedBytes;
  readonly #failures;
  readonly #damage = new Map<string, { records: number; bytes: number }>();
  /** What fails, by client, since the last time it worked. */
  readonly #failing = new Map<string, string>();

  constructor(scope: Scope, open: ReadonlyMap<string, LogStore>) {
    this.#scope = scope;
    this.#open = open;
    const { meter } = scope;
    this.#damagedRecords = meter.createCounter('bpflow_storage_damaged_records', {
      description: 'Stored records that could not be read back.',
      unit: '{records}',
    });
    this.#damagedBytes = meter.createCounter('bpflow_storage_damaged_bytes', {
      description: 'Stored bytes that could not be read back.',
      unit: 'By',
    });
    this.#failures = meter.createCounter('bpflow_storage_failed_operations', {
      description: 'Operations of the storage that failed, by operation and error.',
      unit: '{operations}',
    });
    meter
      .createObservableGauge('bpflow_storage_size', { description: 'Bytes on disk.', unit: 'By' })
      .addCallback((result) => {
        for (const [client, store] of open) result.observe(store.size.bytes, this.#attributes(client));
      });
    meter
      .createObservableGauge('bpflow_storage_live_size', {
        description: 'Bytes of values that are stored.',
        unit: 'By',
      })
      .addCallback((result) => {
        for (const [client, store] of open) result.observe(store.size.liveBytes, this.#attributes(client));
      });
    scope.inspect('clients', () =>
      [...open].map(([client, store]) => ({
        client,
        ...store.size,
        files: store.files,
        damaged: this.#damage.get(client) ?? { records: 0, bytes: 0 },
        failing: this.#failing.get(client),
      })),
    );
  }

  /** What a client's store tells. */
  eventsOf(client: string): LogStoreEvents {
    return {
      damaged: (damage) => this.#damaged(client, damage),
      failed: (operation, error) => this.#failed(client, operation, error),
      written: () => this.#worked(client),
    };
  }

  closed(client: string): void {
    this.#worked(client);
  }

  #attributes(client: string): Record<string, string> {
    return { storage: this.#scope.id.toString(), client };
  }

  #damaged(client: string, { file, records, bytes, torn }: Damage): void {
    const attributes = this.#attributes(client);
    this.#damagedRecords.add(records, attributes);
    this.#damagedBytes.add(bytes, attributes);
    const sum = this.#damage.get(client) ?? { records: 0, bytes: 0 };
    this.#damage.set(client, { records: sum.records + records, bytes: sum.bytes + bytes });
    this.#scope.log.warn(
      torn ? 'The end of stored data was torn. It is skipped.' : 'Stored data is damaged. It is skipped.',
      { client, file, records, bytes },
    );
  }

  #failed(client: string, operation: string, error: NodeJS.ErrnoException): void {
    this.#failures.add(1, { ...this.#attributes(client), operation, error: error.code ?? error.name });
    const reason = `${client}: cannot ${operation}: ${error.message}`;
    const known = this.#failing.get(client);
    this.#failing.set(client, reason);
    if (known === reason) return;
    this.#scope.log.error('The storage failed.', { client, operation, error: error.message });
    this.report();
  }

  #worked(client: string): void {
    if (!this.#failing.delete(client)) return;
    if (this.#open.has(client)) this.#scope.log.info('The storage works again.', { client });
    this.report();
  }

  report(): void {
    if (this.#failing.size === 0) this.#scope.health({ state: 'ok', summary: 'Stores.' });
    else
      this.#scope.health({
        state: 'degraded',
        summary: 'Writing or reading fails.',
        details: [...this.#failing.values()],
      });
  }
}
