import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { bpf, kernelIds, objectFile, open, skip, until } from './test/programs.ts';

const helpers = JSON.stringify(new URL('./test/programs.ts', import.meta.url).href);

interface Ids {
  readonly program: number;
  readonly link: number;
  readonly map: number;
}

/** A script that holds an attached program, a map, a ring with a callback and statistics, tells their ids, and then does `last`. */
const holding = (tell: string, last: string) => `
  const { bpf, open } = await import(${helpers});
  const counter = open('counter');
  counter.load();
  const link = counter.program('count').attach();
  const ring = open('ring');
  ring.load();
  const stormy = ring.program('on_call').attach();
  ring.map('events').ring().onReadable(() => {});
  const iterators = open('iterators');
  iterators.load();
  const statistics = bpf.enableStats();
  ${tell}({ program: counter.program('count').id, link: link.id, map: counter.map('calls').id });
  ${last}
`;

function asModule(script: string): URL {
  return new URL(`data:text/javascript,${encodeURIComponent(script)}`);
}

async function holdingWorker(last: string): Promise<{ readonly worker: Worker; readonly ids: Ids }> {
  const script = `import { parentPort } from 'node:worker_threads';${holding('parentPort.postMessage', last)}`;
  const worker = new Worker(asModule(script));
  const [ids] = (await once(worker, 'message')) as [Ids];
  return { worker, ids };
}

/** Programs are freed some time after their last reference: the kernel is asked until they are gone. */
async function assertGone(ids: Ids): Promise<void> {
  await until(() => !kernelIds('link').has(ids.link), 'the link is gone');
  await until(() => !kernelIds('program').has(ids.program), 'the program is gone');
  await until(() => !kernelIds('map').has(ids.map), 'the map is gone');
}

