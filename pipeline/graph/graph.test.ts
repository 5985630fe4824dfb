import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import type { LogBatch } from '../../pdata/logs.ts';
import type { Batch, Signal } from '../../pdata/signals.ts';
import { clientOf, peerOf, setClient } from '../../sdk/client.ts';
import type {
  ComponentSpec,
  Connector,
  Consumer,
  Exporter,
  Outlets,
  Processor,
  Receiver,
  Upstream,
} from '../../sdk/component.ts';
import { defineConnector, defineExporter, defineExtension, defineProcessor, defineReceiver } from '../../sdk/define.ts';
import { PermanentError, RetryableError } from '../../sdk/errors.ts';

import type { Clock, ComponentKind, Scope } from '../../sdk/scope.ts';
import { systemClock } from '../clock.ts';
import { componentId } from '../component-id.ts';
import { BUILT_IN, PipelineErrors } from '../errors.ts';
import { buildGraph, type GraphHost } from './build.ts';
import type { Graph } from './graph.ts';
import type { GraphPlan, PlannedComponent } from './plan.ts';

describe('the graph', () => {
  it('shares one batch among all branches', async () => {
    const world = new World();
    const { emit } = world.receiver('in');
    const [a, b] = [world.exporter('a'), world.exporter('b')];
    await world.build({ logs: { receivers: ['in'], exporters: ['a', 'b'] } });
    const batch = logs(3);
    await emit(batch);
    assert.deepEqual([a.got, b.got], [[batch], [batch]]);
    assert.equal(a.got[0], batch);
  });

  it('offers a batch to no branch when one refuses', async () => {
    const world = new World();
    const { emit } = world.receiver('in');
    const [a, b] = [world.exporter('a'), world.exporter('b')];
    await world.build({ logs: { receivers: ['in'], exporters: ['a', 'b'] } });
    b.refusal = new RetryableError('The queue is full.', { retryAfterMs: 7 });
    await assert.rejects(async () => emit(logs(2)), {
      name: 'RetryableError',
      message: 'exporter "b": The queue is full.',
      retryAfterMs: 7,
    });
    assert.deepEqual([a.got, b.got], [[], []]);
    assert.deepEqual(
      world.events.filter((event) => event.startsWith('refused')),
      ['refused 2 logs b'],
    );
    assert.equal(world.row('receiver', 'in').refused, 2);
    assert.equal(world.row('exporter', 'a').in, 0);
  });

  it('keeps a failure after acceptance on its branch, counted and logged', async () => {
    const world = new World();
    const { emit } = world.receiver('in');
    const [a, b] = [world.exporter('a'), world.exporter('b')];
    await world.build({ logs: { receivers: ['in'], exporters: ['a', 'b'] } });
    a.consume = async () => {
      throw new RetryableError('The peer is away.');
    };
    await emit(logs(4));
    assert.equal(b.got.length, 1);
    assert.deepEqual(world.row('exporter', 'a').dropped, { failed: 4 });
    assert.equal(world.row('exporter', 'a').imbalance, 0);
    assert.equal(world.row('receiver', 'in').out, 4);
    assert.match(world.logged.join('\n'), /exporter "a": The peer is away\./);
  });

  it('gives the failure back to the sender when no branch took the batch', async () => {
    const world = new World();
    const { emit } = world.receiver('in');
    for (const id of ['a', 'b']) {
      world.exporter(id).consume = () => {
        throw new RetryableError('Away.');
      };
    }
    await world.build({ logs: { receivers: ['in'], exporters: ['a', 'b'] } });
    await assert.rejects(async () => emit(logs(4)), { name: 'RetryableError' });
    assert.deepEqual(world.row('exporter', 'a').dropped, {});
    assert.equal(world.row('receiver', 'in').refused, 4);
  });

  it('hands the sender of a batch on to what a transform makes of it', async () => {
    const world = new World();
    const { emit } = world.receiver('in');
    world.transform('other', () => logs(2));
    const out = world.exporter('out');
    await world.build({ logs: { receivers: ['in'], processors: ['other'], exporters: ['out'] } });
    const batch = logs(1);
    setClient(batch, { address: '10.0.0.1', metadata: new Map([['x-tenant', ['a']]]) });
    await emit(batch);
    assert.deepEqual(clientOf(out.got[0]!), clientOf(batch));
    assert.equal(peerOf(out.got[0]!), '10.0.0.1');
  });

  it('stays synchronous when every component is', async () => {
    const world = new World();
    const { emit } = world.receiver('in');
    world.transform('same', (batch) => batch);
    world.exporter('out');
    await world.build({ logs: { receivers: ['in'], processors: ['same'], exporters: ['out'] } });
    assert.equal(emit(logs(1)), undefined);
  });

  it('names the component and its plugin when one throws, and calls it permanent', async () => {
    const world = new World();
    const { emit } = world.receiver('in');
    world.transform('bad', () => {
      throw new TypeError('x is not a function');
    });
    world.exporter('out');
    await world.build({ logs: { receivers: ['in'], processors: ['bad'], exporters: ['out'] } });
    await assert.rejects(async () => emit(logs(1)), {
      name: 'PermanentError',
      message: 'processor "bad" (plugin "fakes"): x is not a function',
    });
  });

  it('names only the component that threw, not those in front of it', async () => {
    const world = new World();
    const { emit } = world.receiver('in');
    world.stateful('pass', { consume: (batch, next, abort) => next.consume(batch, abort) });
    world.exporter('out').consume = async () => {
      throw new PermanentError('No.');
    };
    await world.build({ logs: { receivers: ['in'], processors: ['pass'], exporters: ['out'] } });
    await assert.rejects(async () => emit(logs(1)), { message: 'exporter "out": No.' });
  });

  it('runs one processor instance for each pipeline and one exporter for all', async () => {
    const world = new World();
    const { emit } = world.receiver('in');
    const made = world.transform('same', (batch) => batch);
    const out = world.exporter('out');
    await world.build({
      logs: { receivers: ['in'], processors: ['same'], exporters: ['out'] },
      'logs/2': { receivers: ['in'], processors: ['same'], exporters: ['out'] },
    });
    assert.deepEqual(made.pipelines, ['logs', 'logs/2']);
    await emit(logs(1));
    assert.equal(out.made, 1);
    assert.equal(out.got.length, 2);
  });

  it('hands a batch over once where two pipelines lead straight to one exporter', async () => {
    const world = new World();
    const { emit } = world.receiver('in');
    const out = world.exporter('out');
    await world.build({
      logs: { receivers: ['in'], exporters: ['out'] },
      'logs/2': { receivers: ['in'], exporters: ['out'] },
    });
    await emit(logs(1));
    assert.equal(out.got.length, 1);
  });

  it('joins pipelines by a connector and asks what follows it before it takes a batch', async () => {
    const world = new World();
    const { emit } = world.receiver('in');
    world.connector('link');
    const out = world.exporter('out');
    await world.build({
      logs: { receivers: ['in'], exporters: ['link'] },
      'logs/2': { receivers: ['link'], exporters: ['out'] },
    });
    await emit(logs(5));
    assert.equal(out.got.length, 1);
    assert.equal(world.row('connector', 'link').in, 5);
    assert.equal(world.row('connector', 'link').imbalance, 0);
    out.refusal = new RetryableError('Full.');
    await assert.rejects(async () => emit(logs(5)), { message: 'exporter "out": Full.' });
    assert.equal(world.row('connector', 'link').in, 5);
  });

  it('reports every component that cannot be made, and stops those that were', async () => {
    const world = new World();
    world.receiver('in');
    world.broken('processor', 'p1');
    world.broken('exporter', 'e1');
    const out = world.exporter('out');
    const error = await world
      .build({ logs: { receivers: ['in'], processors: ['p1'], exporters: ['e1', 'out'] } })
      .catch((thrown: unknown) => thrown);
    assert.ok(error instanceof PipelineErrors);
    assert.deepEqual(error.message.split('\n'), [
      'failed to build pipelines: failed to create "e1" exporter (plugin "fakes"): e1 is broken',
      'failed to build pipelines: failed to create "p1" processor (plugin "fakes"): p1 is broken',
    ]);
    assert.equal(out.stopped, 1);
  });

  it('names a component whose create() makes nothing, or not what its spec says', async () => {
    const world = new World();
    world.receiver('in');
    world.odd('processor', 'nothing', undefined);
    world.odd('processor', 'other', { consume: {} });
    world.exporter('out');
    await assert.rejects(
      world.build({ logs: { receivers: ['in'], processors: ['nothing', 'other'], exporters: ['out'] } }),
      {
        message: [
          'failed to build pipelines: failed to create "other" processor (plugin "fakes"): It has no consume for logs.',
          'failed to build pipelines: failed to create "nothing" processor (plugin "fakes"): Its create() returned no component.',
        ].join('\n'),
      },
    );
  });

  it('refuses a signal that a component does not have, a connector without both ends, and a cycle', async () => {
    const world = new World();
    world.receiver('in');
    world.exporter('out');
    world.connector('link');
    world.connector('back');
    world.connector('open');
    const error = await world
      .build({
        metrics: { receivers: ['in'], exporters: ['out'] },
        logs: { receivers: ['in', 'back'], exporters: ['link', 'open'] },
        'logs/2': { receivers: ['link'], exporters: ['back'] },
      })
      .catch((thrown: Error) => thrown.message.split('\n'));
    assert.deepEqual(error, [
      'failed to build pipelines: failed to create "out" exporter for data type "metrics": telemetry type is not supported',
      'failed to build pipelines: cycle detected: connector "link" -> connector "back" -> connector "link"',
      'failed to build pipelines: connector "open" used as exporter in [logs] pipeline but not used in any supported receiver pipeline',
      'failed to build pipelines: failed to create "in" receiver for data type "metrics": telemetry type is not supported',
    ]);
  });
});

