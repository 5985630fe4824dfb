import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Collection, kernelOptionsOf } from '../../receivers/ebpf/collection.ts';
import { type Config, config } from '../../receivers/ebpf/config.ts';
import { configFor } from '../../receivers/ebpf/events/event-options.ts';
import { FACTS } from '../../receivers/ebpf/facts.ts';
import { Kernel } from '../../receivers/ebpf/kernel/kernel.ts';
import { programNames } from '../../receivers/ebpf/kernel/ladder.ts';
import { objectFolder, openObject } from '../../receivers/ebpf/kernel/objects.ts';
import { rolesOf as kernelRoles, objectNames } from '../../receivers/ebpf/kernel/parts.ts';
import { LEARN_AGENT } from '../../receivers/ebpf/kernel/process.ts';
import { mapBytes, storageBytes } from '../../receivers/ebpf/plan/map-memory.ts';
import { planEbpf } from '../../receivers/ebpf/plan/plan.ts';
import { rolesOf } from '../../receivers/ebpf/series/metric-fact.ts';
import type { Explanation } from '../../sdk/explain.ts';
import type { ComponentPlan, PlanScope } from '../../sdk/plan.ts';
import { RunningAgent } from './agent.ts';
import { bpf, isBefore, root, skip } from './machine.ts';
import { KernelScope } from './receiver.ts';
import { own, Workloads } from './workload.ts';

const EVERYTHING = {
  collect_syscalls: true,
  collect_scheduler: true,
  collect_file_io: true,
  regular_files: 'on',
  collect_memory: true,
  memory_slab: true,
  collect_network: true,
  network_messages: true,
  collect_dns: true,
  collect_http: true,
};

const EVENTS = ['process', 'signal', 'oom', 'container', 'tcp', 'dns', 'namespace', 'privilege', 'cgroup'];

const TABLES = { features: { task_storage: 'off', sk_storage: 'off' } };

const isFull = process.env['BPFLOW_SUITE'] === 'full';

/** One by default: each takes an agent and a plan of their own. */
const FEATURES: readonly Readonly<Record<string, string>>[] = isFull
  ? [{}, { tp_btf: 'off' }, { iterators: 'off' }]
  : [{ tp_btf: 'off' }];

/** A configuration as it is in a pipeline of metrics. */
function parsed(keys: Readonly<Record<string, unknown>>): Config {
  return configFor(config.parse(keys), new Set(['metrics']));
}

/** Plans in this process, without waiting for anything. */
function planOf(keys: Readonly<Record<string, unknown>>): Promise<ComponentPlan> {
  const at = (callback: () => void) => {
    setImmediate(callback);
    return { cancel() {} };
  };
  const observed = new KernelScope();
  const { id, agent, clock } = observed;
  const scope: PlanScope = {
    id,
    agent,
    clock: { ...clock, after: (_, call) => at(call) },
    get: (token) => observed.get(token),
    find: (token) => observed.find(token),
    signals: new Set(['metrics']),
    used: new Set(['receiver/ebpf']),
  };
  return planEbpf(config.parse(keys), scope, { exercise: async () => {} });
}

