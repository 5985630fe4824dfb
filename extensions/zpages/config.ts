import { endpoint, z } from 'bpflow/sdk';

/** Configuration of the `zpages` extension: the Collector's endpoint, and a switch of ours. */
export const zpagesConfig = z.strictObject({
  endpoint: endpoint()
    .prefault('localhost:55679')
    .describe('Address that serves the pages. Only this machine can reach the default.'),
  profiling: z
    .boolean()
    .default(true)
    .describe('Whether CPU and heap profiles can be taken. They name functions, and hold no data.'),
  expvar: z
    .strictObject({
      enabled: z.boolean().default(false).describe('Accepted as in the Collector, which is written in Go.'),
    })
    .prefault({})
    .describe('Accepted as in the Collector, without effect.'),
});

export type ZpagesConfig = z.output<typeof zpagesConfig>;
