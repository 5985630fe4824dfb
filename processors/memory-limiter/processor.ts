import {
  type Batch,
  type Consumer,
  countItems,
  ITEM_NAMES,
  type Processor,
  RetryableError,
  type Scope,
  SIGNALS,
  type Signal,
  type Timer,
} from 'bpflow/sdk';
import { limitsOf, type MemoryLimiterConfig } from './config.ts';
import { Limiter } from './limiter.ts';
import { type Memory, processMemory } from './memory.ts';

const MIB = 2 ** 20;

/** Passes data on, and refuses it while too much memory is in use. It holds nothing. */
export function createMemoryLimiter(
  config: MemoryLimiterConfig,
  scope: Scope,
  _next?: unknown,
  memory: Memory = processMemory(),
): Processor {
  const limits = limitsOf(config, memory.total());
  const limiter = new Limiter(config, limits, memory, scope);
  const count = counters(scope);
  let timer: Timer | undefined;
  const consume = (batch: Batch, next: Consumer<never>, abort: AbortSignal): void | Promise<void> => {
    const items = countItems(batch);
    const outcome = next.consume(batch as never, abort);
    if (outcome === undefined) return count('accepted', batch.signal, items);
    return outcome.then(() => count('accepted', batch.signal, items));
  };
  return {
    consume: { metrics: consume, logs: consume, traces: consume, profiles: consume },
    refusal: () =>
      limiter.refusing
        ? new RetryableError('data refused due to high memory usage', { retryAfterMs: config.check_interval })
        : undefined,
    refused: (items, signal) => count('refused', signal, items),
    start() {
      scope.log.info('Memory limiter configured.', {
        limit_mib: Math.floor(limits.hard / MIB),
        spike_limit_mib: Math.floor((limits.hard - limits.soft) / MIB),
        check_interval: config.check_interval / 1000,
      });
      limiter.reportOk();
      limiter.check();
      timer = scope.clock.every(config.check_interval, () => limiter.check());
    },
    stop: () => timer?.cancel(),
  };
}

/** The Collector's counters of this processor. */
function counters(scope: Scope): (outcome: 'accepted' | 'refused', signal: Signal, items: number) => void {
  const attributes = { processor: String(scope.id) };
  const counter = (outcome: string, signal: Signal) => {
    const { key, text } = ITEM_NAMES[signal];
    return scope.meter.createCounter(`otelcol_processor_memory_limiter_${outcome}_${key}`, {
      description: `Number of ${text} ${outcome} by the memory limiter.`,
      unit: `{${key.slice(0, -1)}}`,
    });
  };
  const all = (outcome: string) => new Map(SIGNALS.map((signal) => [signal, counter(outcome, signal)]));
  const counters = { accepted: all('accepted'), refused: all('refused') };
  return (outcome, signal, items) => counters[outcome].get(signal)!.add(items, attributes);
}