describe('the life of the graph', () => {
  it('starts extensions, consumers, then receivers, and stops the other way round, flushing on the way', async () => {
    const world = new World();
    world.extension('ext');
    world.receiver('in');
    world.stateful('hold', {});
    world.exporter('out');
    const graph = await world.build({ logs: { receivers: ['in'], processors: ['hold'], exporters: ['out'] } }, ['ext']);
    await graph.start();
    await graph.stop(1000);
    assert.deepEqual(world.events, [
      'start ext',
      'start out',
      'start hold',
      'start in',
      'stop in',
      'flush hold',
      'stop hold',
      'flush out',
      'stop out',
      'stop ext',
    ]);
  });

  it('hands on what a processor held when it stops', async () => {
    const world = new World();
    const { emit } = world.receiver('in');
    const held: { batch: Batch; next: Consumer<Batch>; abort: AbortSignal }[] = [];
    world.stateful('hold', {
      consume: (batch, next, abort) => void held.push({ batch, next, abort }),
      held: () => held.length,
      flush: async () => {
        for (const { batch, next, abort } of held.splice(0)) await next.consume(batch, abort);
      },
    });
    const out = world.exporter('out');
    const graph = await world.build({ logs: { receivers: ['in'], processors: ['hold'], exporters: ['out'] } });
    await graph.start();
    await emit(logs(1));
    assert.equal(world.row('processor', 'hold').held, 1);
    assert.equal(world.row('processor', 'hold').imbalance, 0);
    await graph.stop(1000);
    assert.equal(out.got.length, 1);
    assert.equal(world.row('processor', 'hold').imbalance, 0);
  });

  it('starts nothing that depends on what failed, and tells every failure', async () => {
    const world = new World();
    const { started } = world.receiver('in');
    for (const id of ['a', 'b']) {
      world.exporter(id).start = () => {
        throw new Error(`listen tcp: ${id} is in use`);
      };
    }
    const graph = await world.build({ logs: { receivers: ['in'], exporters: ['a', 'b'] } });
    await assert.rejects(graph.start(), {
      message: [
        'cannot start pipelines: failed to start "a" exporter: listen tcp: a is in use',
        'cannot start pipelines: failed to start "b" exporter: listen tcp: b is in use',
      ].join('\n'),
    });
    assert.equal(started(), false);
  });

  it('stops once, and does not wait for a component beyond the timeout', async () => {
    const world = new World();
    world.receiver('in');
    const slow = world.exporter('slow');
    const quick = world.exporter('quick');
    slow.stop = () => new Promise<void>(() => {});
    const graph = await world.build({ logs: { receivers: ['in'], exporters: ['slow', 'quick'] } });
    await graph.start();
    const unfinished = await graph.stop(30);
    assert.deepEqual(
      unfinished.map((node) => String(node.id)),
      ['slow'],
    );
    await graph.stop(30);
    assert.deepEqual([slow.stopped, quick.stopped], [1, 1]);
  });

  it('does not let a last collection that hangs take the time of the others', async () => {
    const world = new World();
    world.receiver('in', { collect: () => new Promise<void>(() => {}) });
    const out = world.exporter('out');
    const graph = await world.build({ logs: { receivers: ['in'], exporters: ['out'] } });
    await graph.start();
    assert.deepEqual(await graph.stop(60), []);
    assert.equal(out.stopped, 1);
  });

  it('goes on stopping when a component fails while it stops', async () => {
    const world = new World();
    world.receiver('in');
    world.stateful('bad', {
      flush: () => {
        throw new Error('no disk');
      },
    });
    const out = world.exporter('out');
    const graph = await world.build({ logs: { receivers: ['in'], processors: ['bad'], exporters: ['out'] } });
    await graph.start();
    await graph.stop(1000);
    assert.equal(out.stopped, 1);
    assert.match(world.logged.join('\n'), /no disk/);
  });
});

