import { setInterval } from 'node:timers';
import {
  type Component,
  type Consumer,
  defineExporter,
  defineProcessor,
  type MetricBatch,
  type Scope,
  z,
} from '../../index.ts';
import { describeCompliance } from '../index.ts';

/** Components that each break one rule of the contract. The battery's own test runs this file and reads what failed. */
const config = z.strictObject({});
const base = { stability: 'development', description: 'Breaks a rule.', config } as const;

describeCompliance(
  defineProcessor({
    ...base,
    type: 'loose_schema',
    config: z.object({ size: z.int().default(1) }),
    consumes: [],
    create: () => ({ transform: {} }),
  }),
);

describeCompliance(
  defineExporter({
    ...base,
    type: 'leaves_handles',
    consumes: [],
    create: (_, scope: Scope) => ({
      consume: {},
      start() {
        setInterval(() => {}, 1000);
        scope.clock.every(1000, () => {});
      },
    }),
  }),
);

describeCompliance(
  defineExporter({
    ...base,
    type: 'begins_early',
    consumes: [],
    create(_, scope: Scope) {
      const timer = scope.clock.every(1000, () => {});
      return { consume: {}, stop: () => timer.cancel() };
    },
  }),
);

describeCompliance(
  defineExporter({
    ...base,
    type: 'needs_start',
    consumes: [],
    create() {
      let open: { close(): void } | undefined;
      return {
        consume: {},
        start: () => {
          open = { close: () => {} };
        },
        stop() {
          (open as { close(): void }).close();
          open = undefined;
        },
      } satisfies Component & { consume: object };
    },
  }),
);

describeCompliance(
  defineProcessor({
    ...base,
    type: 'loses_items',
    consumes: ['metrics'],
    create: () => ({ consume: { metrics: () => {} } }),
  }),
);

describeCompliance(
  defineProcessor({
    ...base,
    type: 'writes_columns',
    consumes: ['metrics'],
    create: () => ({
      transform: {
        metrics(batch: MetricBatch) {
          for (const { points } of batch.metrics) if ('sums' in points) points.sums[0] = 0;
          return batch;
        },
      },
    }),
  }),
);

describeCompliance(
  defineProcessor({
    ...base,
    type: 'throws_anything',
    consumes: ['metrics'],
    create: () => ({
      consume: {
        metrics() {
          throw new TypeError('No such thing.');
        },
      },
    }),
  }),
);

describeCompliance(
  defineProcessor({
    ...base,
    type: 'swallows_refusals',
    consumes: ['metrics'],
    create: () => ({
      consume: {
        async metrics(batch: MetricBatch, next: Consumer<MetricBatch>, abort: AbortSignal) {
          try {
            await next.consume(batch, abort);
          } catch {}
        },
      },
    }),
  }),
);

describeCompliance(
  defineProcessor({
    ...base,
    type: 'multiplies',
    consumes: ['metrics'],
    create: () => ({
      transform: { metrics: (batch: MetricBatch) => ({ ...batch, metrics: [...batch.metrics, ...batch.metrics] }) },
    }),
  }),
);
