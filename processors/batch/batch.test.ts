import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  attributeSet,
  type Consumer,
  clientOf,
  countPoints,
  createResource,
  EMPTY_SCOPE,
  gauge,
  type MetricBatch,
  metricBatch,
  NumberPointsBuilder,
  PermanentError,
  RetryableError,
  SeriesInterner,
  type StatefulProcessor,
  setClient,
} from 'bpflow/sdk';
import { fakeScope } from 'bpflow/testing';
import { batchConfig } from './config.ts';
import spec from './index.ts';

const ABORT = new AbortController().signal;

/** A processor under test with what follows it. */
class Pipeline {
  readonly scope = fakeScope('processor', 'batch');
  readonly sent: MetricBatch[] = [];
  /** What the next component does with a batch; it accepts by default. */
  accept: () => void | Promise<void> = () => {};
  readonly processor: StatefulProcessor;
  readonly #interner = new SeriesInterner();
  readonly #next: Consumer<MetricBatch> = {
    refusal: () => undefined,
    consume: (batch) => {
      const outcome = this.accept();
      if (outcome === undefined) this.sent.push(batch);
      return outcome?.then(() => void this.sent.push(batch));
    },
  };

  constructor(config: Record<string, unknown> = {}) {
    this.processor = spec.create(batchConfig.parse(config), this.scope, {}) as StatefulProcessor;
  }

  add(items: number, resource = 'r', metadata?: Readonly<Record<string, readonly string[]>>): void {
    const builder = new NumberPointsBuilder({ integer: true });
    for (let i = 0; i < items; i++) {
      builder.add(this.#interner.intern(createResource({ resource }), EMPTY_SCOPE, attributeSet({ i })), i);
    }
    const metric = gauge({ name: 'x', unit: '', description: '' }, this.#interner.table, builder.take(1n, 0n));
    const batch = metricBatch([metric]);
    if (metadata !== undefined) setClient(batch, { address: '10.0.0.1', metadata: new Map(Object.entries(metadata)) });
    void this.processor.consume.metrics!(batch, this.#next, ABORT);
  }

  get sizes(): number[] {
    return this.sent.map(countPoints);
  }

  get held(): number {
    return this.processor.held!();
  }

  /** Lets promises settle. */
  async settle(): Promise<void> {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }
}

describe('a batch leaves', () => {
  test('when it has send_batch_size items', () => {
    const pipeline = new Pipeline({ send_batch_size: 10 });
    pipeline.add(4);
    pipeline.add(5);
    assert.deepEqual(pipeline.sizes, []);
    assert.equal(pipeline.held, 9);
    pipeline.add(3);
    assert.deepEqual(pipeline.sizes, [12]);
    assert.equal(pipeline.held, 0);
  });

  test('when its first item has waited for timeout', () => {
    const pipeline = new Pipeline({ timeout: '200ms' });
    pipeline.add(1);
    pipeline.scope.clock.advance(150);
    pipeline.add(2);
    pipeline.scope.clock.advance(49);
    assert.deepEqual(pipeline.sizes, []);
    pipeline.scope.clock.advance(1);
    assert.deepEqual(pipeline.sizes, [3]);
    pipeline.scope.clock.advance(1000);
    assert.deepEqual(pipeline.sizes, [3]);
  });

  test('at once with timeout 0, split by the maximum', () => {
    const pipeline = new Pipeline({ timeout: '0s', send_batch_size: 2, send_batch_max_size: 4 });
    pipeline.add(1);
    pipeline.add(9);
    assert.deepEqual(pipeline.sizes, [1, 4, 4, 1]);
  });

  test('in pieces of send_batch_max_size, and what is left waits for more', () => {
    const pipeline = new Pipeline({ send_batch_size: 10, send_batch_max_size: 10 });
    pipeline.add(25);
    assert.deepEqual(pipeline.sizes, [10, 10]);
    assert.equal(pipeline.held, 5);
    pipeline.add(5);
    assert.deepEqual(pipeline.sizes, [10, 10, 10]);
    pipeline.add(3);
    pipeline.scope.clock.advance(200);
    assert.deepEqual(pipeline.sizes, [10, 10, 10, 3]);
  });

  test('at once with send_batch_size 0', () => {
    const pipeline = new Pipeline({ send_batch_size: 0, send_batch_max_size: 4 });
    pipeline.add(6);
    assert.deepEqual(pipeline.sizes, [4, 2]);
  });

  test('at a flush and at the stop', async () => {
    const pipeline = new Pipeline();
    pipeline.add(1);
    await pipeline.processor.flush!();
    assert.deepEqual(pipeline.sizes, [1]);
    pipeline.add(2);
    await pipeline.processor.stop!();
    assert.deepEqual(pipeline.sizes, [1, 2]);
    await pipeline.processor.stop!();
    await new Pipeline().processor.stop!();
  });

  test('with every point under its own resource', () => {
    const pipeline = new Pipeline({ send_batch_size: 2 });
    pipeline.add(1, 'a');
    pipeline.add(1, 'b');
    const [batch] = pipeline.sent;
    const resources = batch!.metrics.flatMap(({ points, series }) =>
      [...points.ids].map((id) => series.resource(id).attributes.get('resource')),
    );
    assert.deepEqual(resources, ['a', 'b']);
  });
});

describe('what follows', () => {
  test('is slow: batches go one after the other, and what is held is bounded', async () => {
    const pipeline = new Pipeline({ send_batch_size: 10 });
    const gates: (() => void)[] = [];
    pipeline.accept = () => new Promise((resolve) => gates.push(resolve));
    let added = 0;
    while (pipeline.processor.refusal!() === undefined) {
      pipeline.add(1000);
      added += 1000;
    }
    assert.equal(gates.length, 1);
    assert.equal(added, 33_000);
    assert.throws(() => pipeline.add(1), RetryableError);
    while (gates.length > 0) {
      gates.shift()!();
      await pipeline.settle();
    }
    assert.equal(
      pipeline.sizes.reduce((sum, size) => sum + size, 0),
      added,
    );
    assert.equal(pipeline.held, 0);
    assert.equal(pipeline.processor.refusal!(), undefined);
  });

  test('refuses: the batch is kept and offered again, and nothing new is accepted until it has gone', () => {
    const pipeline = new Pipeline({ send_batch_size: 1 });
    pipeline.accept = () => {
      throw new RetryableError('the queue is full');
    };
    pipeline.add(7);
    assert.equal(pipeline.held, 7);
    assert.equal(pipeline.processor.refusal!()?.message, 'the queue is full');
    assert.throws(() => pipeline.add(1), { name: 'RetryableError', message: 'the queue is full' });
    pipeline.scope.clock.advance(50);
    assert.equal(pipeline.held, 7);
    pipeline.accept = () => {};
    pipeline.scope.clock.advance(99);
    assert.deepEqual(pipeline.sizes, []);
    pipeline.scope.clock.advance(1);
    assert.deepEqual(pipeline.sizes, [7]);
    assert.equal(pipeline.processor.refusal!(), undefined);
  });

  test('names a time for the next try', async () => {
    const pipeline = new Pipeline({ send_batch_size: 1 });
    pipeline.accept = () => Promise.reject(new RetryableError('later', { retryAfterMs: 2000 }));
    pipeline.add(1);
    await pipeline.settle();
    pipeline.accept = () => {};
    pipeline.scope.clock.advance(1999);
    assert.deepEqual(pipeline.sizes, []);
    pipeline.scope.clock.advance(1);
    assert.deepEqual(pipeline.sizes, [1]);
  });

  test('rejects for good: the batch is dropped and counted, the next one goes', async () => {
    const pipeline = new Pipeline({ send_batch_size: 1 });
    pipeline.accept = () => Promise.reject(new PermanentError('malformed'));
    pipeline.add(3);
    pipeline.accept = () => {};
    pipeline.add(2);
    await pipeline.settle();
    assert.deepEqual(pipeline.sizes, [2]);
    assert.equal(pipeline.held, 0);
    assert.deepEqual(pipeline.scope.items.drops, [{ count: 3, reason: 'rejected' }]);
  });

  test('refuses until the stop: what is left is dropped and counted', async () => {
    const pipeline = new Pipeline({ send_batch_size: 1 });
    pipeline.accept = () => {
      throw new RetryableError('gone');
    };
    pipeline.add(4);
    await pipeline.processor.stop!();
    assert.equal(pipeline.held, 0);
    assert.deepEqual(pipeline.scope.items.drops, [{ count: 4, reason: 'shutdown' }]);
  });

  test('hears again at a flush, which does not wait for more than one refusal', async () => {
    const pipeline = new Pipeline({ send_batch_size: 1 });
    let asked = 0;
    pipeline.accept = () => {
      asked++;
      throw new RetryableError('busy');
    };
    pipeline.add(4);
    await pipeline.processor.flush!();
    assert.equal(asked, 2);
    assert.equal(pipeline.held, 4);
  });
});

describe('metadata_keys', () => {
  const keyed = { metadata_keys: ['X-Tenant', 'zone'], send_batch_size: 10 };

  test('keep batches apart by the values of these headers, and hand on these alone', () => {
    const pipeline = new Pipeline(keyed);
    pipeline.add(4, 'r', { 'x-tenant': ['a'], other: ['1'] });
    pipeline.add(5, 'r', { 'x-tenant': ['b'], zone: ['z'] });
    pipeline.add(6, 'r', { 'x-tenant': ['a'], other: ['2'] });
    assert.deepEqual(pipeline.sizes, [10]);
    pipeline.add(1);
    pipeline.add(2, 'r', { 'x-tenant': [''] });
    pipeline.add(3, 'r', { 'x-tenant': ['a', 'b'] });
    assert.equal(pipeline.held, 11);
    pipeline.scope.clock.advance(200);
    assert.deepEqual(pipeline.sizes, [10, 5, 1, 2, 3]);
    assert.deepEqual(clientOf(pipeline.sent[0]!), {
      metadata: new Map<string, readonly string[]>([
        ['x-tenant', ['a']],
        ['zone', []],
      ]),
    });
    assert.equal(pipeline.scope.meter.value('otelcol_processor_batch_metadata_cardinality', { processor: 'batch' }), 5);
  });

  test('have a limit of combinations: what has a further one is refused for good', () => {
    const pipeline = new Pipeline({ ...keyed, metadata_cardinality_limit: 2 });
    pipeline.add(1, 'r', { zone: ['a'] });
    pipeline.add(1, 'r', { zone: ['b'] });
    assert.throws(() => pipeline.add(1, 'r', { zone: ['c'] }), {
      name: 'PermanentError',
      message: 'too many batcher metadata-value combinations',
    });
    pipeline.add(1, 'r', { zone: ['a'] });
    assert.equal(pipeline.held, 3);
  });

  test('share one bound of what is held', async () => {
    const pipeline = new Pipeline({ ...keyed, send_batch_size: 8192, timeout: '1h' });
    for (let i = 0; i < 33; i++) pipeline.add(1000, 'r', { zone: [String(i)] });
    assert.equal(pipeline.held, 33_000);
    assert.throws(() => pipeline.add(1, 'r', { zone: ['0'] }), RetryableError);
    await pipeline.processor.flush!();
    assert.equal(pipeline.held, 0);
    assert.equal(pipeline.sizes.length, 33);
  });
});

test('the sizes and triggers of batches are measured', () => {
  const pipeline = new Pipeline({ send_batch_size: 10 });
  pipeline.add(12);
  pipeline.add(1);
  pipeline.scope.clock.advance(200);
  const value = (name: string): unknown =>
    pipeline.scope.meter.value(`otelcol_processor_batch_${name}`, { processor: 'batch' });
  assert.deepEqual(value('batch_send_size'), [12, 1]);
  assert.equal(value('batch_size_trigger_send'), 1);
  assert.equal(value('timeout_trigger_send'), 1);
  assert.equal(value('metadata_cardinality'), 1);
});

describe('the configuration', () => {
  test('has the defaults of the Collector', () => {
    assert.deepEqual(batchConfig.parse({}), {
      timeout: 200,
      send_batch_size: 8192,
      send_batch_max_size: 0,
      metadata_keys: [],
      metadata_cardinality_limit: 1000,
    });
  });

  const refused: readonly [Record<string, unknown>, string][] = [
    [
      { send_batch_size: 100, send_batch_max_size: 50 },
      'send_batch_max_size must be greater or equal to send_batch_size',
    ],
    [{ send_batch_max_size: 100 }, 'send_batch_max_size must be greater or equal to send_batch_size'],
    [{ metadata_keys: ['a', 'A'] }, 'duplicate entry in metadata_keys: "a" (case-insensitive)'],
  ];
  for (const [config, message] of refused) {
    test(`refuses ${JSON.stringify(config)}`, () => {
      const result = batchConfig.safeParse(config);
      assert.deepEqual(
        result.error?.issues.map((issue) => issue.message),
        [message],
      );
    });
  }

  for (const config of [{ send_batch_size: -1 }, { send_batch_size: '10' }, { send_batch_size: 1.5 }, { unknown: 1 }]) {
    test(`refuses ${JSON.stringify(config)}`, () => assert.equal(batchConfig.safeParse(config).success, false));
  }
});
