import {
  type AttributeReport,
  CardinalityLimiter,
  type CardinalityOptions,
  ColumnLimiter,
  type Consumer,
  compileGlob,
  type LimitedBatch,
  type LogBatch,
  type MetricBatch,
  type MetricLimit,
  type Scope,
  type SpanBatch,
  type StatefulProcessor,
  type Timer,
} from 'bpflow/sdk';
import type { CardinalityLimitConfig } from './config.ts';
import { attributeLimits } from './rewrite.ts';
import { observe } from './telemetry.ts';

/** How often places of what is idle are freed and the largest may take names. */
const TICK_MS = 10_000;

/** Keeps the number of series and values bounded; see `CardinalityLimiter` for what becomes of the points. */
export function createCardinalityLimit(config: CardinalityLimitConfig, scope: Scope): StatefulProcessor {
  const { clock, items } = scope;
  const limiter = new CardinalityLimiter(optionsOf(config));
  const logs = columnLimiter(config.logs, config);
  const spans = columnLimiter(config.spans, config);
  const limited = once((batch: MetricBatch) => limiter.limit(batch, { ms: clock.monotonic(), ns: clock.now() }));
  const limitedLogs = once((batch: LogBatch) => withColumns(batch, logs, clock.monotonic()));
  const limitedSpans = once((batch: SpanBatch) => withColumns(batch, spans, clock.monotonic()));
  observe(scope, () => ({
    series: limiter.series,
    metrics: limiter.report(),
    logs: logs?.report() ?? [],
    spans: spans?.report() ?? [],
  }));
  let timer: Timer | undefined;
  return {
    consume: {
      metrics(batch, next, abort) {
        const result = limited(batch);
        return handOn(result.batch, next, abort, () => declare(result));
      },
      logs: (batch, next, abort) => next.consume(limitedLogs(batch), abort),
      traces: (batch, next, abort) => next.consume(limitedSpans(batch), abort),
    },
    start() {
      timer = clock.every(TICK_MS, () => {
        const now = clock.monotonic();
        limiter.tick(now);
        logs?.tick(now);
        spans?.tick(now);
      });
    },
    stop: () => timer?.cancel(),
  };

  function declare({ merged, created, dropped }: LimitedBatch): void {
    for (const [reason, count] of Object.entries(dropped)) if (count > 0) items.dropped(count, reason);
    if (merged > 0) items.merged(merged);
    if (created > 0) items.created(created, 'ended');
  }
}

/** Nothing is declared before what follows has accepted. */
function handOn<B>(
  batch: B | undefined,
  next: Consumer<B>,
  abort: AbortSignal,
  accepted: () => void,
): void | Promise<void> {
  const outcome = batch === undefined ? undefined : next.consume(batch, abort);
  return outcome === undefined ? accepted() : outcome.then(accepted);
}

/** What the views and metrics of the processor show. */
export interface Report {
  readonly series: number;
  readonly metrics: ReturnType<CardinalityLimiter['report']>;
  readonly logs: readonly AttributeReport[];
  readonly spans: readonly AttributeReport[];
}

function optionsOf(config: CardinalityLimitConfig): CardinalityOptions {
  const overflowValue = config.overflow_value;
  const rest: MetricLimit = {
    maxSeries: config.max_series,
    strategy: config.strategy,
    gauges: config.gauges,
    attributes: new Map(),
  };
  const limits = config.limits.map(({ metric, max_series, strategy, gauges, attributes }) => ({
    glob: compileGlob(metric),
    limit: {
      maxSeries: max_series ?? rest.maxSeries,
      strategy: strategy ?? rest.strategy,
      gauges: gauges ?? rest.gauges,
      attributes: attributeLimits(attributes, overflowValue),
    },
  }));
  return {
    limitOf: (names) => limits.find(({ glob }) => names.some((name) => glob.test(name)))?.limit ?? rest,
    maxSeriesPerResource: config.max_series_per_resource ?? Number.POSITIVE_INFINITY,
    maxTotalSeries: config.max_total_series,
    maxMetrics: config.max_metrics,
    maxGaugeSources: config.max_gauge_sources,
    idleTimeoutMs: config.idle_timeout,
    overflowValue,
  };
}

function columnLimiter(
  { attributes }: CardinalityLimitConfig['logs'],
  { strategy, idle_timeout, overflow_value }: CardinalityLimitConfig,
): ColumnLimiter | undefined {
  if (Object.keys(attributes).length === 0) return undefined;
  return new ColumnLimiter({
    attributes: attributeLimits(attributes, overflow_value),
    strategy,
    idleTimeoutMs: idle_timeout,
    overflowValue: overflow_value,
  });
}

function withColumns<B extends LogBatch | SpanBatch>(batch: B, limiter: ColumnLimiter | undefined, now: number): B {
  if (limiter === undefined) return batch;
  const attributes = limiter.limit(batch.attributes, batch.length, now);
  return attributes === batch.attributes ? batch : { ...batch, attributes };
}

/** A batch that was refused downstream and is offered again must not be counted again: it gets the first answer. */
function once<B extends object, R>(work: (batch: B) => R): (batch: B) => R {
  const answers = new WeakMap<B, R & object>();
  return (batch) => {
    const known = answers.get(batch);
    if (known !== undefined) return known;
    const answer = work(batch);
    if (typeof answer === 'object' && answer !== null) answers.set(batch, answer);
    return answer;
  };
}
