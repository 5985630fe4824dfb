import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  attributeSet,
  createResource,
  EMPTY_SCOPE,
  gauge,
  HistogramPointsBuilder,
  histogram,
  type Metric,
  metricBatch,
  NO_RECORDED_VALUE,
  NumberPointsBuilder,
  SeriesInterner,
  sum,
  summary,
  TemporalityConverter,
} from 'bpflow/sdk';
import { manualClock } from 'bpflow/testing';
import fc from 'fast-check';
import { writePage } from './page.ts';
import { PageStore } from './page-store.ts';
import { TextWriter } from './text-writer.ts';

const RUNS = process.env['BPFLOW_SUITE'] === 'full' ? 1500 : 120;
const DISTINCT = process.env['BPFLOW_SUITE'] === 'full' ? 1_000_000 : 60_000;
const EXPIRATION_MS = 300_000;
const CLASSIC = { openMetrics: false, protobuf: false, utf8: false };

interface Increment {
  readonly path: number;
  readonly method: number;
  readonly host: number;
  readonly value: number;
  readonly ends?: boolean;
}

/** A page with room for `max` series, behind the converter that stands before every exporter of totals. */
class LimitedPage {
  readonly clock = manualClock();
  readonly drops: string[] = [];
  readonly store: PageStore;
  readonly #converter = new TemporalityConverter({ to: 'cumulative', idleTimeoutMs: 3_600_000 });
  readonly #own: boolean;
  interner = new SeriesInterner();
  #lines = new Map<string, number>();

  constructor(max: number, own = false) {
    this.#own = own;
    this.store = new PageStore(
      {
        names: 'seed',
        strategy: 'UnderscoreEscapingWithSuffixes',
        namespace: '',
        constLabels: [],
        resourceToTelemetry: true,
        withoutScopeInfo: true,
        utf8: false,
        targetInfo: false,
        openMetrics: false,
        expirationMs: EXPIRATION_MS,
        sendTimestamps: false,
        maxSeries: max,
      },
      {
        dropped: (points, reason) => this.drops.push(`${points} ${reason}`),
        collision: () => {},
        leftOut: (metric, reason) => this.drops.push(`${metric}: ${reason}`),
      },
      this.clock,
    );
  }

  take(...metrics: Metric[]): this {
    const converted = this.#converter.convert(metricBatch(metrics), this.clock.now());
    this.store.apply(converted, this.clock.monotonic());
    return this;
  }

  wait(ms: number): this {
    this.clock.advance(ms);
    this.store.expire(this.clock.monotonic());
    return this;
  }

  /** Increments since the last time, ten seconds later. */
  deltas(increments: readonly Increment[]): this {
    const start = this.clock.now();
    this.clock.advance(10_000);
    const numbers = new NumberPointsBuilder({ integer: true });
    const buckets = new HistogramPointsBuilder([1, 10]);
    for (const increment of increments) {
      const flags = increment.ends === true ? NO_RECORDED_VALUE : 0;
      const value = flags === 0 ? increment.value : 0;
      const id = this.id(increment);
      numbers.add(id, value, undefined, undefined, flags);
      buckets.add(id, [0, value, 0], value * 5, undefined, undefined, flags);
    }
    const now = this.clock.now();
    const delta = { temporality: 'delta' } as const;
    return this.take(
      sum(this.#names('calls', 'counter'), this.interner.table, numbers.take(now, start), {
        ...delta,
        monotonic: true,
      }),
      histogram(this.#names('took', 'histogram'), this.interner.table, buckets.take(now, start), delta),
    );
  }

  numbers(values: readonly Increment[], start = this.clock.now()) {
    this.clock.advance(10_000);
    const builder = new NumberPointsBuilder({ integer: true });
    for (const each of values)
      builder.add(this.id(each), each.value, undefined, undefined, each.ends ? NO_RECORDED_VALUE : 0);
    return builder.take(this.clock.now(), start);
  }

  id({ path, method, host }: Increment): number {
    const attributes = attributeSet({ method: ['GET', 'PUT'][method]!, path: `/${path}` });
    return this.interner.intern(createResource({ host: String(host) }), EMPTY_SCOPE, attributes);
  }