describe('the ledger', () => {
  it('enters what a transform filters and makes', async () => {
    const world = new World();
    const { emit } = world.receiver('in');
    world.transform('half', () => logs(2));
    world.transform('double', () => logs(4));
    world.transform('none', () => undefined);
    world.exporter('out');
    world.exporter('nowhere');
    await world.build({
      logs: { receivers: ['in'], processors: ['half', 'double'], exporters: ['out'] },
      'logs/2': { receivers: ['in'], processors: ['none'], exporters: ['nowhere'] },
    });
    await emit(logs(5));
    assert.deepEqual(world.row('processor', 'half'), { ...ROW, in: 5, out: 2, dropped: { filtered: 3 } });
    assert.deepEqual(world.row('processor', 'double'), { ...ROW, in: 2, out: 4, created: { transformed: 2 } });
    assert.deepEqual(world.row('processor', 'none'), { ...ROW, in: 5, dropped: { filtered: 5 } });
    assert.deepEqual(world.row('exporter', 'out'), { ...ROW, in: 4, out: 4 });
  });

  it('takes the reasons a transform declares, and enters them only once when the batch comes again', async () => {
    const world = new World();
    const { emit } = world.receiver('in');
    world.transform('cap', (_, scope) => {
      scope.items.dropped(2, 'overflow');
      scope.items.merged(1);
      return logs(2);
    });
    const out = world.exporter('out');
    await world.build({ logs: { receivers: ['in'], processors: ['cap'], exporters: ['out'] } });
    out.consume = () => {
      throw new RetryableError('Later.');
    };
    await assert.rejects(async () => emit(logs(6)));
    assert.deepEqual(world.row('processor', 'cap'), ROW);
    out.consume = () => {};
    await emit(logs(6));
    assert.deepEqual(world.row('processor', 'cap'), {
      ...ROW,
      in: 6,
      out: 2,
      dropped: { overflow: 2, filtered: 1 },
      merged: 1,
    });
  });
});

