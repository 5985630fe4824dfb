import { type Bits56, type Consumer, type Processor, type Scope, StartError } from 'bpflow/sdk';
import type { SamplingConfig } from './config.ts';
import { LOG_ROWS, type RowBatch, type Rows, SPAN_ROWS } from './rows.ts';
import { RuleSampler } from './rules.ts';
import { createTailProcessor } from './tail.ts';
import { samplingTelemetry } from './telemetry.ts';

/** Keeps some of the records and spans and says on them for how many they stand. Metrics pass untouched. */
export function createSamplingProcessor(
  config: SamplingConfig,
  scope: Scope,
  _next?: unknown,
  draw: () => Bits56 = randomBits,
): Processor {
  if (config.tail !== undefined) {
    if (/^logs(?:\/|$)/.test(scope.pipeline ?? '')) {
      throw new StartError(
        `${scope.id} stands in the pipeline ${scope.pipeline}: tail is for traces. Give logs rules.`,
      );
    }
    return createTailProcessor(config.tail, config.keep, scope);
  }
  const logs = sampled(config, LOG_ROWS, scope, draw);
  const traces = sampled(config, SPAN_ROWS, scope, draw);
  scope.inspect('state', () => ({ logs: logs.view(), traces: traces.view() }));
  return {
    consume: {
      metrics: (batch, next, abort) => next.consume(batch, abort),
      logs: logs.consume,
      traces: traces.consume,
    },
  };
}

/** What follows must have taken the kept items before the rest counts as dropped: otherwise the batch comes again. */
function sampled<B extends RowBatch>(config: SamplingConfig, rows: Rows<B>, scope: Scope, draw: () => Bits56) {
  const sampler = new RuleSampler(config, rows, scope, draw);
  const enter = samplingTelemetry(scope, rows.signal);
  scope.meter
    .createObservableGauge('bpflow_sampling_owed_items', {
      description: 'Items that a rate limit has dropped and for which no kept one stands yet.',
      unit: '{item}',
    })
    .addCallback((result) => {
      const attributes = { processor: String(scope.id), signal: rows.signal };
      for (const [rule, items] of sampler.owed()) result.observe(items, { ...attributes, rule });
    });
  return {
    view: () => sampler.view(),
    consume(batch: B, next: Consumer<B>, abort: AbortSignal): void | Promise<void> {
      const { kept, counts, takeBack } = sampler.decide(batch);
      if (kept === undefined) return enter(counts);
      let outcome: void | Promise<void>;
      try {
        outcome = next.consume(kept, abort);
      } catch (thrown) {
        takeBack();
        throw thrown;
      }
      if (outcome === undefined) return enter(counts);
      return outcome.then(
        () => enter(counts),
        (thrown: unknown) => {
          takeBack();
          throw thrown;
        },
      );
    },
  };
}

function randomBits(): Bits56 {
  return { high: Math.floor(Math.random() * 2 ** 28), low: Math.floor(Math.random() * 2 ** 28) };
}