  lines(): ReadonlyMap<string, number> {
    const writer = new TextWriter(Buffer.alloc(16));
    writePage(this.store, CLASSIC, writer);
    const lines = writer.buffer.toString('utf8', 0, writer.length).split('\n');
    const values = lines.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split('} '));
    return new Map(values.map(([labels, value]) => [labels!, Number(value)]));
  }

  /** All series of one sample name together. */
  total(name: string): number {
    let total = 0;
    for (const [labels, value] of this.lines()) if (labels.startsWith(`${name}{`)) total += value;
    return total;
  }

  /** No line that was there before has fallen since. */
  assertGrown(): void {
    const lines = this.lines();
    for (const [labels, value] of this.#lines) {
      const now = lines.get(labels);
      if (now !== undefined) assert.ok(now >= value, `${labels} fell from ${value} to ${now}`);
    }
    this.#lines = new Map(lines);
  }

  #names(name: string, kind: 'counter' | 'histogram') {
    const names = { name, unit: '', description: '' };
    if (!this.#own) return names;
    return { ...names, seedName: `${name}_total`, kind, exactness: 'exact' as const, attributes: {} };
  }
}

const increment: fc.Arbitrary<Increment> = fc.record({
  path: fc.nat(40),
  method: fc.nat(1),
  host: fc.nat(2),
  value: fc.nat(100),
});

for (const own of [false, true]) {
  describe(`a full page of ${own ? 'own' : 'foreign'} counters and histograms`, () => {
    const calls = 'calls_total';
    const took = own ? 'took_total' : 'took';

    test('adds up to what was sent at every moment, never falls, and is never larger than its limit', () => {
      fc.assert(
        fc.property(
          fc.integer({ min: 16, max: 60 }),
          fc.array(fc.array(increment, { maxLength: 30 }), { maxLength: 12 }),
          fc.nat(11),
          (max, batches, rotateAt) => {
            const page = new LimitedPage(max, own);
            let sent = 0;
            for (const [i, increments] of batches.entries()) {
              if (i === rotateAt) page.interner = new SeriesInterner();
              for (const { value } of increments) sent += value;
              page.deltas(increments);
              assert.deepEqual(page.drops, []);
              assert.equal(page.total(calls), sent);
              assert.equal(page.total(`${took}_count`), sent);
              assert.equal(page.total(`${took}_sum`), sent * 5);
              assert.ok(page.store.series <= max, `${page.store.series} of ${max}`);
              page.assertGrown();
            }
          },
        ),
        { numRuns: RUNS },
      );
    });

    test('counts nothing twice when series end, expire and come back', () => {
      const step = fc.oneof(
        { weight: 8, arbitrary: fc.array(fc.record({ ...fields(), ends: fc.nat(5).map((dice) => dice === 0) })) },
        { weight: 1, arbitrary: fc.constant(EXPIRATION_MS + 10_000) },
      );
      fc.assert(
        fc.property(fc.integer({ min: 16, max: 40 }), fc.array(step, { maxLength: 15 }), (max, steps) => {
          const page = new LimitedPage(max, own);
          let sent = 0;
          for (const doing of steps) {
            if (typeof doing === 'number') {
              page.wait(doing);
              continue;
            }
            for (const { value, ends } of doing) if (!ends) sent += value;
            page.deltas(doing);
            const total = page.total(calls);
            assert.ok(total <= sent, `${total} of ${sent}`);
            assert.ok(page.store.series <= max, `${page.store.series} of ${max}`);
          }
          assert.deepEqual(
            page.drops.filter((drop) => !/out_of_order|older/.test(drop)),
            [],
          );
        }),
        { numRuns: RUNS },
      );
    });
  });
}

test('only what explodes is replaced', () => {
  const page = new LimitedPage(40);
  page.deltas(Array.from({ length: 1000 }, (_, i) => ({ path: i, method: i % 2, host: i % 3, value: 1 })));
  const lines = [...page.lines().keys()].filter((line) => line.startsWith('calls'));
  for (const method of ['GET', 'PUT']) {
    assert.ok(
      lines.some((line) => line.includes(`method="${method}"`) && line.includes('path="other"')),
      method,
    );
  }
  const folded = page.store.folds.find(({ metric }) => metric === 'calls')!.attributes;
  assert.ok(folded.find(({ attribute }) => attribute === 'path')!.folded > 900);
});

test('foreign totals count from when the page began, through resets', () => {
  const page = new LimitedPage(5);
  const names = { name: 'calls', unit: '', description: '' };
  const total = { monotonic: true, temporality: 'cumulative' } as const;
  const before = page.clock.now() - 1_000_000_000n;
  const at = (path: number, value: number): Increment => ({ path, method: 0, host: 0, value });
  const send = (values: readonly Increment[], start: bigint): void => {
    const points = page.numbers(values, start);
    page.take(sum(names, page.interner.table, points, total));
  };
  const own = [0, 1, 2].map((path) => at(path, 1));
  send([...own, at(7, 1000), at(8, 500)], before);
  assert.equal(page.total('calls_total'), 3);
  send([...own, at(7, 1005), at(8, 1)], before);
  assert.equal(page.total('calls_total'), 3 + 5 + 1);
  send([at(9, 40)], page.clock.now());
  assert.equal(page.total('calls_total'), 3 + 5 + 1 + 40);
  assert.deepEqual(page.drops, []);
});

