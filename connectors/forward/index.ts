import { type Batch, defineConnector, type Outlets, SIGNALS, type Signal, z } from 'bpflow/sdk';

export default defineConnector({
  type: 'forward',
  stability: 'beta',
  description: 'Hands what one pipeline exports to another pipeline of the same signal.',
  config: z.strictObject({}),
  connects: SIGNALS.map((signal) => ({ from: signal, to: signal })),
  create(_config, _scope, next) {
    const consume = (batch: Batch, abort: AbortSignal) => forward(next, batch, abort);
    return { consume: Object.fromEntries(SIGNALS.map((signal) => [signal, consume])) };
  },
});

function forward(next: Outlets, batch: Batch, abort: AbortSignal): void | Promise<void> {
  const signal: Signal = batch.signal;
  return next[signal]?.consume(batch as never, abort);
}
