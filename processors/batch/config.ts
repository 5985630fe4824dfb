import { duration, z } from 'bpflow/sdk';

/** Configuration of the `batch` processor: the Collector's keys and defaults. */
export const batchConfig = z
  .strictObject({
    timeout: duration()
      .prefault('200ms')
      .describe('How long an item waits at most for its batch to fill. 0 sends everything at once.'),
    send_batch_size: z
      .int()
      .min(0)
      .max(4294967295)
      .default(8192)
      .describe(
        'A batch is sent as soon as it has so many items: data points, log records, spans. 0 sends everything at once.',
      ),
    send_batch_max_size: z
      .int()
      .min(0)
      .max(4294967295)
      .default(0)
      .describe('Larger batches are split into pieces of so many items. 0: never.'),
    metadata_keys: z
      .array(z.string())
      .default([])
      .describe(
        'Items go into one batch only where these headers of their requests are alike. The receiver must have include_metadata.',
      ),
    metadata_cardinality_limit: z
      .int()
      .min(0)
      .max(4294967295)
      .default(1000)
      .describe(
        'Most combinations of values of metadata_keys as long as the agent runs; what has a further one is refused. 0: no limit.',
      ),
  })
  .check((context) => {
    const { send_batch_size, send_batch_max_size, metadata_keys } = context.value;
    if (send_batch_max_size > 0 && send_batch_max_size < send_batch_size) {
      context.issues.push({
        code: 'custom',
        input: send_batch_max_size,
        path: ['send_batch_max_size'],
        message: 'send_batch_max_size must be greater or equal to send_batch_size',
      });
    }
    const seen = new Set<string>();
    for (const [index, key] of metadata_keys.entries()) {
      const name = key.toLowerCase();
      if (seen.has(name)) {
        context.issues.push({
          code: 'custom',
          input: key,
          path: ['metadata_keys', index],
          message: `duplicate entry in metadata_keys: "${name}" (case-insensitive)`,
        });
      }
      seen.add(name);
    }
  });

export type BatchConfig = z.output<typeof batchConfig>;
