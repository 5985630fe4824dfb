import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { logRecords, parseTraceState } from 'bpflow/sdk';
import { drops, kept, keptSpans, logBatch, randomOf, rebuilt, sampler, spanBatch } from './test/streams.ts';

const ORDINARY = { errors: false, first_seen: { max_keys: 0 } };

describe('a rate limit', () => {
  test('of 10,000 a second holds within 1 % in a burst of 200,000 a second, and the rest is counted', () => {
    const seconds = 10;
    const made = sampler({ keep: ORDINARY, rate_limit: { limit: 10_000, burst: 1000 } });
    const batch = logBatch(Array.from({ length: 200 }, () => ({})));
    let through = 0;
    for (let ms = 0; ms < seconds * 1000; ms++) {
      made.give(batch);
      for (const { length } of made.logs.splice(0)) through += length;
      made.scope.clock.advance(1);
    }
    const limit = 10_000 * seconds;
    assert.ok(Math.abs(through - limit) <= limit / 100, `${through}`);
    assert.deepEqual(drops(made), { rate_limited: 200_000 * seconds - through });
  });

  test('writes on what it keeps how many were dropped before, and knows how many are still owed', () => {
    const made = sampler({ keep: ORDINARY, rate_limit: { limit: 10, burst: 2 } });
    made.give(logBatch(Array.from({ length: 50 }, () => ({}))));
    assert.deepEqual([kept(made), rebuilt(made)], [2, 2]);
    assert.deepEqual(made.scope.view('state'), {
      logs: { first_seen_keys: 0, policies: { all: { limit: 10, keys: 1, owed: 48 } } },
      traces: { first_seen_keys: 0, policies: { all: { limit: 10, keys: 0, owed: 0 } } },
    });
    const owed = () =>
      made.scope.meter.value('bpflow_sampling_owed_items', { processor: 'sampling', signal: 'logs', rule: 'all' });
    assert.equal(owed(), 48);
    made.scope.clock.advance(100);
    made.give(logBatch([{}]));
    assert.equal(owed(), 0);
    assert.deepEqual([kept(made), rebuilt(made)], [3, 51]);
    assert.equal([...logRecords(made.logs[1]!)][0]!.attributes.get('sampling.adjusted_count'), 49);
  });

  test('counts what it drops for as many as it stood for', () => {
    const made = sampler({ keep: ORDINARY, rate_limit: { limit: 1, burst: 1 } });
    made.give(
      spanBatch([
        { traceState: 'ot=th:c;rv:e0000000000000,vendor=1' },
        { traceState: 'ot=th:c' },
        { attributes: { 'sampling.adjusted_count': 10 } },
      ]),
    );
    made.scope.clock.advance(1000);
    made.give(spanBatch([{ traceState: 'ot=th:8;rv:e0000000000000,vendor=1' }]));
    const [first, second] = keptSpans(made);
    assert.equal(first!.traceState, 'ot=th:c;rv:e0000000000000,vendor=1');
    // A limit is no probability: there is no threshold any more, only the count.
    assert.equal(second!.traceState, 'ot=rv:e0000000000000,vendor=1');
    assert.equal(parseTraceState(second!.traceState).threshold, undefined);
    assert.equal(second!.attributes.get('sampling.adjusted_count'), 4 + 10 + 2);
    assert.equal(rebuilt(made), 4 + 4 + 10 + 2);
  });

  test('is one for each key; keys beyond max_keys share one', () => {
    const limited = { limit: 1, burst: 1, attributes: ['service.name', 'tenant'], max_keys: 2 };
    const made = sampler({ keep: ORDINARY, rate_limit: limited });
    const tenants = ['a', 'a', 'b', 'c', 'd', 'b', 'a', 'd'];
    made.give(logBatch(tenants.map((tenant) => ({ attributes: { tenant } }))));
    const through = [...logRecords(made.logs[0]!)].map(({ attributes }) => attributes.get('tenant'));
    assert.deepEqual(through, ['a', 'b', 'c']);
    // Keys that owe nothing and have their whole limit again make room.
    made.scope.clock.advance(60_000);
    made.give(logBatch(tenants.map((tenant) => ({ attributes: { tenant } }))));
    made.scope.clock.advance(60_000);
    made.give(logBatch(['a', 'b', 'c'].map((tenant) => ({ attributes: { tenant } }))));
    assert.equal(rebuilt(made), 19);
  });

  test('lets errors pass, which take their part of it', () => {
    const made = sampler({ keep: { first_seen: { max_keys: 0 } }, rate_limit: { limit: 10, burst: 4 } });
    made.give(logBatch([17, 17, 9, 9, 9, 17, 21].map((severity) => ({ severity }))));
    const severities = [...logRecords(made.logs[0]!)].map(({ severity }) => severity);
    assert.deepEqual(severities, [17, 17, 9, 9, 17, 21]);
    assert.equal(rebuilt(made), 7);
  });

  test('loses no count: items = counts + owed at every moment, whatever comes and is refused', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = randomOf(seed);
      const rate_limit = { limit: 20, burst: 5, attributes: ['tenant'], max_keys: 3 };
      const made = sampler({ keep: { first_seen: { max_keys: 1 } }, rate_limit });
      let items = 0;
      let weight = 0;
      for (let step = 0; step < 20; step++) {
        const records = Array.from({ length: 1 + Math.floor(random() * 12) }, () => ({
          severity: random() < 0.1 ? 17 : 9,
          attributes: {
            tenant: Math.floor(random() * 6),
            ...(random() < 0.2 ? { 'sampling.threshold': '8' } : {}),
            ...(random() < 0.2 ? { 'sampling.adjusted_count': 3 } : {}),
          },
        }));
        const batch = logBatch(records);
        made.refuses = random() < 0.3;
        if (made.refuses) {
          try {
            made.give(batch);
          } catch {
            made.refuses = false;
            made.give(batch);
          }
        } else made.give(batch);
        items += records.length;
        for (const { attributes } of records) {
          weight += (attributes['sampling.adjusted_count'] ?? 1) * ('sampling.threshold' in attributes ? 2 : 1);
        }
        const owed = made.scope.meter.value('bpflow_sampling_owed_items', {
          processor: 'sampling',
          signal: 'logs',
          rule: 'all',
        });
        assert.equal(rebuilt(made) + Number(owed), weight, `seed ${seed}, step ${step}`);
        assert.equal(kept(made) + (drops(made)['rate_limited'] ?? 0), items);
        made.scope.clock.advance(random() * 200);
      }
    }
  });

  test('forgets a batch that what follows refused: it comes again', () => {
    const made = sampler({ keep: ORDINARY, rate_limit: { limit: 10, burst: 3 } });
    const batch = logBatch(Array.from({ length: 8 }, () => ({})));
    made.refuses = true;
    for (let attempt = 0; attempt < 3; attempt++) assert.throws(() => made.give(batch), { name: 'RetryableError' });
    assert.deepEqual(drops(made), {});
    made.refuses = false;
    made.give(batch);
    made.scope.clock.advance(100);
    made.give(logBatch([{}]));
    assert.deepEqual([kept(made), rebuilt(made)], [4, 9]);
    assert.deepEqual(drops(made), { rate_limited: 5 });
  });
});
