import { z } from 'bpflow/sdk';

/** Configuration of the `debug` exporter: the Collector's keys and defaults. */
export const debugConfig = z.strictObject({
  verbosity: z
    .enum(['basic', 'normal', 'detailed'])
    .default('basic')
    .describe('basic: one line for each batch. normal: about one line for each item. detailed: everything.'),
  sampling_initial: z
    .int()
    .default(2)
    .describe('Batches of each signal that are shown in every second before sampling begins. Less than 0: all.'),
  sampling_thereafter: z
    .int()
    .default(1)
    .describe('After the first ones of a second every so-many-th batch is shown. 1: all. 0 or less: none.'),
  use_internal_logger: z
    .boolean()
    .default(true)
    .describe("true: through the agent's log, with its level and encoding. false: plain text on standard output."),
  output_paths: z
    .array(z.enum(['stdout', 'stderr'], { error: 'must be stdout or stderr; for a file use the exporter file' }))
    .default(['stdout'])
    .describe('Where plain text goes without the internal logger.'),
});

export type DebugConfig = z.output<typeof debugConfig>;
