import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createScope, SeriesInterner } from 'bpflow/sdk';
import { Contexts } from './contexts.ts';
import { FlowReader } from './flow-reader.ts';
import { toldWorkload } from './labels.ts';
import { NamePairs } from './name-pairs.ts';
import { NO_CONTEXT, Series } from './series.ts';

const CLIENT = 16;
const SERVER = 2;

function seriesOf(): Series {
  const reader = new FlowReader();
  const contexts = new Contexts({ labels: [], source: [], destination: [] }, reader, toldWorkload, 16);
  const scope = createScope('test', '0');
  const shared = { contexts, interner: new SeriesInterner(), scope, maxSeries: 100_000, idleFlushes: 1 };
  return new Series(shared, () => ({}));
}

describe('pairs of names', () => {
  test('are forgotten with the series that have them; those that stay are the same under new numbers', () => {
    const pairs = new NamePairs();
    const series = seriesOf();
    pairs.usedBy({ series }, CLIENT, SERVER);
    const add = (client: number, server: number, low: number): void => {
      series.number(NO_CONTEXT, (client << CLIENT) | (server << SERVER) | low);
    };
    for (let i = 0; i < 4000; i++) {
      add(pairs.number(`client-${i}`, 'shop'), pairs.number(`server-${i % 3}`, ''), i & 3);
    }
    const kept = 3999;
    const named = (): readonly string[] => {
      const found: string[] = [];
      series.addPacked((packed) => {
        const at = (shift: number): number => (packed >>> shift) & 0x3fff;
        const name = (number: number): string => `${pairs.second(number)}/${pairs.first(number)}`;
        found.push(`${name(at(CLIENT))} ${name(at(SERVER))} ${packed & 3}`);
      });
      return found;
    };
    const before = named()[kept];
    assert.equal(pairs.forget(), false, 'all are in use');
    series.compact(new Set(Array.from({ length: 3999 }, (_, i) => i + 1)), () => {});
    assert.equal(pairs.forget(), true);
    assert.deepEqual(named(), [before]);
    assert.equal(before, 'shop/client-3999 /server-0 3');
    // `other`, the one client and its server.
    assert.equal(pairs.size, 3);
    assert.equal(series.size, 2);
    add(pairs.number('client-3999', 'shop'), pairs.number('server-0', ''), 3);
    assert.equal(series.size, 2, 'the series is found again');
  });

  test('are bounded: what finds no room is other, and counted', () => {
    const pairs = new NamePairs(100);
    for (let i = 0; i < 150; i++) pairs.number(`n${i}`, '');
    assert.equal(pairs.size, 100);
    assert.equal(pairs.refused, 51);
    assert.equal(pairs.first(pairs.number('more', 'x')), 'other');
  });
});
