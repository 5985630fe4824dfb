import {
  type LogBatch,
  LogItems,
  Marks,
  markLogs,
  markSpans,
  ProbabilisticSampler,
  type Scope,
  type SpanBatch,
  SpanItems,
  selectLogs,
  selectSpans,
  type TransformProcessor,
  type Verdict,
} from 'bpflow/sdk';
import type { ProbabilisticSamplerConfig } from './config.ts';

/** Keeps what the Collector's processor of this name keeps, and writes on it what that writes. */
export function createProbabilisticSampler(config: ProbabilisticSamplerConfig, scope: Scope): TransformProcessor {
  const logs = new ProbabilisticSampler(config, 'logs');
  const spans = new ProbabilisticSampler(config, 'traces');
  const logItems = new LogItems(config);
  const spanItems = new SpanItems();
  const countLogs = counter(scope, 'logs');
  const countSpans = counter(scope, 'traces');
  if (config.sampling_percentage === 0) {
    scope.log.warn('Everything is dropped, because sampling_percentage is 0.');
  }
  return {
    transform: {
      logs(batch: LogBatch) {
        const marks = new Marks();
        const kept = selectLogs(batch, (row) => countLogs(logs.decide(logItems.move(batch, row)), marks));
        countLogs.enter();
        return kept && markLogs(kept, marks);
      },
      traces(batch: SpanBatch) {
        const marks = new Marks();
        const kept = selectSpans(batch, (row) => countSpans(spans.decide(spanItems.move(batch, row)), marks));
        countSpans.enter();
        return kept && markSpans(kept, marks);
      },
    },
  };
}

/** Takes down verdicts and marks, and enters them in the Collector's counter and in the ledger once a batch is through. */
function counter(scope: Scope, signal: 'logs' | 'traces') {
  const instrument = scope.meter.createCounter(`otelcol_processor_probabilistic_sampler_count_${signal}_sampled`, {
    description: `Count of ${signal} that were sampled or not.`,
    unit: '1',
  });
  const processor = String(scope.id);
  const kept = new Map<string, number>();
  const dropped = new Map<string, number>();
  let faulty = 0;
  let lost = 0;
  const take = ({ isKept, isFaulty, policy, threshold, randomness }: Verdict, marks: Marks): boolean => {
    const counts = isKept ? kept : dropped;
    counts.set(policy, (counts.get(policy) ?? 0) + 1);
    if (isKept) marks.add(threshold, randomness);
    else {
      lost++;
      if (isFaulty) faulty++;
    }
    return isKept;
  };
  const enter = (): void => {
    for (const [policy, count] of kept) instrument.add(count, { processor, policy, sampled: 'true' });
    for (const [policy, count] of dropped) instrument.add(count, { processor, policy, sampled: 'false' });
    scope.items.dropped(faulty, 'sampling_error');
    scope.items.dropped(lost - faulty, 'sampled_out');
    kept.clear();
    dropped.clear();
    faulty = 0;
    lost = 0;
  };
  return Object.assign(take, { enter });
}