/** `bpflow plan` as a process of its own. */
async function bpflowPlan(
  keys: Readonly<Record<string, unknown>>,
): Promise<{ plan: ComponentPlan; code: number | null }> {
  const document = {
    receivers: { ebpf: keys },
    exporters: { prometheus: { endpoint: '127.0.0.1:0' } },
    service: { pipelines: { metrics: { receivers: ['ebpf'], exporters: ['prometheus'] } } },
  };
  const args = ['--conditions=source', join(root, 'bin', 'bpflow'), 'plan', '--format', 'json'];
  const child = spawn(process.execPath, [...args, '--config', `yaml:${JSON.stringify(document)}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  const { components } = JSON.parse(output) as { components: readonly ComponentPlan[] };
  assert.equal(components.length, 1);
  return { plan: components[0]!, code };
}

describe('bpflow plan', { skip }, () => {
  for (const features of FEATURES) {
    test(`says what a running agent attaches with features ${JSON.stringify(features)}`, async () => {
      const keys = { ...EVERYTHING, features };
      const { plan } = await bpflowPlan(keys);
      const agent = await RunningAgent.start(keys);
      try {
        const { programs } = (await agent.view('/v1/views/receiver/ebpf/programs')) as Pick<ComponentPlan, 'programs'>;
        const status = ({ program, state, reason }: ComponentPlan['programs'][number]) => ({ program, state, reason });
        assert.deepEqual(plan.programs.map(status), programs.map(status));
      } finally {
        await agent.stop();
      }
    });
  }

  test('measures what runs, and ends with 2 only when something asked for is absent', async () => {
    const { plan, code } = await bpflowPlan({ collect_scheduler: true });
    const costs = new Map(plan.programs.map(({ program, costNs }) => [program, costNs]));
    for (const program of ['sys_exit_btf', 'sched_switch_btf', 'living']) {
      assert.ok((costs.get(program) ?? 0) > 0, `${program}: ${costs.get(program)}`);
    }
    const latency = plan.metrics.find(({ seedName }) => seedName === 'ebpf_syscall_latency_ns')!;
    assert.equal(latency.costNs, costs.get('sys_exit_btf')! + costs.get('sys_enter_btf')!);
    assert.equal(plan.metrics.find(({ seedName }) => seedName === 'ebpf_context_switches')!.costNs, undefined);
    assert.equal(code, 0);
    assert.equal((await bpflowPlan({ features: { tp_btf: 'off', raw_tp: 'off' } })).code, 2);
  });
});

describe('the plan', { skip }, () => {
  const cases: readonly Readonly<Record<string, unknown>>[] = [
    {},
    { ...EVERYTHING, features: { iterators: 'off' } },
    { collect_network: true, network_messages: false, features: { tp_btf: 'off', raw_tp: 'off' } },
    ...(isFull
      ? [
          EVERYTHING,
          { ...EVERYTHING, features: { tp_btf: 'off' } },
          { ...EVERYTHING, features: { task_storage: 'off', sk_storage: 'off' } },
          { ...EVERYTHING, syscall_latency: false, file_operations: false, memory_allocations: false },
          { collect_syscalls: false, collect_file_io: false },
        ]
      : []),
  ];
  for (const keys of cases) {
    test(`has the metrics that the receiver hands on with ${JSON.stringify(keys)}`, async () => {
      const { metrics, needs } = await planOf(keys);
      const options = { config: parsed(keys), objects: objectFolder(), version: '0' };
      const collection = new Collection(bpf, options);
      try {
        const handedOn = collection.sources.flatMap((source) =>
          source.metrics.map(({ definition }) => definition.name),
        );
        const there = metrics.filter(({ state }) => state === 'exact' || state === 'inexact');
        assert.deepEqual(
          there.map(({ name }) => name).sort(),
          handedOn.map((name) => name.replace(/\.inexact$/, '')).sort(),
        );
        for (const name of handedOn.filter((each) => each.endsWith('.inexact'))) {
          assert.equal(there.find((metric) => `${metric.name}.inexact` === name)?.state, 'inexact');
        }
      } finally {
        collection.close();
      }
      const features = new Set(needs.map(({ feature }) => feature));
      for (const { name, state, reason, needs: own } of metrics) {
        assert.equal(reason === '', state === 'exact', `${name} is ${state}: ${reason}`);
        for (const feature of own) assert.ok(features.has(feature), `${name} needs ${feature}`);
      }
    });
  }

  test('every program that a metric stands on is one that the receiver has', () => {
    const names = new Set<string>();
    const users = { collect_syscalls: false, user_filter: ['root'] };
    for (const keys of [{}, { features: { iterators: 'off' } }, users]) {
      const kernel = load({ ...EVERYTHING, ...keys });
      for (const { role } of kernel.roles()) names.add(role.name);
      kernel.close();
    }
    for (const fact of FACTS)
      for (const role of rolesOf(fact)) assert.ok(names.has(role), `${fact.definition.name}: ${role}`);
  });

  test('every program that there is does something which the receiver knows', () => {
    const events = Object.fromEntries(EVENTS.map((type) => [`collect_${type}_events`, true]));
    const everything = { ...EVERYTHING, ...events, monitor_paths: ['/etc'], memory_threshold: '1GiB' };
    const users = { collect_syscalls: false, user_filter: ['root'] };
    const programs = new Set<string>();
    const known = new Set([LEARN_AGENT]);
    for (const keys of [{}, { features: { iterators: 'off' } }, users]) {
      const all = configFor(config.parse({ ...everything, ...keys }), new Set(['metrics', 'logs']));
      const options = kernelOptionsOf({ config: all, objects: objectFolder() });
      for (const { name } of kernelRoles(options)) for (const each of programNames(name)) known.add(each);
      for (const name of objectNames(options)) {
        using object = openObject(bpf, name, options.source);
        for (const each of object.programNames) programs.add(each);
      }
    }
    assert.ok(programs.size > 100, `${programs.size} programs`);
    assert.deepEqual(
      [...programs].filter((each) => !known.has(each)),
      [],
    );
  });
});

describe('the memory of maps', { skip }, () => {
  const own = isBefore(6, 4) ? 'before Linux 6.4 the kernel does not tell what a map takes' : false;

  for (const [what, keys] of [
    ['with every group', EVERYTHING],
    ['with nothing but tables', { ...EVERYTHING, ...TABLES }],
  ] as const)
    test(`is what the kernel says within 1 % ${what}`, { skip: own }, () => {
      const kernel = load(keys);
      try {
        const locked = lockedByMap();
        for (const map of kernel.maps()) {
          const bytes = mapBytes(map, bpf.possibleCpus);
          // A trie has no entries yet.
          if (bytes === 0 || map.type === 'lpm_trie') continue;
          const kernels = locked.get(map.id)!;
          assert.ok(
            Math.abs(kernels - bytes) <= 1024 + kernels / 100,
            `${map.name}: ${bytes}, the kernel says ${kernels}`,
          );
        }
      } finally {
        kernel.close();
      }
    });

  const withEvents = { ...EVERYTHING, collect_signal_events: true, monitor_paths: ['/etc'] };
  const perPeer = { network_labels: ['peer_address', 'peer_port', 'local_port'] };
  const labels = ['process', 'command', 'cgroup', 'container_id', 'pid'];
  for (const [what, keys, mebibytes] of [
    ['by default', {}, 64],
    ['with every group and every event', withEvents, 64],
    ['with every label', { ...withEvents, labels }, 64],
    [
      'with the table of tasks of kernels without task storage',
      { ...withEvents, features: { task_storage: 'off' } },
      77,
    ],
    ['by default with nothing but tables', TABLES, 76],
    ['with peers told apart', { ...withEvents, ...perPeer }, 128],
    ['with histograms by process', { ...withEvents, histogram_labels: ['process'] }, 184],
    ['with everything that raises it', { ...withEvents, ...perPeer, labels, histogram_labels: labels }, 248],
  ] as const) {
    test(`is below ${mebibytes} MiB on 64 CPUs ${what}`, () => {
      const both = configFor(config.parse(keys), new Set(['metrics', 'logs']));
      const kernel = Kernel.load(bpf, kernelOptionsOf({ config: both, objects: objectFolder() }));
      try {
        const bytes = kernel.maps().reduce((sum, map) => sum + mapBytes(map, 64), 0);
        assert.ok(bytes < mebibytes * 2 ** 20, `${(bytes / 2 ** 20).toFixed(1)} MiB`);
        const unknown = kernel.maps().filter((map) => mapBytes(map, 64) === 0 && storageBytes(map) === undefined);
        assert.deepEqual(
          unknown.map(({ name, type }) => `${name} (${type})`),
          [],
        );
      } finally {
        kernel.close();
      }
    });
  }
});

describe('bpflow explain', { skip }, () => {
  test('leads from the page to the kernel: the raw values of the CPUs, the delta and the line are the truth', async () => {
    using workloads = new Workloads();
    const name = own('explained');
    const agent = await RunningAgent.start({ exclude_processes: ['left-out'] });
    try {
      await workloads.run(name, 'getppid', 1000, 2);
      await agent.read();
      const explain = async (component: string, labels: object, metric = 'ebpf_syscall_count') => {
        const query = new URLSearchParams({ metric, labels: JSON.stringify(labels) });
        return (await agent.view(`/v1/views/${component}/explain?${query}`)) as Explanation;
      };
      const { known, series, facts } = await explain('receiver/ebpf', { process: name, syscall: 'getppid' });
      assert.deepEqual([known, series.length], [true, 1]);
      const told = new Map(series[0]!.facts);
      assert.match(
        told.get('key') ?? '',
        new RegExp(`^syscalls \\{group: \\d+, syscall: \\d+\\}, group \\d+ is ${name}`),
      );
      assert.match(told.get('raw by CPU') ?? '', /= 2000 now$/);
      assert.equal(told.get('read'), '2000 at the last collection, 0 since');
      assert.equal(told.get('last delta'), '2000 handed on, 0 to come');
      const hooks = facts.filter(([fact]) => fact === 'hook').map(([, text]) => text);
      assert.match(hooks.join('\n'), /^tp_btf\/sys_exit, program sys_exit_btf, id \d+; then raw_tp\/sys_exit$/m);

      const page = await explain('exporter/prometheus', { process: name, syscall: 'getppid' });
      assert.deepEqual(
        page.series.map((line) => line.facts),
        [[['exported', '2000']]],
      );

      assert.equal((await explain('receiver/ebpf', {}, 'ebpf_oom_kills')).reason, 'collect_memory is off.');
      assert.match(
        (await explain('receiver/ebpf', { process: 'left-out' })).reason,
        /^The process left-out is left out by/,
      );
      assert.equal((await explain('receiver/ebpf', {}, 'nosuch')).known, false);
    } finally {
      await agent.stop();
    }
  });
});

function load(keys: Readonly<Record<string, unknown>>): Kernel {
  return Kernel.load(bpf, kernelOptionsOf({ config: parsed(keys), objects: objectFolder() }));
}

/** `memlock` of each map that this process has open, by id. */
function lockedByMap(): ReadonlyMap<number, number> {
  const locked = new Map<number, number>();
  for (const file of readdirSync('/proc/self/fdinfo')) {
    const text = infoOf(file);
    const id = /^map_id:\s+(\d+)$/m.exec(text)?.[1];
    const memlock = /^memlock:\s+(\d+)$/m.exec(text)?.[1];
    if (id !== undefined && memlock !== undefined) locked.set(Number(id), Number(memlock));
  }
  return locked;
}

/** Empty for the descriptor that listed the folder. */
function infoOf(file: string): string {
  try {
    return readFileSync(`/proc/self/fdinfo/${file}`, 'utf8');
  } catch {
    return '';
  }
}