describe('pulling', () => {
  it('collects once for those who ask at the same time, and flushes what lies between', async () => {
    const world = new World();
    let collections = 0;
    const gate = Promise.withResolvers<void>();
    const { emit } = world.receiver('in', {
      collect: async () => {
        collections++;
        await gate.promise;
        await emit(logs(1));
      },
    });
    world.stateful('hold', { consume: (batch, next, abort) => next.consume(batch, abort) });
    const out = world.exporter('out');
    await world.build({ logs: { receivers: ['in'], processors: ['hold'], exporters: ['out'] } });
    assert.equal(out.upstream!.pullable, true);
    const asked = [1, 2].map(() => out.upstream!.collect({ maxAgeMs: 1000, timeoutMs: 60_000 }));
    gate.resolve();
    assert.deepEqual(await Promise.all(asked), ['fresh', 'fresh']);
    assert.equal(collections, 1);
    assert.equal(out.got.length, 1);
    assert.ok(world.events.includes('flush hold'));
  });

  it('answers late when the limit passes first, counts it, and lets the collection go on', async () => {
    const world = new World();
    const gate = Promise.withResolvers<void>();
    const { emit } = world.receiver('in', { collect: () => gate.promise.then(() => emit(logs(1))) });
    const out = world.exporter('out');
    const graph = await world.build({ logs: { receivers: ['in'], exporters: ['out'] } });
    assert.equal(await out.upstream!.collect({ maxAgeMs: 0, timeoutMs: 5 }), 'late');
    assert.equal(graph.pullTotals.late, 1);
    gate.resolve();
    assert.equal(await out.upstream!.collect({ maxAgeMs: 0, timeoutMs: 60_000 }), 'fresh');
    assert.ok(out.got.length >= 1);
  });

  it('serves data that is young enough, and collects anew when it must be newer', async () => {
    let now = 0;
    const world = new World({ ...systemClock(), monotonic: () => now });
    let collections = 0;
    world.receiver('in', {
      collect: async () => {
        collections++;
      },
    });
    const out = world.exporter('out');
    await world.build({ logs: { receivers: ['in'], exporters: ['out'] } });
    const collect = (maxAgeMs: number) => out.upstream!.collect({ maxAgeMs, timeoutMs: 60_000 });
    now = 10_000;
    await collect(1000);
    now = 10_900;
    await collect(1000);
    assert.equal(collections, 1);
    now = 11_001;
    await collect(1000);
    assert.equal(collections, 2);
  });

  it('reaches receivers through connectors, only those that feed the exporter', async () => {
    const world = new World();
    const collected: string[] = [];
    for (const id of ['near', 'far', 'other']) {
      world.receiver(id, { collect: async () => void collected.push(id) });
    }
    world.receiver('push');
    world.connector('link');
    const out = world.exporter('out');
    const otherOut = world.exporter('other_out');
    const pushOut = world.exporter('push_out');
    await world.build({
      logs: { receivers: ['far'], exporters: ['link'] },
      'logs/2': { receivers: ['near', 'link'], exporters: ['out'] },
      'logs/3': { receivers: ['other'], exporters: ['other_out'] },
      'logs/4': { receivers: ['push'], exporters: ['push_out'] },
    });
    await out.upstream!.collect({ maxAgeMs: 0, timeoutMs: 60_000 });
    assert.deepEqual(collected.sort(), ['far', 'near']);
    assert.equal(otherOut.upstream!.pullable, true);
    assert.equal(pushOut.upstream!.pullable, false);
  });

  it('serves on when a receiver fails to collect', async () => {
    const world = new World();
    world.receiver('in', {
      collect: async () => {
        throw new Error('map gone');
      },
    });
    const out = world.exporter('out');
    const graph = await world.build({ logs: { receivers: ['in'], exporters: ['out'] } });
    await out.upstream!.collect({ maxAgeMs: 0, timeoutMs: 60_000 });
    assert.equal(graph.pullTotals.failed, 1);
    assert.match(world.logged.join('\n'), /receiver "in": map gone/);
  });

  it('collects a last time when it stops', async () => {
    const world = new World();
    const { emit } = world.receiver('in', { collect: async () => emit(logs(1)) });
    const out = world.exporter('out');
    const graph = await world.build({ logs: { receivers: ['in'], exporters: ['out'] } });
    await graph.start();
    await graph.stop(1000);
    assert.equal(out.got.length, 1);
  });
});

