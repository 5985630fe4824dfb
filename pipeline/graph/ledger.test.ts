import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PermanentError, RetryableError } from '../../sdk/errors.ts';
import type { LedgerRow } from '../telemetry/graph-metrics.ts';
import { logs, ReloadWorld } from './test/reload-world.ts';

const PLAN = { logs: { receivers: ['in'], processors: ['faulty', 'hold'], exporters: ['out', 'other'] } };

/** Each fault, and the only cells of the books in which it shows beside a batch that went through. */
const FAULTS: readonly {
  readonly what: string;
  inject(world: ReloadWorld): void;
  readonly moved: Readonly<Record<string, number>>;
}[] = [
  { what: 'nothing', inject: () => {}, moved: {} },
  {
    what: 'an exporter that refuses',
    inject: (world) => void world.faults.set('out', { refuse: new RetryableError('Full.') }),
    moved: { 'receiver/in refused': 5 },
  },
  {
    what: 'a branch of the fan-out that fails',
    inject: (world) => void world.faults.set('out', { fail: new PermanentError('No.') }),
    moved: { 'exporter/out dropped failed': 5 },
  },
  {
    what: 'a processor that fails',
    inject: (world) => void world.faults.set('faulty', { fail: new PermanentError('No.') }),
    moved: { 'receiver/in refused': 5 },
  },
  {
    what: 'a processor that filters',
    inject: (world) => void world.faults.set('faulty', { keep: 3 }),
    moved: { 'processor/faulty dropped filtered': 2 },
  },
  {
    what: 'a processor that makes more',
    inject: (world) => void world.faults.set('faulty', { keep: 7 }),
    moved: { 'processor/faulty created transformed': 2 },
  },
  {
    what: 'an exporter that drops, with its reason',
    inject: (world) => void world.faults.set('out', { drop: 4 }),
    moved: { 'exporter/out dropped test': 4 },
  },
  {
    what: 'an exporter that holds',
    inject: (world) => void world.faults.set('out', { hold: 5 }),
    moved: { 'exporter/out held': 5 },
  },
];

describe('the books', () => {
  for (const { what, inject, moved } of FAULTS) {
    it(`show ${what} in its place, and nowhere else`, async () => {
      const world = new ReloadWorld();
      await world.start(PLAN, [], { hold: { size: 1 } });
      inject(world);
      await Promise.allSettled([(async () => world.emit('in', logs(5)))()]);
      assert.deepEqual(losses(world.rows()), moved);
      world.balanced();
      await world.stop();
    });
  }

  it('show what was still held when the time for the shutdown was over', async () => {
    const world = new ReloadWorld();
    await world.start({ logs: { receivers: ['in'], exporters: ['alone'] } });
    world.faults.set('alone', { hold: 5 });
    await world.emit('in', logs(5));
    world.gate = Promise.withResolvers();
    const unfinished = await world.graph.stop(30);
    assert.deepEqual(
      unfinished.map(({ key }) => key),
      ['exporter/alone'],
    );
    assert.deepEqual(losses(world.rows()), { 'exporter/alone dropped shutdown': 5 });
    world.balanced();
  });

  it('show a leak as a balance that is not 0', async () => {
    const world = new ReloadWorld();
    await world.start({ logs: { receivers: ['in'], processors: ['leaky'], exporters: ['out'] } });
    await world.emit('in', logs(5));
    assert.equal(world.row('processor/leaky').imbalance, 5);
    await world.stop();
  });
});

/** Every cell that is not 0 when all is well. */
function losses(rows: readonly LedgerRow[]): Record<string, number> {
  const cells: Record<string, number> = {};
  for (const { kind, id, dropped, created, merged, held, refused } of rows) {
    for (const [reason, count] of Object.entries(dropped)) cells[`${kind}/${id} dropped ${reason}`] = count;
    for (const [reason, count] of Object.entries(created)) cells[`${kind}/${id} created ${reason}`] = count;
    if (merged > 0) cells[`${kind}/${id} merged`] = merged;
    if (held > 0) cells[`${kind}/${id} held`] = held;
    if (refused > 0) cells[`${kind}/${id} refused`] = refused;
  }
  return cells;
}
