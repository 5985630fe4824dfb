import { z } from 'zod';
import { duration, parseDuration } from '../../config-types.ts';
import { extensionId } from '../../extension-id.ts';

const SIZERS = ['requests', 'items', 'bytes'] as const;

/** What sizes of queues and batches count. */
export type Sizer = (typeof SIZERS)[number];

/** `sending_queue:` with the Collector's keys, defaults and checks. An empty body is the default. */
export function sendingQueueSettings() {
  const settings = z
    .strictObject({
      enabled: z
        .boolean()
        .default(true)
        .describe('Whether requests wait in a queue. false: senders wait until their data was delivered.'),
      num_consumers: positive('num_consumers').default(10).describe('Requests that are on their way at a time.'),
      queue_size: positive('queue_size')
        .default(1000)
        .describe(
          'What the queue holds at most, those on their way included, in units of sizer. More is refused; in bytes the last request may go over it.',
        ),
      sizer: sizer().default('requests').describe('What queue_size counts: requests, items or bytes (not compressed).'),
      block_on_overflow: z
        .boolean()
        .default(false)
        .describe('Whether senders wait for room in a full queue instead of being refused.'),
      wait_for_result: z
        .boolean()
        .default(false)
        .describe('Whether senders wait until their data was delivered, and get its error.'),
      storage: extensionId()
        .nullish()
        .describe('Id of a storage extension, for example file_storage: the queue then outlives the process.'),
      batch: batchSettings().describe('Joins requests before they are sent. Absent: they are sent as they came.'),
    })
    .transform(withBatchSizer)
    .superRefine(checkQueue);
  return z.preprocess((written) => unlessOff(written, ['num_consumers', 'queue_size']), settings).prefault({});
}

/** `retry_on_failure:` with the Collector's keys, defaults and checks. */
export function retrySettings() {
  const settings = z
    .strictObject({
      enabled: z.boolean().default(true).describe('Whether what failed for now is sent again.'),
      initial_interval: duration().prefault('5s').describe('Wait before the first retry.'),
      randomization_factor: z
        .number()
        .min(0, "'randomization_factor' must be within [0, 1]")
        .max(1, "'randomization_factor' must be within [0, 1]")
        .default(0.5)
        .describe('Each wait is longer or shorter by up to this share, at random. 0: none is.'),
      multiplier: z
        .number()
        .min(0, "'multiplier' must be non-negative")
        .default(1.5)
        .describe('Each wait is so many times the one before.'),
      max_interval: duration().prefault('30s').describe('Waits grow up to this, before their random share.'),
      max_elapsed_time: duration()
        .prefault('300s')
        .describe(
          'When a request could be tried again only later than this after its first try, it is given up. 0: never.',
        ),
    })
    .superRefine(checkRetry);
  return z.preprocess((written) => unlessOff(written, RETRY_SIZES), settings).prefault({});
}

/** `timeout:` of one attempt, in ms; 0 is none. The Collector's defaults are 5s for gRPC, 30s for HTTP. */
export function timeoutSettings(otherwise: string) {
  return duration().prefault(otherwise).describe('How long one attempt to send may take. 0: for ever.');
}

export type SendingQueueSettings = z.output<ReturnType<typeof sendingQueueSettings>>;
export type RetrySettings = z.output<ReturnType<typeof retrySettings>>;
export type RequestBatchSettings = NonNullable<SendingQueueSettings['batch']>;

function batchSettings() {
  return z
    .strictObject({
      flush_timeout: duration()
        .refine((ms) => ms > 0, '`flush_timeout` must be positive')
        .prefault('200ms')
        .describe('What was taken from the queue is sent after this time, whatever its size.'),
      min_size: size('min_size').default(8192).describe('A batch is sent as soon as it has this size.'),
      max_size: size('max_size')
        .default(0)
        .describe('Larger requests are split, and batches do not grow beyond it. 0: no limit.'),
      sizer: z
        .enum(['items', 'bytes'], {
          error: ({ input }) => `\`batch\` supports only \`items\` or \`bytes\` sizer, found ${JSON.stringify(input)}`,
        })
        .optional()
        .describe('What min_size and max_size count: items or bytes. Default: that of the queue, else items.'),
    })
    .superRefine(({ min_size, max_size }, context) => {
      if (max_size === 0 || max_size >= min_size) return;
      const message = `\`max_size\` (${max_size}) must be greater or equal to \`min_size\` (${min_size})`;
      context.addIssue({ code: 'custom', path: ['max_size'], message });
    })
    .optional();
}

interface Sized {
  readonly sizer: Sizer;
  readonly batch?: z.output<ReturnType<typeof batchSettings>>;
}

/** A batch counts what the queue counts, unless it says otherwise or the queue counts requests. */
function withBatchSizer<T extends Sized>({ batch, ...queue }: T) {
  const sizer = batch?.sizer ?? (queue.sizer === 'bytes' ? 'bytes' : 'items');
  return { ...queue, batch: batch ? { ...batch, sizer } : undefined };
}

type Queue = ReturnType<typeof withBatchSizer> & { readonly queue_size: number } & {
  readonly storage?: string | null | undefined;
  readonly enabled: boolean;
  readonly wait_for_result: boolean;
};

function checkQueue(queue: Queue, context: z.RefinementCtx): void {
  const { enabled, storage, wait_for_result, batch, sizer, queue_size } = queue;
  if (!enabled) return;
  const refuse = (path: string[], message: string): void => context.addIssue({ code: 'custom', path, message });
  if (storage != null && wait_for_result) {
    refuse(['wait_for_result'], '`wait_for_result` is not supported with a persistent queue configured with `storage`');
  }
  if (batch !== undefined && batch.sizer === sizer && batch.min_size > queue_size) {
    refuse(['batch', 'min_size'], '`min_size` must be less than or equal to `queue_size`');
  }
}

type Retry = {
  readonly enabled: boolean;
  readonly initial_interval: number;
  readonly max_interval: number;
  readonly max_elapsed_time: number;
};

function checkRetry({ enabled, initial_interval, max_interval, max_elapsed_time }: Retry, context: z.RefinementCtx) {
  if (!enabled || max_elapsed_time === 0) return;
  for (const [key, value] of Object.entries({ initial_interval, max_interval })) {
    if (max_elapsed_time >= value) continue;
    const message = `'max_elapsed_time' must not be less than '${key}'`;
    context.addIssue({ code: 'custom', path: ['max_elapsed_time'], message });
  }
}

const RETRY_SIZES = [
  ...['initial_interval', 'max_interval', 'max_elapsed_time'],
  ...['randomization_factor', 'multiplier'],
] as const;

/** What is written, without these keys where `enabled: false` stands: like the Collector, it takes any number or time span there. */
function unlessOff(written: unknown, keys: readonly string[]): unknown {
  if (typeof written !== 'object' || written === null || !('enabled' in written) || written.enabled !== false) {
    return written;
  }
  const isSize = (value: unknown): boolean =>
    typeof value === 'number' || (typeof value === 'string' && parseDuration(value) !== undefined);
  return Object.fromEntries(Object.entries(written).filter(([key, value]) => !keys.includes(key) || !isSize(value)));
}

function sizer() {
  return z.enum(SIZERS, {
    error: ({ input }) => `invalid sizer: ${JSON.stringify(input)}; use requests, items or bytes`,
  });
}

function positive(key: string) {
  return z.int().min(1, `\`${key}\` must be positive`);
}

function size(key: string) {
  return z.int().min(0, `\`${key}\` must be non-negative`);
}