test('a series that was folded gets no line of its own while it goes on, else it would count twice', () => {
  const page = new LimitedPage(4);
  const row = (path: number, ends = false): Increment => ({ path, method: 0, host: 0, value: 10, ends });
  const hasLine = (path: number): boolean =>
    [...page.lines().keys()].some((line) => line.startsWith('calls') && line.includes(`path="/${path}"`));
  page.deltas([0, 1, 2, 3, 4, 5].map((path) => row(path)));
  assert.equal(page.total('calls_total'), 60);
  assert.ok(hasLine(0) && hasLine(1) && !hasLine(3));
  page.deltas([row(0, true), row(1, true)]);
  page.deltas([row(3)]);
  assert.ok(!hasLine(0) && !hasLine(3));
  assert.equal(page.total('calls_total'), 50);
  page.deltas([row(3, true)]);
  page.deltas([row(3)]);
  assert.ok(hasLine(3));
  assert.equal(page.total('calls_total'), 60);
});

test('gauges without room show their sum; summaries are refused, and counted', () => {
  const page = new LimitedPage(4);
  const names = { name: 'fill', unit: '', description: '' };
  const rows = Array.from({ length: 10 }, (_, path) => ({ path, method: 0, host: 0, value: path }));
  const send = (values: readonly Increment[]): void => {
    const points = page.numbers(values, 0n);
    page.take(gauge(names, page.interner.table, points));
  };
  send(rows);
  assert.equal(page.total('fill'), 45);
  send(rows.map((row) => ({ ...row, value: 1 })));
  assert.equal(page.total('fill'), 10);
  const ids = Uint32Array.from(rows, (row) => page.id(row));
  const columns = { length: 10, ids, time: page.clock.now(), startTime: 0n, flags: 0 };
  page.take(
    summary({ name: 's', unit: '', description: '' }, page.interner.table, {
      ...columns,
      counts: new Float64Array(10),
      sums: new Float64Array(10),
      start: new Uint32Array(11),
      quantiles: new Float64Array(0),
      values: new Float64Array(0),
    }),
  );
  assert.deepEqual(page.drops, ['10 series_limit']);
});

test('memory is bounded: what comes beyond the sources that are remembered is refused, and counted', () => {
  const page = new LimitedPage(10);
  const flood = Array.from({ length: 3000 }, (_, path) => ({ path, method: 0, host: 0, value: 1 }));
  page.deltas(flood);
  assert.ok(page.store.series <= 10);
  const lost = page.drops.reduce((total, drop) => total + Number(drop.split(' ')[0]), 0);
  assert.equal(page.total('calls_total') + page.total('took_count') + lost, 6000);
  assert.ok(lost > 0 && page.drops.every((drop) => drop.endsWith('series_limit')));
});

test(`a full page stays flat under ${DISTINCT} distinct series`, () => {
  const page = new LimitedPage(1000);
  const total = { monotonic: true, temporality: 'cumulative' } as const;
  const names = { name: 'calls', unit: '', description: '' };
  let sent = 0;
  const flood = (from: number, to: number): void => {
    for (let i = from; i < to; i += 1000) {
      page.interner = new SeriesInterner();
      const start = page.clock.now();
      const rows = Array.from({ length: 1000 }, (_, at) => ({ path: i + at, method: 0, host: 0, value: 1 }));
      page.take(sum(names, page.interner.table, page.numbers(rows, start), total));
      page.wait(0);
      sent += 1000;
    }
  };
  flood(0, 10_000);
  const before = used();
  flood(10_000, DISTINCT);
  const grown = (used() - before) / 2 ** 20;
  assert.ok(grown < 8, `${grown.toFixed(1)} MiB more`);
  assert.ok(page.store.series <= 1000);
  const lost = page.drops.reduce((points, drop) => points + Number(drop.split(' ')[0]), 0);
  const counted = page.store.folds.reduce(
    (points, { attributes }) => points + (attributes.find(({ attribute }) => attribute === 'path')?.folded ?? 0),
    0,
  );
  // The rest had a line of its own: no more than the page has, in each time after which silent ones leave.
  const lines = 1000 * (1 + (DISTINCT * 10) / EXPIRATION_MS);
  assert.ok(
    lost + counted >= sent - lines && lost + counted <= sent,
    `${lost} refused and ${counted} folded of ${sent}`,
  );
});

function used(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function fields() {
  return { path: fc.nat(40), method: fc.nat(1), host: fc.nat(2), value: fc.nat(100) };
}
