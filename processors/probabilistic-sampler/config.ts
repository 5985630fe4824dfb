import { probabilisticSettings, z } from 'bpflow/sdk';

/** Configuration of the `probabilistic_sampler` processor: the Collector's keys, defaults and checks. */
export const probabilisticSamplerConfig = z.strictObject(probabilisticSettings());

export type ProbabilisticSamplerConfig = z.output<typeof probabilisticSamplerConfig>;
