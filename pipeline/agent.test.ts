import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { z } from 'zod';
import type { LogBatch } from '../pdata/logs.ts';
import { AGENT, type Agent } from '../sdk/agent.ts';
import { BPF } from '../sdk/bpf.ts';
import type { ComponentSpec, Outlets } from '../sdk/component.ts';
import { defineExporter, defineExtension, defineProcessor, defineReceiver } from '../sdk/define.ts';
import type { ComponentKind, Scope } from '../sdk/scope.ts';
import { token } from '../sdk/tokens.ts';
import { type AgentOptions, createAgent } from './agent.ts';
import { componentId } from './component-id.ts';
import { BUILT_IN } from './errors.ts';
import type { PlannedComponent } from './graph/plan.ts';
import type { MetricsLevel } from './telemetry/level.ts';

const temp = mkdtempSync(join(tmpdir(), 'bpflow-agent-'));
after(() => rmSync(temp, { recursive: true }));

const GREETING = token<{ readonly text: string }>('test-greeting');
const NOBODYS = token<object>('test-nobodys');

describe('an agent', () => {
  it('runs its components, serves its pages, and is gone after the end', async () => {
    const parts = components();
    const agent = await createAgent(options({ ...parts, adminEndpoint: join(temp, 'a', 'admin.sock') }));
    assert.equal(agent.ready(), false);
    await agent.start();
    assert.equal(agent.ready(), true);
    assert.ok(agent.readySince! >= agent.startedAt);
    await parts.emit(3);

    const page = await (await fetch(agent.pages[0]!)).text();
    for (const line of [
      'otelcol_receiver_accepted_log_records{receiver="in"} 3',
      'otelcol_receiver_refused_log_records{receiver="in"} 0',
      'otelcol_processor_incoming_items{otel_signal="logs",processor="half"} 3',
      'otelcol_processor_outgoing_items{otel_signal="logs",processor="half"} 1',
      'otelcol_exporter_sent_log_records{exporter="out"} 1',
      'otelcol_exporter_send_failed_log_records{exporter="out"} 0',
      'bpflow_ledger_in_items{component="half",kind="processor",pipeline="logs"} 3',
      'bpflow_ledger_dropped_items{component="half",kind="processor",pipeline="logs",reason="filtered"} 2',
      'bpflow_ledger_imbalance_items{component="half",kind="processor",pipeline="logs"} 0',
      'bpflow_component_health{component="in",kind="receiver",state="degraded"} 1',
      'bpflow_component_health{component="in",kind="receiver",state="ok"} 0',
      'bpflow_component_health{component="out",kind="exporter",state="ok"} 1',
      'test_emitted 3',
    ]) {
      assert.ok(page.includes(`${line}\n`), `${line}\n\n${page}`);
    }
    assert.match(page, /^otelcol_process_memory_rss [\d.e+]+$/m);
    assert.match(
      page,
      /^target_info\{service_instance_id="[-0-9a-f]{36}",service_name="bpflow",service_version="\S+"\} 1$/m,
    );

    const views = (await admin(agent.adminPath!, '/v1/views')) as { views: unknown[] };
    assert.deepEqual(views.views, [
      { kind: 'service', id: 'agent', name: 'ledger' },
      { kind: 'service', id: 'agent', name: 'pipelines' },
      { kind: 'exporter', id: 'out', name: 'seen' },
    ]);
    assert.equal(await admin(agent.adminPath!, '/v1/views/exporter/out/seen'), 1);
    const health = (await admin(agent.adminPath!, '/v1/health')) as {
      ready: boolean;
      components: { id: string; summary: string }[];
    };
    assert.equal(health.ready, true);
    assert.equal(health.components.find(({ id }) => id === 'in')?.summary, 'Half of it.');

    const { adminPath, pages } = agent;
    await Promise.all([agent.stop(), agent.stop()]);
    assert.equal(agent.ready(), false);
    assert.deepEqual(parts.stops, ['in', 'out', 'greeter']);
    assert.ok(agent.health().every(({ state }) => state === 'stopped'));
    await assert.rejects(fetch(pages[0]!));
    await assert.rejects(admin(adminPath!, '/v1/health'));
  });

  it('times its processors at the level detailed', async () => {
    const parts = components();
    const agent = await createAgent(options({ ...parts, level: 'detailed' }));
    await agent.start();
    await parts.emit(3);
    await parts.emit(3);
    const page = await (await fetch(agent.pages[0]!)).text();
    assert.match(page, /^otelcol_processor_internal_duration_count\{otel_signal="logs",processor="half"\} 2$/m);
    await agent.stop();
  });

  it('gives components the services of extensions and of the agent', async () => {
    const parts = components();
    const agent = await createAgent(options(parts));
    const { scope } = parts.exporter();
    assert.equal(scope.get(GREETING).text, 'hello');
    assert.equal(scope.get(AGENT), agent);
    assert.equal(scope.get(BPF), scope.get(BPF));
    assert.equal(scope.find(NOBODYS), undefined);
    assert.throws(() => scope.get(NOBODYS), {
      message:
        'exporter "out" needs the service "test-nobodys", which nothing provides: name an extension that does in service.extensions.',
    });
    await agent.stop();
  });

  it('wants a name where several extensions provide a service', async () => {
    const parts = components();
    const second = planned({ ...greeter(parts.stops, 'good day'), type: 'second' } as unknown as ComponentSpec);
    const agent = await createAgent(options({ ...parts, extensions: [...parts.extensions, second] }));
    const { scope } = parts.exporter();
    assert.equal(scope.get(GREETING, 'greeter').text, 'hello');
    assert.equal(scope.get(GREETING, 'second').text, 'good day');
    assert.throws(() => scope.get(GREETING), {
      message:
        'exporter "out" needs the service "test-greeting", which several components provide: name one of greeter, second.',
    });
    assert.throws(() => scope.get(GREETING, 'third'), {
      message:
        'exporter "out" needs the service "test-greeting" of the extension "third", which does not provide it: name one that does, in service.extensions too.',
    });
    await agent.stop();
  });

  it('gives components the service of a receiver while it runs, whoever asks and was started first', async () => {
    const parts = components();
    const source = (type: string) =>
      planned(
        defineReceiver({
          ...common(type),
          produces: ['logs'],
          create: (_, scope) => ({ start: () => scope.provide(GREETING, { text: `from ${type}` }) }),
        }),
      );
    const agent = await createAgent(options({ ...parts, extensions: [], sources: [source('one'), source('two')] }));
    const { scope } = parts.exporter();
    assert.equal(scope.find(GREETING), undefined);
    await agent.start();
    assert.equal(scope.get(GREETING, 'one').text, 'from one');
    assert.equal(scope.get(GREETING, 'two').text, 'from two');
    assert.throws(() => scope.find(GREETING), {
      message:
        'exporter "out" needs the service "test-greeting", which several components provide: name one of one, two.',
    });
    await agent.stop();
    assert.equal(scope.find(GREETING), undefined);
  });

  it("wants a name where an extension provides what a receiver does, and keeps the agent's own", async () => {
    const parts = components();
    let refusal: unknown;
    const source = planned(
      defineReceiver({
        ...common('source'),
        produces: ['logs'],
        create: (_, scope) => {
          scope.provide(GREETING, { text: 'mine' });
          assert.throws(() => scope.provide(GREETING, { text: 'again' }), /provides already/);
          try {
            scope.provide(AGENT, {} as Agent);
          } catch (thrown) {
            refusal = thrown;
          }
          return {};
        },
      }),
    );
    const agent = await createAgent(options({ ...parts, sources: [source] }));
    const { scope } = parts.exporter();
    assert.equal(scope.get(GREETING).text, 'hello', 'nothing is found before the start');
    await agent.start();
    assert.throws(() => scope.get(GREETING), /several components provide: name one of source, greeter\.$/);
    assert.equal(scope.get(GREETING, 'source').text, 'mine');
    assert.equal(scope.get(AGENT), agent);
    assert.match(String(refusal), /receiver "source" provides the service "agent", which the agent or this component/);
    await agent.stop();
  });

  it('refuses an extension that provides a service twice', async () => {
    const parts = components();
    const twice = defineExtension({
      ...common('twice'),
      create(_, scope) {
        scope.provide(GREETING, { text: 'a' });
        scope.provide(GREETING, { text: 'b' });
        return {};
      },
    });
    await assert.rejects(createAgent(options({ ...parts, extensions: [planned(twice)] })), {
      message:
        'failed to build pipelines: failed to create "twice" extension: extension "twice" provides the service "test-greeting", which the agent or this component provides already.',
    });
  });

  it('goes on without an admin socket that cannot be had', async () => {
    const parts = components();
    const lines: string[] = [];
    const agent = await createAgent(options({ ...parts, adminEndpoint: '/proc/nowhere/admin.sock', lines }));
    await agent.start();
    assert.equal(agent.adminPath, undefined);
    assert.match(lines.join(''), /\twarn\tservice\tThe admin socket is not available;/);
    await agent.stop();
  });

  it('stops what had started when something cannot start', async () => {
    const parts = components();
    parts.failStart = true;
    const agent = await createAgent(options(parts));
    await assert.rejects(agent.start(), {
      name: 'PipelineErrors',
      message: 'cannot start pipelines: failed to start "in" receiver: no rights',
    });
    assert.deepEqual(parts.stops, ['in', 'out', 'greeter']);
    await assert.rejects(fetch(agent.pages[0]!));
  });

  it('logs and counts errors that nothing handled', async () => {
    const lines: string[] = [];
    const agent = await createAgent(options({ ...components(), lines }));
    await agent.start();
    agent.unhandled('unhandledRejection', 'just text');
    const page = await (await fetch(agent.pages[0]!)).text();
    assert.match(page, /^bpflow_unhandled_errors\{kind="unhandledRejection"\} 1$/m);
    assert.match(
      lines.join(''),
      /\terror\tservice\tAn error was not handled; the agent goes on\.\t\{.*"error":"just text"/,
    );
    await agent.stop();
  });
});

/** A receiver that emits on call, a processor that keeps one of each batch, an exporter that counts, an extension that greets. */
function components() {
  const stops: string[] = [];
  let next: Outlets<'logs'> | undefined;
  let exporterScope: Scope | undefined;
  const state = {
    stops,
    failStart: false,
    emit: (length: number) => next!.logs!.consume(logs(length), new AbortController().signal),
    exporter: () => ({ scope: exporterScope! }),
    extensions: [planned(greeter(stops))],
    receiver: planned(
      defineReceiver({
        ...common('in'),
        produces: ['logs'],
        create(_, scope, outlets: Outlets<'logs'>) {
          next = outlets;
          const counter = scope.meter.createCounter('test_emitted');
          return {
            start() {
              if (state.failStart) throw new Error('no rights');
              counter.add(3);
              scope.health({ state: 'degraded', summary: 'Half of it.' });
            },
            stop: () => void stops.push('in'),
          };
        },
      }),
    ),
    processor: planned(
      defineProcessor({
        ...common('half'),
        consumes: ['logs'],
        create: () => ({ transform: { logs: () => logs(1) } }),
      }),
    ),
    sink: planned(
      defineExporter({
        ...common('out'),
        consumes: ['logs'],
        create(_, scope) {
          exporterScope = scope;
          let seen = 0;
          scope.inspect('seen', () => seen);
          return {
            consume: {
              logs: (batch) => {
                seen += batch.length;
              },
            },
            stop: () => void stops.push('out'),
          };
        },
      }),
    ),
  };
  return state;
}

function greeter(stops: string[], text = 'hello') {
  return defineExtension({
    ...common('greeter'),
    create(_, scope) {
      scope.provide(GREETING, { text });
      return { stop: () => void stops.push('greeter') };
    },
  });
}

type Parts = Pick<ReturnType<typeof components>, 'extensions' | 'receiver' | 'processor' | 'sink'>;

function options(
  parts: Parts & {
    readonly sources?: readonly PlannedComponent[];
    readonly adminEndpoint?: string;
    readonly lines?: string[];
    readonly level?: MetricsLevel;
  },
): AgentOptions {
  return {
    plan: {
      extensions: parts.extensions,
      pipelines: [
        {
          id: 'logs',
          signal: 'logs',
          receivers: [parts.receiver, ...(parts.sources ?? [])],
          processors: [parts.processor],
          exporters: [parts.sink],
        },
      ],
    },
    logs: { level: 'info', encoding: 'console', write: (line) => void parts.lines?.push(line) },
    metrics: { level: parts.level ?? 'normal', readers: [{ kind: 'pull', host: '127.0.0.1', port: 0 }] },
    adminEndpoint: parts.adminEndpoint,
    shutdownTimeoutMs: 5_000,
  };
}

function planned(spec: unknown): PlannedComponent {
  const { kind, type } = spec as { kind: ComponentKind; type: string };
  return { id: componentId(kind, type), entry: { spec: spec as ComponentSpec, plugin: BUILT_IN }, config: {} };
}

function common(type: string) {
  return { type, stability: 'development', description: 'A fake.', config: z.strictObject({}) } as const;
}

/** A batch of which only its signal and length matter here. */
function logs(length: number): LogBatch {
  return { signal: 'logs', length } as LogBatch;
}

function admin(socketPath: string, path: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    request({ socketPath, path }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve(JSON.parse(text));
    })
      .once('error', reject)
      .end();
  });
}
