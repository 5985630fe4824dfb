import {
  type Batch,
  type Exporter,
  HOST_MEMORY,
  RetryableError,
  type Scope,
  splitBatch,
  WrittenLists,
} from 'bpflow/sdk';
import { BufferBudget } from './buffer-budget.ts';
import type { FileConfig } from './config.ts';
import { type EncodedMessage, type EncodeRules, encodeBatch, encodeGroups } from './encode.ts';
import { Failures, isTemporary, startError } from './failures.ts';
import { FRAME_BYTES } from './framing.ts';
import { groupPath } from './group-by.ts';
import { MemoryPool } from './memory-pool.ts';
import { MessageWriter, type WriterSettings } from './message-writer.ts';
import { writerEvents } from './telemetry.ts';
import { Writers } from './writers.ts';

/** Writes batches as OTLP to a file, or to one for each value of a resource attribute. */
export function createMessageExporter(config: FileConfig, scope: Scope): Exporter {
  const { clock, log, items } = scope;
  const { group_by: groupBy, path } = config;
  const pool = new MemoryPool();
  const format = config.format === 'proto' ? 'proto' : 'json';
  const rules: EncodeRules = { format, names: config.names ?? 'otel', pool, written: new WrittenLists() };
  const budget = new BufferBudget(config.max_buffer_size);
  const settings = writerSettings(config, scope, budget, pool);
  const failures = new Failures(log, clock, `Writes ${path}.`, (health) => scope.health(health));
  const events = writerEvents(scope, failures);
  const writers = new Writers(groupBy.enabled ? groupBy.max_open_files : 1, (each, isNew) => {
    return new MessageWriter(each, { ...settings, append: config.append || !isNew }, events);
  });
  const failing = (): boolean => writers.all.some(({ failure }) => failure !== undefined);

  const messagesOf = (batch: Batch): readonly EncodedMessage[] => {
    if (groupBy.enabled) return encodeGroups(batch, groupBy.resource_attribute, rules);
    const message = encodeBatch(batch, rules);
    const limit = config.compression === 'none' ? settings.rotation?.maxBytes : undefined;
    if (limit === undefined || message.bytes + FRAME_BYTES <= limit || message.items < 2) return [message];
    const pieces = splitBatch(batch.signal, batch, Math.ceil(message.items / 2));
    return pieces.length === 1 ? [message] : pieces.flatMap(messagesOf);
  };
  const take = async (messages: readonly EncodedMessage[]): Promise<void> => {
    for (const message of messages) {
      const { group, items: count } = message;
      if (count === 0) continue;
      if (groupBy.enabled && group === undefined) {
        items.dropped(count, 'no_path_segment');
        continue;
      }
      const writer = writers.get(group === undefined ? path : groupPath(path, group));
      (writer instanceof MessageWriter ? writer : await writer).add(message);
    }
    // All of it is taken; who sends faster than the disk writes waits here.
    if (!failing()) await budget.room();
  };
  const refusal = (): RetryableError | undefined => {
    if (!budget.isFull) return undefined;
    const why = failing() ? 'what it writes to cannot be written' : 'the disk is slower than what comes';
    return new RetryableError(`The buffer of ${scope.id} is full: ${why}.`);
  };
  const consume = (batch: Batch): Promise<void> => {
    const refused = refusal();
    return refused === undefined ? take(messagesOf(batch)) : Promise.reject(refused);
  };

  scope.meter
    .createObservableGauge('bpflow_file_buffer_bytes', { description: 'Bytes that wait to be written.', unit: 'By' })
    .addCallback((result) => result.observe(budget.used, { exporter: scope.id.toString() }));
  scope.inspect('files', () =>
    writers.all.map(({ path: each, items: waiting, bytes, failure }) => ({
      path: each,
      waiting,
      bytes,
      failure: failure?.message,
    })),
  );

  let ticker: { cancel(): void } | undefined;
  return {
    wants: `own_${config.temporality}`,
    consume: { metrics: consume, logs: consume, traces: consume, profiles: consume },
    refusal,
    async start() {
      if (!groupBy.enabled) {
        const writer = await writers.get(path);
        await writer.open().catch((error: NodeJS.ErrnoException) => {
          if (!isTemporary(error)) throw startError(path, error);
          writer.failed(error);
        });
      }
      ticker = clock.every(config.flush_interval, () => void writers.flush());
      failures.report();
    },
    flush: () => writers.flush(),
    async stop() {
      ticker?.cancel();
      await writers.close();
    },
    held: () => writers.all.reduce((held, writer) => held + writer.items, 0),
  };
}

function writerSettings(
  config: FileConfig,
  scope: Scope,
  budget: BufferBudget,
  pool: MemoryPool,
): Omit<WriterSettings, 'append'> {
  const { clock } = scope;
  const { rotation, group_by: groupBy } = config;
  const makesDirectories = config.create_directory || groupBy.enabled;
  const permissions = Number.parseInt(config.directory_permissions || '0755', 8);
  return {
    framing: {
      lines: config.format === 'json',
      zstdLevel: config.compression === 'zstd' ? config.compression_params.level : undefined,
    },
    rotation: rotation
      ? {
          maxBytes: rotation.max_megabytes * 1024 * 1024,
          maxDays: rotation.max_days,
          maxBackups: rotation.max_backups,
          localTime: rotation.localtime,
        }
      : undefined,
    directoryMode: makesDirectories ? permissions : rotation ? 0o755 : undefined,
    givesUp: groupBy.enabled,
    clock,
    budget,
    pool,
    memory: scope.find(HOST_MEMORY),
  };
}
