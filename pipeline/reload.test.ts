import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { z } from 'zod';
import type { LogBatch } from '../pdata/logs.ts';
import { INSPECTION } from '../sdk/agent.ts';
import type { ComponentSpec, Outlets } from '../sdk/component.ts';
import { defineExporter, defineExtension, defineReceiver } from '../sdk/define.ts';
import type { ComponentKind, Scope } from '../sdk/scope.ts';
import { type AgentOptions, createAgent, type RunningAgent } from './agent.ts';
import { readConfiguration } from './cli/configuration.ts';
import { componentId } from './component-id.ts';
import { BUILT_IN } from './errors.ts';
import type { ReadAgain } from './reload.ts';

describe('an agent that reads its configuration again', () => {
  it('counts reloads, tells every problem of a bad one, and stays as it was', async () => {
    await using world = await World.start();
    assert.equal(await world.value('bpflow_config_last_reload_successful'), 1);
    await world.agent.reload(() => Promise.reject(new Error('a.yaml:3:5: exporters::out: bad\na.yaml:4:1: worse')));
    assert.match(
      world.lines.at(-1)!,
      /\terror\tservice\tThe configuration was not reloaded; the one before stays in force\.\t\{"problems":\["a\.yaml:3:5: exporters::out: bad","a\.yaml:4:1: worse"\]\}/,
    );
    assert.equal(await world.value('bpflow_config_last_reload_successful'), 0);
    assert.equal(await world.value('bpflow_config_reloads{result="failure"}'), 1);
    const before = await world.value('bpflow_config_last_reload_success_timestamp_seconds');
    await world.reload({ version: 2 });
    assert.equal(await world.value('bpflow_config_last_reload_successful'), 1);
    assert.equal(await world.value('bpflow_config_reloads{result="success"}'), 1);
    assert.ok((await world.value('bpflow_config_last_reload_success_timestamp_seconds')) > before);
    assert.match(
      world.lines.at(-1)!,
      /The configuration was reloaded\.\t\{"added":\[\],"removed":\[\],"changed":\["exporter\/out"\],"kept":2\}/,
    );
  });

  it('applies the level of the logs at once, and names what needs a restart', async () => {
    await using world = await World.start();
    await world.reload(
      {},
      {
        logs: { level: 'error', encoding: 'json' },
        metrics: { level: 'detailed', readers: [] },
        resource: { a: 'b' },
        adminEndpoint: '/elsewhere',
      },
    );
    assert.match(
      world.lines.at(-2)!,
      /\twarn\tservice\tSome changes take effect only after a restart\.\t\{"changed":\["service\.telemetry\.logs\.encoding","service\.telemetry\.metrics","service\.telemetry\.resource","service\.admin\.endpoint"\]\}/,
    );
    const { length } = world.lines;
    await world.reload({ version: 2 });
    assert.equal(world.lines.length, length);
  });

  it('reads once more when it is asked while it reads', async () => {
    await using world = await World.start();
    const gate = Promise.withResolvers<void>();
    let reads = 0;
    const read = async (): Promise<ReadAgain> => {
      reads++;
      await gate.promise;
      return { options: world.options({}), warnings: [] };
    };
    const asked = [1, 2, 3].map(() => world.agent.reload(read));
    gate.resolve();
    await Promise.all(asked);
    assert.equal(reads, 2);
  });

  it('does not read while it is being stopped', async () => {
    const world = await World.start();
    await world.agent.stop();
    await world.agent.reload(() => assert.fail('it reads'));
    assert.match(world.lines.at(-1)!, /\twarn\tservice\tThe configuration is not read again/);
  });

  it('lets no counter fall while instances come and go, and leaves nothing of them behind', async () => {
    await using world = await World.start();
    const names = [
      'otelcol_exporter_sent_log_records{exporter="out"}',
      'test_observed{to="x"}',
      'test_counted',
      'bpflow_ledger_in_items{component="out",kind="exporter"}',
    ];
    const expected: number[] = [0, 0, 0, 0];
    for (let version = 1; version <= 20; version++) {
      await world.reload({ version });
      await world.emit(version);
      for (const i of names.keys()) expected[i]! += version;
      const page = await world.page();
      assert.deepEqual(
        names.map((name) => valueOn(page, name)),
        expected,
        `after reload ${version}`,
      );
      assert.equal(valueOn(page, 'test_version'), version);
    }
    await world.page();
    assert.deepEqual([...world.observers], [20], 'only the instance that runs is asked for its metrics');
    assert.deepEqual(
      world.agent.health().map(({ id, state }) => `${id} ${state}`),
      ['ext ok', 'out ok', 'in ok'],
    );
    const views = world.scope('ext')!.get(INSPECTION).list();
    assert.deepEqual(
      views.filter(({ kind }) => kind !== 'service'),
      [{ kind: 'exporter', id: 'out', name: 'version' }],
    );
    assert.equal(world.scope('ext')!.get(INSPECTION).read({ kind: 'exporter', id: 'out', name: 'version' }), 20);
  });
});

