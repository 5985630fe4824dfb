import {
  type ColumnBatch,
  type Consumer,
  clientOf,
  countItems,
  type Processor,
  RetryableError,
  type Scope,
  Sender,
  setClient,
} from 'bpflow/sdk';
import type { BatchConfig } from './config.ts';
import { Gatherer } from './gatherer.ts';
import { Gatherers } from './gatherers.ts';
import { batchTelemetry } from './telemetry.ts';

/**
 * Most items held while what follows is slow, in batches of the configured size. It takes only that long until the
 * senders feel it, and what they hold on to is not lost with this process.
 */
const MAX_HELD_BATCHES = 4;
/** What counts as a batch's size for the bound where none is configured. */
const USUAL_BATCH_SIZE = 8192;

/**
 * Gathers items: see {@link Gatherer}. It accepts at once. Batches leave one after the other. A batch that is refused for now is
 * kept and offered again, and until it has gone nothing new is accepted, so what is held stays bounded and the senders keep
 * the rest.
 */
export function createBatchProcessor(config: BatchConfig, scope: Scope): Processor {
  const sender = new Sender(scope);
  const gatherers = new Gatherers(config, (metadata) => {
    return new Gatherer(config, scope.clock, (batch, trigger) => {
      // A single batch is handed on as it came, and others may have it too.
      if (metadata !== undefined && clientOf(batch) === undefined) setClient(batch, { metadata });
      sent(trigger, countItems(batch));
      sender.send(batch);
    });
  });
  const sent = batchTelemetry(scope, () => gatherers.size);
  const maxHeld = MAX_HELD_BATCHES * Math.max(config.send_batch_size, config.send_batch_max_size, USUAL_BATCH_SIZE);
  const held = (): number => gatherers.items + sender.held;
  const refusal = (): RetryableError | undefined => {
    if (sender.blockedBy !== undefined) return sender.blockedBy;
    if (held() < maxHeld) return undefined;
    return new RetryableError(`it holds ${held()} items, because what follows is slow`);
  };
  const consume = (batch: ColumnBatch, next: Consumer<never>): void => {
    const refused = refusal();
    if (refused !== undefined) throw refused;
    const items = countItems(batch);
    if (items === 0) return;
    sender.next = next as Consumer<ColumnBatch>;
    gatherers.of(batch).add(batch, items);
  };
  /** Resolves when what was held is gone, or when it was refused and has to wait. */
  const flush = async (): Promise<void> => {
    for (const gatherer of gatherers) gatherer.release('timeout');
    await sender.attempt();
  };
  return {
    consume: { metrics: consume, logs: consume, traces: consume },
    refusal,
    flush,
    async stop() {
      await flush();
      sender.close();
    },
    held,
  };
}
