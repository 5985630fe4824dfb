import {
  type Batch,
  type Consumer,
  type LogBatch,
  type MetricBatch,
  type SpanBatch,
  type StatefulProcessor,
  TemporalityConverter,
  timeAt,
} from 'bpflow/sdk';
import { type FakeScope, fakeScope } from 'bpflow/testing';
import { cardinalityLimitConfig } from '../config.ts';
import spec from '../index.ts';
import type { Report } from '../processor.ts';

/** The processor in a pipeline of its own: what goes in comes out at once. */
export class Limited {
  readonly scope: FakeScope;
  readonly #processor: StatefulProcessor;

  constructor(config: unknown) {
    this.scope = fakeScope('processor', 'cardinality_limit');
    this.#processor = spec.create(cardinalityLimitConfig.parse(config), this.scope, {}) as StatefulProcessor;
    this.#processor.start!();
  }

  /** What comes out; points come when they were made, so the clock is never behind them. */
  metrics(batch: MetricBatch): MetricBatch {
    for (const { points } of batch.metrics) {
      for (let i = 0; i < points.length; i++) {
        const time = timeAt(points.time, i);
        if (time > this.scope.clock.now()) this.scope.clock.set(time);
      }
    }
    return this.offered(batch);
  }

  /** The same at the time that it is. */
  offered(batch: MetricBatch): MetricBatch {
    return this.#through<MetricBatch>(batch) ?? { signal: 'metrics', metrics: [] };
  }

  logs(batch: LogBatch): LogBatch {
    return this.#through<LogBatch>(batch)!;
  }

  spans(batch: SpanBatch): SpanBatch {
    return this.#through<SpanBatch>(batch)!;
  }

  get report(): Report {
    return this.scope.view('cardinality') as Report;
  }

  /** Points whose value of an attribute was replaced, as the processor counts them. */
  folded(metric: string, attribute: string): number {
    const value = this.scope.meter.value('bpflow_cardinality_limit_folded', {
      processor: 'cardinality_limit',
      metric,
      attribute,
    });
    return typeof value === 'number' ? value : 0;
  }

  wait(ms: number): void {
    this.scope.clock.advance(ms);
  }

  stop(): void {
    void this.#processor.stop!();
  }

  #through<B extends Batch>(batch: B): B | undefined {
    let out: B | undefined;
    const next: Consumer<B> = {
      refusal: () => undefined,
      consume(handed) {
        out = handed;
      },
    };
    const consume = this.#processor.consume[batch.signal] as unknown as (
      batch: B,
      next: Consumer<B>,
      abort: AbortSignal,
    ) => void;
    consume(batch, next, new AbortController().signal);
    return out;
  }
}

/** What an exporter that wants cumulative values makes of batches; series are kept for good. */
export function cumulative(): TemporalityConverter {
  return new TemporalityConverter({ to: 'cumulative', idleTimeoutMs: Number.MAX_SAFE_INTEGER });
}