describe('every component of the example', () => {
  it('has a configuration that reads the same twice, so that a reload keeps it', async () => {
    const config = [join(dirname(import.meta.dirname), 'pipeline.example.yaml')];
    const [first, second] = await Promise.all([1, 2].map(() => readConfiguration({ config, set: [] })));
    assert.ok(first!.resolved.components.length > 10);
    for (const [i, component] of first!.resolved.components.entries()) {
      const { id, config: again } = second!.resolved.components[i]!;
      assert.equal(String(id), String(component.id));
      assert.deepStrictEqual(again, component.config, `${id}`);
    }
  });
});

/** An agent with a receiver that emits on call and an exporter that tells its `version`. */
class World implements AsyncDisposable {
  readonly lines: string[] = [];
  /** Versions whose observable metrics were asked for at the last scrape. */
  readonly observers = new Set<number>();
  agent!: RunningAgent;
  readonly #scopes = new Map<string, Scope>();
  #next: Outlets<'logs'> | undefined;
  readonly #specs: readonly ComponentSpec[] = [
    defineExtension({
      ...common('ext'),
      create: (_, scope) => {
        this.#scopes.set('ext', scope);
        return {};
      },
    }),
    defineReceiver({
      ...common('in'),
      produces: ['logs'],
      create: (_, __, next: Outlets<'logs'>) => {
        this.#next = next;
        return {};
      },
    }),
    defineExporter({ ...common('out'), consumes: ['logs'], create: (config, scope) => this.#exporter(config, scope) }),
  ] as unknown as readonly ComponentSpec[];

  static async start(): Promise<World> {
    const world = new World();
    world.agent = await createAgent(world.options({}));
    await world.agent.start();
    return world;
  }

  options(config: Readonly<Record<string, unknown>>): AgentOptions {
    const [ext, receiver, exporter] = this.#specs.map((spec) => {
      const { kind, type } = spec as { kind: ComponentKind; type: string };
      return {
        id: componentId(kind, type),
        entry: { spec, plugin: BUILT_IN },
        config: kind === 'exporter' ? config : {},
      };
    });
    return {
      plan: {
        extensions: [ext!],
        pipelines: [{ id: 'logs', signal: 'logs', receivers: [receiver!], processors: [], exporters: [exporter!] }],
      },
      logs: { level: 'info', encoding: 'console', write: (line) => void this.lines.push(line) },
      metrics: { level: 'normal', readers: [{ kind: 'pull', host: '127.0.0.1', port: 0 }] },
      adminEndpoint: undefined,
      shutdownTimeoutMs: 5_000,
    };
  }

  reload(config: Readonly<Record<string, unknown>>, more: Partial<AgentOptions> = {}): Promise<void> {
    return this.agent.reload(async () => ({ options: { ...this.options(config), ...more }, warnings: [] }));
  }

  emit(length: number): void | Promise<void> {
    return this.#next!.logs!.consume({ signal: 'logs', length } as LogBatch, new AbortController().signal);
  }

  async page(): Promise<string> {
    this.observers.clear();
    return (await fetch(this.agent.pages[0]!)).text();
  }

  async value(name: string): Promise<number> {
    return valueOn(await this.page(), name);
  }

  scope(id: string): Scope | undefined {
    return this.#scopes.get(id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.agent.stop();
  }

  #exporter(config: unknown, scope: Scope) {
    const version = Number((config as { version?: number }).version ?? 0);
    let items = 0;
    const { meter } = scope;
    const counter = meter.createCounter('test_counted');
    const observed = meter.createObservableCounter('test_observed');
    const gauge = meter.createObservableGauge('test_version');
    meter.addBatchObservableCallback(
      (result) => {
        this.observers.add(version);
        result.observe(observed, items, { to: 'x' });
      },
      [observed],
    );
    gauge.addCallback((result) => result.observe(version));
    scope.inspect('version', () => version);
    return {
      consume: {
        logs: (batch: LogBatch) => {
          items += batch.length;
          counter.add(batch.length);
        },
      },
    };
  }
}

function valueOn(page: string, name: string): number {
  const line = page.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  assert.ok(line, `${name} is not on the page:\n${page}`);
  return Number(line.slice(name.length + 1));
}

function common(type: string) {
  return { type, stability: 'development', description: 'A fake.', config: z.record(z.string(), z.unknown()) } as const;
}