const ROW = { in: 0, out: 0, dropped: {}, created: {}, merged: 0, held: 0, imbalance: 0, refused: 0 };

/** A batch of which only its signal and length matter here. */
function logs(length: number): LogBatch {
  return { signal: 'logs', length } as LogBatch;
}

interface PipelineSketch {
  readonly receivers: readonly string[];
  readonly processors?: readonly string[];
  readonly exporters: readonly string[];
}

interface FakeExporter {
  readonly got: Batch[];
  made: number;
  stopped: number;
  refusal: RetryableError | undefined;
  upstream: Upstream | undefined;
  consume: ((batch: Batch) => void | Promise<void>) | undefined;
  start: (() => void) | undefined;
  stop: (() => Promise<void>) | undefined;
}

/** Fake components of all kinds, and what happened to them. */
class World {
  readonly events: string[] = [];
  readonly logged: string[] = [];
  readonly #clock: Clock;
  readonly #specs = new Map<string, ComponentSpec>();
  /** Ids of components that come from a plugin. */
  readonly #foreign = new Set<string>();
  #graph: Graph | undefined;

  constructor(clock: Clock = systemClock()) {
    this.#clock = clock;
  }

  receiver(id: string, extra: Partial<Receiver> = {}) {
    let next: Outlets<'logs'> | undefined;
    this.#add(
      defineReceiver({
        ...common(id),
        produces: ['logs'],
        create: (_, __, outlets: Outlets<'logs'>) => {
          next = outlets;
          return { ...this.#life(id), ...extra };
        },
      }),
    );
    return {
      emit: (batch: LogBatch) => next!.logs!.consume(batch, new AbortController().signal),
      started: () => this.events.includes(`start ${id}`),
    };
  }

