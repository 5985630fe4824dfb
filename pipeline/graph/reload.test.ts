import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deltaPoints, logs, ReloadWorld } from './test/reload-world.ts';

describe('a reload', () => {
  it('keeps every instance that the plan does not change', async () => {
    const world = new ReloadWorld();
    const plan = { logs: { receivers: ['in'], processors: ['hold'], exporters: ['out'] } };
    await world.start(plan, ['ext']);
    const before = world.open();
    assert.deepEqual(await world.reload(plan, ['ext']), {
      added: [],
      removed: [],
      changed: [],
      kept: ['extension/ext', 'exporter/out', 'processor/hold@logs', 'receiver/in'],
    });
    assert.deepEqual(world.open(), before);
    assert.equal(world.events.filter((event) => !event.startsWith('start')).length, 0, world.events.join());
    await world.stop();
  });

  it('replaces only what has changed: consumers start first, and the old drain into the old', async () => {
    const world = new ReloadWorld();
    const plan = { logs: { receivers: ['in'], processors: ['hold'], exporters: ['out', 'other'] } };
    await world.start(plan);
    await world.emit('in', logs(3));
    world.events.length = 0;
    const difference = await world.reload(plan, [], { hold: { size: 2 }, out: { to: 'b' } });
    await world.graph.settled();
    assert.deepEqual(difference.changed, ['exporter/out', 'processor/hold@logs']);
    assert.deepEqual(difference.kept, ['exporter/other', 'receiver/in']);
    assert.deepEqual(world.events, ['start out#2', 'start hold#2', 'stop hold#1', 'stop out#1']);
    assert.deepEqual(world.got(), { 'out#1': [3], 'other#1': [3], 'out#2': [] });
    await world.emit('in', logs(4));
    await world.stop();
    assert.deepEqual(world.got(), { 'out#1': [3], 'other#1': [3, 4], 'out#2': [4] });
    world.balanced();
  });

  it('keeps a receiver while everything behind it changes', async () => {
    const world = new ReloadWorld();
    await world.start({ logs: { receivers: ['in'], exporters: ['a'] } });
    await world.reload({ 'logs/new': { receivers: ['in'], processors: ['hold'], exporters: ['b'] } });
    await world.emit('in', logs(2));
    await world.stop();
    assert.deepEqual(world.got(), { 'a#1': [], 'b#1': [2] });
    assert.equal(world.events.filter((event) => event === 'start in#1').length, 1);
  });

  it('stops a changed receiver before the new one starts, after a last collection', async () => {
    const world = new ReloadWorld();
    const plan = { logs: { receivers: ['pull'], exporters: ['out'] } };
    await world.start(plan);
    world.events.length = 0;
    await world.reload(plan, [], { pull: { port: 2 } });
    assert.deepEqual(world.events, ['collect pull#1', 'stop pull#1', 'start pull#2']);
    await world.collect('out#1');
    assert.equal(world.events.at(-1), 'collect pull#2');
    await world.stop();
    world.balanced();
  });

  it('loses and doubles nothing when the exporter changes under a stream', async () => {
    const world = new ReloadWorld();
    const plan = { logs: { receivers: ['in'], processors: ['hold'], exporters: ['slow', 'other'] } };
    await world.start(plan);
    let sent = 0;
    let over = false;
    const stream = (async () => {
      while (!over) {
        await world.emitRetrying('in', logs(1, sent));
        sent++;
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    for (let turn = 1; turn <= 20; turn++) {
      await world.reload(plan, [], { slow: { turn } });
      for (const seen = sent; sent < seen + 3; ) await new Promise((resolve) => setImmediate(resolve));
    }
    over = true;
    await stream;
    await world.stop();
    assert.ok(sent > 60, `only ${sent} batches`);
    for (const id of ['slow', 'other']) {
      assert.deepEqual(world.numbers(id), [...Array(sent).keys()], id);
    }
    world.balanced();
  });

  it('goes on with the history of a converter, also before a changed exporter', async () => {
    const world = new ReloadWorld();
    const plan = { metrics: { receivers: ['meter'], exporters: ['page'] } };
    await world.start(plan);
    await world.emit('meter', deltaPoints(1, 5));
    await world.reload(plan, [], { page: { port: 2 } });
    await world.emit('meter', deltaPoints(2, 7));
    await world.reload({ ...plan, logs: { receivers: ['in'], exporters: ['out'] } }, [], { page: { port: 2 } });
    await world.emit('meter', deltaPoints(3, 1));
    assert.deepEqual(world.values('page'), [5, 12, 13]);
    await world.stop();
  });

  it('touches nothing when something cannot be made, and names it', async () => {
    const world = new ReloadWorld();
    const plan = { logs: { receivers: ['in'], exporters: ['out'] } };
    await world.start(plan);
    const before = world.open();
    world.events.length = 0;
    await assert.rejects(world.reload(plan, [], { out: { broken: true }, in: { port: 2 } }), {
      name: 'PipelineErrors',
      message: 'failed to build pipelines: failed to create "out" exporter: out is broken',
    });
    assert.deepEqual(world.open(), before);
    assert.deepEqual(world.events, ['stop in#2']);
    await world.emit('in', logs(1));
    assert.deepEqual(world.got()['out#1'], [1]);
    await world.stop();
  });

  it('stops the old one first where it holds what the new one needs', async () => {
    const world = new ReloadWorld();
    const plan = { logs: { receivers: ['in'], exporters: ['out'] } };
    await world.start(plan, [], { out: { port: 1 } });
    world.events.length = 0;
    await world.reload(plan, [], { out: { port: 1, other: true } });
    assert.deepEqual(world.events, ['stop out#2', 'stop out#1', 'start out#3']);
    await world.emit('in', logs(2));
    assert.deepEqual(world.got(), { 'out#1': [], 'out#2': [], 'out#3': [2] });
    await world.stop();
    world.balanced();
  });

  it('does not let two instances of an exclusive component run at a time', async () => {
    const world = new ReloadWorld();
    const plan = { logs: { receivers: ['in'], exporters: ['alone'] } };
    await world.start(plan);
    world.events.length = 0;
    await world.reload(plan, [], { alone: { changed: true } });
    assert.deepEqual(world.events, ['stop alone#1', 'start alone#2']);
    await world.stop();
  });

  it('refuses what comes while a component is replaced in turn', async () => {
    const world = new ReloadWorld();
    const plan = { logs: { receivers: ['in'], exporters: ['alone'] } };
    await world.start(plan);
    world.gate = Promise.withResolvers();
    const reloading = world.reload(plan, [], { alone: { changed: true } });
    await world.seen('stop alone#1');
    await assert.rejects(async () => world.emit('in', logs(1)), {
      name: 'RetryableError',
      message: 'What follows does not run at the moment: it is being started or replaced.',
    });
    world.gate.resolve();
    await reloading;
    await world.emit('in', logs(1));
    assert.deepEqual(world.got(), { 'alone#1': [], 'alone#2': [1] });
    await world.stop();
  });

  for (const [what, config] of [
    ['an exporter', { out: { failing: true } }],
    ['a receiver', { in: { failing: true } }],
    ['an exporter beside a changed receiver', { out: { failing: true }, in: { port: 2 } }],
  ] as const) {
    it(`goes back when ${what} cannot start`, async () => {
      const world = new ReloadWorld();
      const plan = { logs: { receivers: ['in'], processors: ['hold'], exporters: ['out', 'other'] } };
      await world.start(plan);
      const [kept] = world.instances('other');
      await assert.rejects(world.reload(plan, [], config), /failed to start "(in|out)" (receiver|exporter): no rights/);
      await world.emit('in', logs(1));
      assert.equal(world.instances('other')[0], kept);
      await world.stop();
      assert.deepEqual(world.numbers('out'), [0]);
      assert.deepEqual(world.numbers('other'), [0]);
      world.balanced();
    });
  }

  it('refuses what is offered to a component that cannot come back, until a reload succeeds', async () => {
    const world = new ReloadWorld();
    const plan = { logs: { receivers: ['in'], exporters: ['out', 'other'] } };
    await world.start(plan);
    world.faults.set('out', { lame: true });
    await assert.rejects(world.reload(plan, [], { out: { to: 'b' } }), /failed to start "out" exporter: no rights/);
    await assert.rejects(async () => world.emit('in', logs(1)), {
      name: 'RetryableError',
      message: /^exporter "out": It does not run: .* no rights$/,
    });
    const health = world.board.list().map(({ id, state }) => `${id} ${state}`);
    assert.deepEqual(health.sort(), ['in ok', 'other ok', 'out unavailable']);
    world.faults.clear();
    await world.reload(plan, [], { out: { to: 'b' } });
    await world.emit('in', logs(2));
    assert.deepEqual(world.got()['other#1'], [2]);
    await world.stop();
    world.balanced();
  });

  it('replaces what uses a changed extension, and nothing else', async () => {
    const world = new ReloadWorld();
    const plan = { logs: { receivers: ['in'], exporters: ['user', 'out'] } };
    await world.start(plan, ['ext', 'bystander']);
    assert.equal(world.service('user#1'), 'ext#1');
    const difference = await world.reload(plan, ['ext', 'bystander'], { ext: { key: 'new' } });
    assert.deepEqual(difference.changed, ['extension/ext', 'exporter/user']);
    assert.equal(world.service('user#2'), 'ext#2');
    const next = await world.reload(plan, ['bystander'], {});
    assert.deepEqual(next, {
      added: [],
      removed: ['extension/ext'],
      changed: ['exporter/user'],
      kept: ['extension/bystander', 'exporter/out', 'receiver/in'],
    });
    assert.equal(world.service('user#3'), undefined);
    await world.graph.settled();
    assert.equal(world.events.at(-1), 'stop ext#2');
    await world.stop();
  });

  it('joins and leaves connectors', async () => {
    const world = new ReloadWorld();
    await world.start({ logs: { receivers: ['in'], exporters: ['out'] } });
    await world.reload({
      logs: { receivers: ['in'], exporters: ['link'] },
      'logs/2': { receivers: ['link'], exporters: ['out'] },
    });
    await world.emit('in', logs(1, 0));
    await world.reload({ logs: { receivers: ['in'], exporters: ['out'] } });
    await world.emit('in', logs(1, 1));
    await world.stop();
    assert.deepEqual(world.numbers('out'), [0, 1]);
    assert.equal(world.instances('out').length, 1);
    world.balanced();
  });

  it('never lets a total fall, and remembers what removed components lost', async () => {
    const world = new ReloadWorld();
    const plan = { logs: { receivers: ['in'], exporters: ['out', 'other'] } };
    await world.start(plan);
    await world.emit('in', logs(5));
    await world.reload(plan, [], { out: { to: 'b' } });
    assert.equal(world.row('exporter/out').in, 5);
    await world.emit('in', logs(2));
    assert.equal(world.row('exporter/out').in, 7);
    await world.reload({ logs: { receivers: ['in'], exporters: ['other'] } });
    await world.graph.settled();
    assert.equal(world.row('exporter/out').in, 7);
    await world.reload(plan);
    await world.emit('in', logs(1));
    assert.equal(world.row('exporter/out').in, 8);
    await world.stop();
    world.balanced();
  });

  it('does not start anything once the graph is being stopped', async () => {
    const world = new ReloadWorld();
    const plan = { logs: { receivers: ['in'], exporters: ['out'] } };
    await world.start(plan);
    const stopping = world.stop();
    await assert.rejects(world.reload(plan, [], { out: { to: 'b' } }), { code: 'reload' });
    await stopping;
    assert.deepEqual(world.instances('out').length, 1);
  });

  it('stops everything when it is stopped amid a reload', async () => {
    const world = new ReloadWorld();
    const plan = { logs: { receivers: ['in'], exporters: ['alone'] } };
    await world.start(plan);
    world.gate = Promise.withResolvers();
    const reloading = world.reload(plan, [], { alone: { changed: true } });
    await world.seen('stop alone#1');
    const stopping = world.stop();
    world.gate.resolve();
    await assert.rejects(reloading, { code: 'reload' });
    await stopping;
    assert.ok(!world.events.includes('start alone#2'));
    assert.deepEqual(world.open(), []);
  });

  it('gives what a receiver provides to whoever asks, from its start to its end, and never the old one after that', async () => {
    const world = new ReloadWorld();
    const plan = { logs: { receivers: ['source'], exporters: ['out', 'other'] } };
    await world.start(plan);
    assert.equal(world.source('out#1'), 'source#1');
    // With and without a stop before the start.
    for (const [at, config] of [
      [2, { changed: true }],
      [3, { port: 1 }],
      [4, { port: 1, changed: true }],
    ] as const) {
      const found = new Set<string | undefined>();
      let over = false;
      const watching = (async () => {
        for (; !over; await new Promise((resolve) => setImmediate(resolve))) found.add(world.source('out#1'));
      })();
      const { kept } = await world.reload(plan, [], { source: config });
      over = true;
      await watching;
      assert.deepEqual(kept, ['exporter/out', 'exporter/other'], 'who has asked stays');
      assert.equal(world.source('out#1'), `source#${at}`);
      assert.ok([...found].every((name) => [undefined, `source#${at - 1}`, `source#${at}`].includes(name)));
    }
    await world.reload({ logs: { receivers: ['in'], exporters: ['out', 'other'] } });
    assert.equal(world.source('out#1'), undefined);
    await world.stop();
  });

  it('keeps the service of a receiver that stays, and brings one back where the new one cannot start', async () => {
    const world = new ReloadWorld();
    const plan = { logs: { receivers: ['source', 'in'], exporters: ['out'] } };
    await world.start(plan, ['ext']);
    await world.reload(plan, [], { in: { changed: true }, out: { to: 'b' } });
    assert.equal(world.source('out#2'), 'source#1');
    await assert.rejects(world.reload(plan, [], { source: { failing: true } }));
    assert.equal(world.source('out#2'), 'source#3');
    await assert.rejects(world.reload(plan, [], { source: { broken: true } }));
    assert.equal(world.source('out#2'), 'source#3');
    await world.stop();
    assert.equal(world.source('out#2'), undefined);
  });
});
