import type { Batch, Exporter, LogFields, Scope } from 'bpflow/sdk';
import type { DebugConfig } from './config.ts';
import { describeLogs, logCounts } from './logs.ts';
import { describeMetrics, metricCounts } from './metrics.ts';
import { describeProfiles, profileCounts } from './profiles.ts';
import { Sampler } from './sampler.ts';
import { describeSpans, spanCounts } from './traces.ts';

/** Shows batches as the Collector's `debug` exporter does: a line with the counts, then a text with the items. */
export function createDebugExporter(
  config: DebugConfig,
  scope: Pick<Scope, 'log' | 'clock'>,
  print: (text: string) => void = (text) => {
    for (const path of new Set(config.output_paths)) process[path].write(text);
  },
): Exporter {
  const show = (message: string, fields?: LogFields): void => {
    if (config.use_internal_logger) scope.log.info(message, fields);
    else print(fields === undefined ? `${message}\n` : `${message}\t${JSON.stringify(fields)}\n`);
  };
  const shower = <B extends Batch>(
    title: string,
    counts: (batch: B) => LogFields,
    describe: (batch: B, detailed: boolean) => string,
  ): ((batch: B) => void) => {
    const sampler = new Sampler(config.sampling_initial, config.sampling_thereafter);
    return (batch) => {
      if (!sampler.take(scope.clock.monotonic())) return;
      show(title, counts(batch));
      if (config.verbosity !== 'basic') show(describe(batch, config.verbosity === 'detailed'));
    };
  };
  return {
    consume: {
      metrics: shower('Metrics', metricCounts, describeMetrics),
      logs: shower('Logs', logCounts, describeLogs),
      traces: shower('Traces', spanCounts, describeSpans),
      profiles: shower('Profiles', profileCounts, describeProfiles),
    },
  };
}
