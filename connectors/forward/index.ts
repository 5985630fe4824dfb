import { type Batch, defineConnector, type Outlets, type Signal, z } from 'bpflow/sdk';

export default defineConnector({
  type: 'forward',
  stability: 'beta',
  description: 'Hands what one pipeline exports to another pipeline of the same signal.',
  config: z.strictObject({}),
  connects: [
    { from: 'metrics', to: 'metrics' },
    { from: 'logs', to: 'logs' },
    { from: 'traces', to: 'traces' },
  ],
  create: (_config, _scope, next) => ({
    consume: {
      metrics: (batch, abort) => forward(next, batch, abort),
      logs: (batch, abort) => forward(next, batch, abort),
      traces: (batch, abort) => forward(next, batch, abort),
    },
  }),
});

function forward(next: Outlets, batch: Batch, abort: AbortSignal): void | Promise<void> {
  const signal: Signal = batch.signal;
  return next[signal]?.consume(batch as never, abort);
}
