import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { PageStore, TextWriter, writePage } from 'bpflow/prometheus';
import type { MetricBatch, TemporalityConverter } from 'bpflow/sdk';
import { manualClock } from 'bpflow/testing';
import fc from 'fast-check';
import { cumulative, Limited } from './test/limited.ts';
import { type Row, Sender } from './test/senders.ts';

const RUNS = process.env['BPFLOW_SUITE'] === 'full' ? 1000 : 100;

/** The page behind the processor, with room for all that it lets out. */
class Page {
  readonly #clock = manualClock();
  readonly #totals: TemporalityConverter = cumulative();
  readonly #store = new PageStore(
    {
      names: 'otel',
      strategy: 'UnderscoreEscapingWithSuffixes',
      namespace: '',
      constLabels: [],
      resourceToTelemetry: true,
      withoutScopeInfo: true,
      utf8: false,
      targetInfo: false,
      openMetrics: false,
      expirationMs: 3_600_000,
      sendTimestamps: false,
      maxSeries: 10_000,
    },
    {
      dropped: (points, reason) => assert.fail(`${points} dropped: ${reason}`),
      collision: () => {},
      leftOut: (metric, reason) => assert.fail(`${metric}: ${reason}`),
    },
    this.#clock,
  );

  take(batch: MetricBatch, now: bigint): ReadonlyMap<string, number> {
    this.#store.apply(this.#totals.convert(batch, now), 0);
    const writer = new TextWriter(Buffer.alloc(16));
    writePage(this.#store, { openMetrics: false, protobuf: false, utf8: false }, writer);
    const lines = writer.buffer.toString('utf8', 0, writer.length).split('\n');
    const samples = lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split('} '));
    return new Map(samples.map(([labels, value]) => [labels!, Number(value)]));
  }
}

const row: fc.Arbitrary<Row> = fc.record({
  attributes: fc.record({ path: fc.nat(30).map((n) => `/${n}`), method: fc.constantFrom('GET', 'PUT') }),
  value: fc.nat(200),
  host: fc.constantFrom('a', 'b'),
});
const config = fc.record({
  strategy: fc.constantFrom('first_come', 'heavy_hitters'),
  max_series: fc.integer({ min: 1, max: 40 }),
  idle_timeout: fc.constant('5m'),
  limits: fc.oneof(
    fc.constant([]),
    fc.nat(6).map((path) => [{ metric: '*', max_series: 30, attributes: { path } }]),
  ),
});

for (const own of [false, true]) {
  test(`the page behind it adds up at every moment, and no counter of ${own ? 'own' : 'foreign'} metrics falls`, () => {
    // 20 waits of 10 s: nothing is silent for the 5 minutes after which series leave a page anyway.
    fc.assert(
      fc.property(config, fc.array(fc.array(row, { maxLength: 25 }), { maxLength: 20 }), (options, batches) => {
        const limited = new Limited(options);
        const sender = new Sender('requests', { own });
        const page = new Page();
        let sent = 0;
        let before: ReadonlyMap<string, number> = new Map();
        for (const rows of batches) {
          for (const { value } of rows) sent += value;
          const shown = page.take(limited.metrics(sender.deltas(rows)), sender.time);
          assert.equal(
            [...shown.values()].reduce((total, value) => total + value, 0),
            sent,
          );
          for (const [labels, value] of before) assert.ok(shown.get(labels)! >= value, `${labels} fell`);
          before = shown;
          limited.wait(10_000);
        }
        limited.stop();
      }),
      { numRuns: RUNS },
    );
  });
}