function assertThere(ids: Ids): void {
  assert.ok(kernelIds('link').has(ids.link));
  assert.ok(kernelIds('program').has(ids.program));
  assert.ok(kernelIds('map').has(ids.map));
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

function residentKiB(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
}

describe('the end of an environment', { skip }, () => {
  it('takes everything of a worker with it that is terminated while attached', async () => {
    const { worker, ids } = await holdingWorker('setInterval(() => {}, 1000);');
    assertThere(ids);
    await worker.terminate();
    await assertGone(ids);
  });

  it('takes everything of a worker with it that is terminated in a busy callback', async () => {
    const { worker, ids } = await holdingWorker(`
      ring.map('plain').ring().onReadable(() => { parentPort.postMessage('busy'); for (;;); });
      ring.program('emit_mixed').testRun();
    `);
    await once(worker, 'message');
    await worker.terminate();
    await assertGone(ids);
  });

  it('takes everything of a worker with it that ends by itself', async () => {
    for (const last of ['process.exit(0);', `throw new Error('the worker ends');`]) {
      const { worker, ids } = await holdingWorker(`parentPort.on('message', () => { ${last} });`);
      worker.on('error', (error) => assert.equal(error.message, 'the worker ends'));
      const exit = once(worker, 'exit');
      worker.postMessage('end');
      await exit.catch(() => once(worker, 'exit'));
      await assertGone(ids);
    }
  });

  it('takes everything of a process with it', async () => {
    const script = holding('((ids) => console.log(JSON.stringify(ids)))', 'process.exit(0);');
    const result = spawnSync(process.execPath, ['--conditions=source', '--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    assert.equal(result.stderr, '');
    assert.equal(result.status, 0);
    await assertGone(JSON.parse(result.stdout));
  });

  it('leaves the handles of other environments alone', async () => {
    using own = open('counter');
    own.load();
    using link = own.program('count').attach();
    const { worker, ids } = await holdingWorker('setInterval(() => {}, 1000);');
    await worker.terminate();
    await assertGone(ids);
    assertThere({ program: own.program('count').id, link: link.id, map: own.map('calls').id });
    assert.equal(own.program('read_level').testRun(), 7);
  });

  it('comes to many workers, one after the other and several at a time', async () => {
    const before = descriptors();
    for (let round = 0; round < 5; round++) {
      const started = await Promise.all([1, 2, 3].map(() => holdingWorker('setInterval(() => {}, 1000);')));
      await Promise.all(started.map(({ worker }) => worker.terminate()));
      for (const { ids } of started) await assertGone(ids);
    }
    await until(() => descriptors() <= before, 'the descriptors are closed');
  });
});

describe('a handle', { skip }, () => {
  it('that nobody remembers stays open: a link is not detached by the garbage collector', async () => {
    let ids: Ids | undefined;
    let close = () => {};
    (() => {
      const object = open('counter');
      object.load();
      const link = object.program('count').attach();
      ids = { program: object.program('count').id, link: link.id, map: object.map('calls').id };
      const weak = new WeakRef(object);
      close = () => weak.deref()?.close();
    })();
    for (let i = 0; i < 3; i++) {
      collectGarbage();
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(ids);
    assertThere(ids);
    close();
    await assertGone(ids);
  });

  it('that was closed can be collected, with what came from it', async () => {
    const finalized: string[] = [];
    const registry = new FinalizationRegistry<string>((what) => finalized.push(what));
    (() => {
      const object = open('ring');
      object.load();
      const map = object.map('events');
      const ring = map.ring();
      ring.onReadable(() => {});
      const link = object.program('on_call').attach();
      registry.register(object, 'object');
      registry.register(map, 'map');
      registry.register(ring, 'ring');
      registry.register(link, 'link');
      object.close();
    })();
    await until(() => {
      collectGarbage();
      return finalized.length === 4;
    }, 'the closed handles are collected');
    assert.deepEqual(finalized.toSorted(), ['link', 'map', 'object', 'ring']);
  });

  it('costs nothing after it was closed: many rounds without growth', async () => {
    const round = () => {
      const object = open('ring');
      object.load();
      const link = object.program('on_call').attach();
      const ring = object.map('events').ring();
      ring.onReadable(() => {});
      object.program('emit_some').testRun(new Uint8Array(BigUint64Array.of(5n).buffer));
      ring.drain(new Uint8Array(4096));
      using _statistics = bpf.enableStats();
      link.close();
      object.close();
      assert.throws(() => bpf.open('/no/such/object'));
      const refused = open('refused');
      assert.throws(() => refused.load());
    };
    const settle = async () => {
      collectGarbage();
      await new Promise((resolve) => setTimeout(resolve, 5));
      collectGarbage();
    };
    const block = async () => {
      const before = residentKiB();
      for (let i = 0; i < 40; i++) {
        round();
        if (i % 10 === 0) await settle();
      }
      await settle();
      return residentKiB() - before;
    };
    await block();
    const descriptorsBefore = descriptors();
    const grown = [await block(), await block(), await block()];
    await until(() => descriptors() <= descriptorsBefore, 'the descriptors are closed');
    // The allocator may grow once or twice; what leaks grows in every block.
    assert.ok(Math.min(...grown) < 400, `grown by ${grown.join(', ')} KiB`);
  });

  it('of a closed ring leaves the event loop alone', async () => {
    const script = `
      const { open } = await import(${helpers});
      const object = open('ring');
      object.load();
      object.map('events').ring().onReadable(() => {});
      setImmediate(() => object.close());
    `;
    const result = spawnSync(process.execPath, ['--conditions=source', '--input-type=module', '-e', script], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    assert.equal(result.stderr, '');
    assert.equal(result.status, 0);
  });

  it('may be closed in any order', () => {
    const object = bpf.open(objectFile('ring'));
    object.load();
    const map = object.map('events');
    const ring = map.ring();
    const link = object.program('on_call').attach();
    map.close();
    assert.throws(() => ring.drain(new Uint8Array(64)), { code: 'closed' });
    ring.close();
    object.close();
    link.close();
    link[Symbol.dispose]();
    map[Symbol.dispose]();
  });
});