  transform(id: string, transform: (batch: Batch, scope: Scope) => Batch | undefined) {
    const pipelines: (string | undefined)[] = [];
    this.#foreign.add(id);
    this.#add(
      defineProcessor({
        ...common(id),
        consumes: ['logs'],
        create: (_, scope): Processor => {
          pipelines.push(scope.pipeline);
          return { transform: { logs: (batch) => transform(batch, scope) as LogBatch | undefined } };
        },
      }),
    );
    return { pipelines };
  }

  stateful(
    id: string,
    fake: {
      consume?: (batch: Batch, next: Consumer<Batch>, abort: AbortSignal) => void | Promise<void>;
      flush?: () => void | Promise<void>;
      held?: () => number;
    },
  ): void {
    this.#add(
      defineProcessor({
        ...common(id),
        consumes: ['logs'],
        create: (): Processor => ({
          ...this.#life(id),
          consume: { logs: fake.consume ?? (() => {}) },
          held: fake.held ?? (() => 0),
          flush: () => {
            this.events.push(`flush ${id}`);
            return fake.flush?.();
          },
        }),
      }),
    );
  }

  exporter(id: string): FakeExporter {
    const fake: FakeExporter = {
      got: [],
      made: 0,
      stopped: 0,
      refusal: undefined,
      upstream: undefined,
      consume: undefined,
      start: undefined,
      stop: undefined,
    };
    this.#add(
      defineExporter({
        ...common(id),
        consumes: ['logs'],
        create: (_, __, upstream): Exporter => {
          fake.made++;
          fake.upstream = upstream;
          return {
            start: () => {
              this.events.push(`start ${id}`);
              fake.start?.();
            },
            stop: () => {
              this.events.push(`stop ${id}`);
              fake.stopped++;
              return fake.stop?.();
            },
            flush: () => void this.events.push(`flush ${id}`),
            refusal: () => fake.refusal,
            refused: (items, signal) => void this.events.push(`refused ${items} ${signal} ${id}`),
            consume: { logs: (batch) => (fake.consume ? fake.consume(batch) : void fake.got.push(batch)) },
          };
        },
      }),
    );
    return fake;
  }

  connector(id: string): void {
    this.#add(
      defineConnector({
        ...common(id),
        connects: [{ from: 'logs', to: 'logs' }],
        create: (_, __, next): Connector => ({
          consume: { logs: (batch, abort) => next.logs!.consume(batch, abort) },
        }),
      }),
    );
  }

  extension(id: string): void {
    this.#add(defineExtension({ ...common(id), create: () => this.#life(id) }));
  }

  broken(kind: 'processor' | 'exporter', id: string): void {
    this.#foreign.add(id);
    const create = (): never => {
      throw new Error(`${id} is broken`);
    };
    const define = kind === 'processor' ? defineProcessor : defineExporter;
    this.#add(define({ ...common(id), consumes: ['logs' as const], create }) as ComponentSpec);
  }

  /** A component whose create() returns what it should not. */
  odd(kind: 'processor', id: string, made: unknown): void {
    this.#foreign.add(id);
    this.#add({ ...defineProcessor({ ...common(id), consumes: ['logs'], create: () => made as Processor }), kind });
  }

  async build(pipelines: Readonly<Record<string, PipelineSketch>>, extensions: readonly string[] = []): Promise<Graph> {
    const planned =
      (kinds: readonly ComponentKind[]) =>
      (id: string): PlannedComponent => {
        const kind = kinds.find((candidate) => this.#specs.has(`${candidate}/${id}`))!;
        return {
          id: componentId(kind, id),
          entry: { spec: this.#specs.get(`${kind}/${id}`)!, plugin: this.#foreign.has(id) ? 'fakes' : BUILT_IN },
          config: {},
        };
      };
    const plan: GraphPlan = {
      extensions: extensions.map(planned(['extension'])),
      pipelines: Object.entries(pipelines).map(([id, sketch]) => ({
        id,
        signal: id.split('/', 1)[0] as Signal,
        receivers: sketch.receivers.map(planned(['receiver', 'connector'])),
        processors: (sketch.processors ?? []).map(planned(['processor'])),
        exporters: sketch.exporters.map(planned(['exporter', 'connector'])),
      })),
    };
    this.#graph = await buildGraph(plan, this.#host());
    return this.#graph;
  }

  row(kind: ComponentKind, id: string) {
    const node = this.#graph!.nodes.find((candidate) => candidate.id.kind === kind && String(candidate.id) === id)!;
    const { ledger } = node;
    const held = node.held();
    const out = kind === 'exporter' ? ledger.expectedOut(held) : ledger.out;
    return {
      in: ledger.in,
      out,
      dropped: Object.fromEntries(ledger.dropped),
      created: Object.fromEntries(ledger.created),
      merged: ledger.merged,
      held,
      imbalance: ledger.expectedOut(held) - out,
      refused: kind === 'receiver' ? (ledger.refusedBySignal.get('logs') ?? 0) : 0,
    };
  }

  #add(spec: unknown): void {
    const component = spec as ComponentSpec;
    this.#specs.set(`${component.kind}/${component.type}`, component);
  }

  #life(id: string) {
    return {
      start: () => void this.events.push(`start ${id}`),
      stop: () => void this.events.push(`stop ${id}`),
    };
  }

  #host(): GraphHost {
    const write = (message: string, fields?: Readonly<Record<string, unknown>>): void =>
      void this.logged.push(`${message} ${Object.values(fields ?? {}).join(' ')}`);
    return {
      clock: this.#clock,
      abort: new AbortController().signal,
      converter: () => assert.fail('no metrics here'),
      stage: () => ({
        seat: (id, pipeline, items) => ({
          scope: {
            id,
            pipeline,
            clock: this.#clock,
            items,
            log: { debug: write, info: write, warn: write, error: write },
          } as unknown as Scope,
          show: () => {},
          started: () => {},
          unavailable: () => {},
          stopping: () => {},
          stopped: () => {},
          leave: () => {},
        }),
        keep: () => {},
        answers: () => true,
        adopt: () => {},
      }),
    };
  }
}

function common(type: string) {
  return { type, stability: 'development', description: 'A fake.', config: z.strictObject({}) } as const;
}
