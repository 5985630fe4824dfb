import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  bitsOf,
  drops,
  kept,
  logBatch,
  randomOf,
  rebuilt,
  type Sampler,
  sampler,
  spanBatch,
  traceIdOf,
} from './test/streams.ts';

const RUNS = 1000;
const ITEMS = 200;
const NOTHING_NEW = { first_seen: { max_keys: 0 } };

/**
 * The bound that the README states: 5 standard deviations. An item that is kept with the share p and counts 1 / p has the
 * variance (1 − p) / p.
 */
function bound(shares: Iterable<number>): number {
  let variance = 0;
  for (const share of shares) variance += (1 - share) / share;
  return 5 * Math.sqrt(variance);
}

function assertRebuilt(made: Sampler, items: number, limit: number, what: string): void {
  assert.ok(Math.abs(rebuilt(made) - items) <= limit, `${what}: ${rebuilt(made)} of ${items}, bound ${limit}`);
  const dropped = Object.values(drops(made)).reduce((sum, count) => sum + count, 0);
  assert.equal(kept(made) + dropped, items, what);
}

describe(`over ${RUNS} seeded runs the rebuilt total is within the stated bound`, () => {
  test('of log records with a fixed share', () => {
    const records = logBatch(Array.from({ length: ITEMS }, () => ({})));
    let worst = 0;
    let sum = 0;
    for (let seed = 1; seed <= RUNS; seed++) {
      const share = [0.5, 0.1, 0.02][seed % 3]!;
      const made = sampler(
        { keep: NOTHING_NEW, probabilistic: { sampling_percentage: share * 100 } },
        bitsOf(randomOf(seed)),
      );
      made.give(records);
      const limit = bound(Array.from({ length: ITEMS }, () => share));
      assertRebuilt(made, ITEMS, limit, `seed ${seed}`);
      worst = Math.max(worst, Math.abs(rebuilt(made) - ITEMS) / limit);
      sum += rebuilt(made) / ITEMS;
    }
    // The bound is no wide one, and nothing pulls totals to one side.
    assert.ok(worst > 0.4, `${worst}`);
    assert.ok(Math.abs(sum / RUNS - 1) < 0.02, `${sum / RUNS}`);
  });

  test('of spans that were sampled before, by their trace ids', () => {
    for (let seed = 1; seed <= RUNS; seed++) {
      const random = randomOf(seed);
      const made = sampler({ keep: NOTHING_NEW, probabilistic: { sampling_percentage: 20 } });
      // A head sampler has kept every second one; what it dropped is not here, and counts all the same.
      const spans = Array.from({ length: ITEMS }, () => ({ traceId: traceIdOf(random) })).filter(
        ({ traceId }) => Number.parseInt(traceId.slice(18, 19), 16) >= 8,
      );
      made.give(spanBatch(spans.map((span) => ({ ...span, traceState: 'ot=th:8' }))));
      const limit = bound(Array.from({ length: ITEMS }, () => 0.1));
      assert.ok(Math.abs(rebuilt(made) - ITEMS) <= limit, `seed ${seed}: ${rebuilt(made)}`);
    }
  });

  test('of records by importance, in a burst, with errors among them: no error is lost', () => {
    const mixed = Array.from({ length: 16 }, (_, seed) => {
      const random = randomOf(seed);
      return logBatch(
        Array.from({ length: ITEMS / 2 }, () => ({ severity: [9, 13, 17][Math.floor(random() * 2.1)]! })),
      );
    });
    for (let seed = 1; seed <= RUNS; seed++) {
      const random = randomOf(seed);
      const made = sampler(
        { keep: NOTHING_NEW, adaptive: { base_rate: 0.2, importance_boost: 3, burst_threshold: 250 } },
        bitsOf(random),
      );
      const shares: number[] = [];
      let errors = 0;
      for (let batch = 0; batch < 6; batch++) {
        const given = mixed[Math.floor(random() * mixed.length)]!;
        made.give(given);
        const { policies } = (made.scope.view('state') as { logs: { policies: { all: { factor: number } } } }).logs;
        for (const severity of given.severity) {
          if (severity === 17) errors++;
          shares.push(severity === 17 ? 1 : (severity === 13 ? 0.6 : 0.2) * policies.all.factor);
        }
        made.scope.clock.advance(40);
      }
      assertRebuilt(made, shares.length, bound(shares), `seed ${seed}`);
      const through = made.logs.reduce(
        (sum, { severity }) => sum + severity.filter((number) => number === 17).length,
        0,
      );
      assert.equal(through, errors, `seed ${seed}`);
    }
  });

  test('of traces, decided as a whole', () => {
    for (let seed = 1; seed <= RUNS; seed++) {
      const random = randomOf(seed);
      const policies = [{ name: 'tenth', type: 'probabilistic', probabilistic: { sampling_percentage: 10 } }];
      const made = sampler({ keep: NOTHING_NEW, tail: { policies } });
      made.give(spanBatch(Array.from({ length: ITEMS }, () => ({ traceId: traceIdOf(random) }))));
      void made.processor.stop!();
      assertRebuilt(made, ITEMS, bound(Array.from({ length: ITEMS }, () => 0.1)), `seed ${seed}`);
    }
  });
});
