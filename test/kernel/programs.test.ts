import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, closeSync, copyFileSync, existsSync, fsyncSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { kernelIds } from '../../native/test/programs.ts';
import { RunningAgent } from './agent.ts';
import { Cable } from './cable.ts';
import { ProgramsFolder } from './described.ts';
import { disk, has, isBefore, skip } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads } from './samples.ts';
import { own, Workloads } from './workload.ts';

/** As little else as can be. */
const KEYS = {
  collect_syscalls: false,
  collect_file_io: false,
  collect_network: false,
  exclude_processes: [],
};
const beforeTcx = isBefore(6, 6) && 'tcx needs Linux 6.6';
const withoutKprobes = !existsSync('/sys/bus/event_source/devices/kprobe') && 'this kernel is built without kprobes';

const observed = (folder: ProgramsFolder, keys = {}) =>
  new ObservedReceiver({ ...KEYS, ...keys, programs_path: folder.path });

describe('programs of your own', { skip }, () => {
  const cable = skip === false ? new Cable() : undefined;
  after(() => cable?.[Symbol.dispose]());

  test('at an interface: what comes by XDP, and what goes by tc', { skip: beforeTcx || cable?.reason }, async () => {
    using folder = new ProgramsFolder();
    folder.add('interface-packets', (text) => text.replaceAll('eth0', cable!.name));
    await using receiver = observed(folder);
    await cable!.exchange(300);
    const udp = { family: 'ipv4', protocol: 'udp' };
    const samples = await reads(receiver, (samples) => samples.by('direction', 'interface_packets_total', udp), {
      receive: 300,
      transmit: 300,
    });
    // Ethernet, IP and UDP have 42 bytes; what is sent has 100 more, what comes back 10.
    assert.deepEqual(samples.by('direction', 'interface_bytes_total', udp), { receive: 300 * 52, transmit: 300 * 142 });
  });

  test('at an interface whose driver refuses XDP for packets of its size', { skip: cable?.reason }, async () => {
    using folder = new ProgramsFolder();
    using _ = cable!.large();
    folder.add('interface-packets', (text) => withoutSent(text.replaceAll('eth0', cable!.name)));
    await using receiver = observed(folder);
    await cable!.exchange(50);
    await reads(receiver, (samples) => samples.by('direction', 'interface_packets_total', { protocol: 'udp' }), {
      receive: 50,
    });
  });

  for (const which of ['any', 'the cable']) {
    test(`at a packet socket of ${which}`, { skip: cable?.reason }, async () => {
      using folder = new ProgramsFolder();
      folder.add('ether-types', (text) => (which === 'any' ? text : text.replace('any', cable!.name)));
      await using receiver = observed(folder);
      const before = (await receiver.read()).by('way', 'frame_count_total', { type: 'arp' });
      cable!.forget();
      await cable!.exchange(1);
      const samples = await reads(
        receiver,
        (samples) => (samples.total('frame_count_total', { type: 'arp' }) > sum(before) ? 'told' : ''),
        'told',
      );
      assert.ok(samples.total('frame_count_total', { type: 'ipv4', way: 'out' }) >= 1);
    });
  }

  test('at a function of a library, as it is called and as it returns', { skip: !has('getent') }, async () => {
    using folder = new ProgramsFolder();
    folder.add('name-lookups');
    await using receiver = observed(folder);
    const name = own('look');
    const program = join(folder.path, name);
    copyFileSync(execFileSync('sh', ['-c', 'command -v getent'], { encoding: 'utf8' }).trim(), program);
    for (let i = 0; i < 20; i++) spawnSync(program, ['ahosts', '127.0.0.1']);
    const labels = { command: name };
    const samples = await reads(receiver, (samples) => samples.total('name_lookup_duration_us_count', labels), 20);
    const whole = samples.total('name_lookup_duration_us_sum', labels);
    assert.ok(whole > 0 && whole < 60_000_000, `${whole} us`);
    assert.equal(samples.of('name_lookup_duration_us_bucket', { ...labels, le: '+Inf' })[0]?.value, 20);
  });

  test('at a function of the kernel', { skip: withoutKprobes }, async () => {
    using folder = new ProgramsFolder();
    folder.add('sync-calls');
    await using receiver = observed(folder);
    // An overlay would sync the file below, too.
    const path = join(disk, `synced-${process.pid}`);
    const file = openSync(path, 'w');
    for (let i = 0; i < 25; i++) fsyncSync(file);
    closeSync(file);
    rmSync(path);
    const command = readFileSync('/proc/self/comm', 'utf8').trim();
    await reads(receiver, (samples) => samples.total('file_sync_count_total', { command }), 25);
  });

  test('beside them the agent counts as ever, and plan, status, explanation and maps tell of them', async () => {
    using folder = new ProgramsFolder();
    const path = folder.add('name-lookups');
    using workloads = new Workloads();
    await using receiver = observed(folder, { collect_syscalls: true });
    const name = own('beside');
    await workloads.run(name, 'getppid', 100, 1);
    await reads(receiver, (samples) => samples.total('ebpf_syscall_count', { process: name, syscall: 'getppid' }), 100);
    const programs = receiver.programs();
    assert.equal(programs['name-lookups/lookup_begins'], 'attached');
    assert.equal(programs['name-lookups/lookup_ends'], 'attached');
    assert.equal(receiver.scope.reported.at(-1)?.state, 'ok');
    const maps = receiver.scope.views.get('maps')!({}) as { map: string; capacity: number }[];
    assert.equal(maps.find(({ map }) => map === 'lookup_times')?.capacity, 1024);
    const told = receiver.scope.views.get('explain')!({ metric: 'name_lookup.duration' }) as {
      known: boolean;
      facts: [string, string][];
    };
    assert.ok(told.known);
    assert.deepEqual(
      told.facts.map(([fact]) => fact),
      ['metric', 'description', 'hook', 'hook', 'map'],
    );
    assert.equal(told.facts[1]![1], path);
  });

  test('with collect_programs off none of them is loaded', async () => {
    using folder = new ProgramsFolder();
    folder.add('name-lookups');
    await using receiver = observed(folder, { collect_programs: false });
    assert.deepEqual(
      statusOf(receiver).filter(({ program }) => program.startsWith('name-lookups')),
      [],
    );
  });

  test('after the stop nothing of them is in the kernel', async () => {
    using folder = new ProgramsFolder();
    folder.add('name-lookups');
    const receiver = observed(folder);
    const ids = idsOf(receiver);
    assert.ok(ids.every((id) => kernelIds('program').has(id)));
    await receiver[Symbol.asyncDispose]();
    assert.ok(ids.every((id) => !kernelIds('program').has(id)));
  });
});

test('at a reload they are attached with the rights that were kept, or told what is missing', { skip }, async () => {
  using folder = new ProgramsFolder();
  folder.add('name-lookups');
  folder.add('ether-types');
  const agent = await RunningAgent.start({ ...KEYS, programs_path: folder.path });
  try {
    assert.doesNotMatch(agent.stderr, /is not used/);
    const told = await agent.reload({ ...KEYS, programs_path: folder.path, collect_memory: true });
    assert.doesNotMatch(told, /ether-types/);
    assert.match(told, /name-lookups\.yaml.*Uprobes take CAP_SYS_ADMIN.*or write uprobe\.multi\/libc/);
  } finally {
    await agent.stop();
  }
});

test('a path that is no folder is told', { skip }, async () => {
  using folder = new ProgramsFolder();
  const path = folder.write('file', '');
  await using receiver = new ObservedReceiver({ ...KEYS, programs_path: path });
  assert.match(statusOf(receiver).find(({ program }) => program === path)?.reason ?? '', /ENOTDIR/);
});

describe('a description that cannot be used is told, and does not touch the others', { skip }, () => {
  const cases: readonly (readonly [what: string, spoil: (folder: ProgramsFolder) => void, reason: RegExp])[] = [
    ['without its object', (folder) => folder.write('spoiled.yaml', 'programs: {}'), /spoiled\.bpf\.o is missing/],
    ['that is no YAML', edited(() => 'programs: {\n  a:\n'), /spoiled\.yaml:\d+:\d+: /],
    [
      'with an unknown key',
      edited((text) => `${text}\nprogramms: {}\n`),
      /spoiled\.yaml:\d\d:1: Unrecognized key: "programms"/,
    ],
    [
      'with a wrong value',
      edited((text) => text.replace('histogram', 'histo')),
      /spoiled\.yaml:8:11: metrics\.x\.duration\.kind: /,
    ],
    [
      'without programs',
      edited((text) => text.replace(/programs:[\s\S]*?metrics/, 'programs: {}\nmetrics')),
      /names no program/,
    ],
    [
      'of a program that is not there',
      edited((text) => text.replace('lookup_ends:', 'lookup_end:')),
      /no program lookup_end; it has lookup_begins, lookup_ends/,
    ],
    [
      'of a map that is not there',
      edited((text) => text.replace('map: lookup_times', 'map: times')),
      /metrics\.x\.duration: .*no map times/,
    ],
    [
      'of a member that is not there',
      edited((text) => text.replace('sum_us', 'sum_ms')),
      /has sum_us, slots: there is no sum_ms/,
    ],
    [
      'of a label that is not there',
      edited((text) => text.replace('command:', 'comm:')),
      /\(struct lookup_key\) has command: there is no comm/,
    ],
    [
      'with bounds that do not fit',
      edited((text) => text.replace('sum:', 'bounds: [1, 2]\n    sum:')),
      /27 buckets, which takes 26 bounds, not 2/,
    ],
    ["with a name of the agent's own", edited((text) => text.replace('x.duration', 'ebpf.x')), /agent's own/],
    [
      'with a metric of another',
      edited((text) => text.replace('x.duration', 'name_lookup.duration')),
      /another description has the metric/,
    ],
    [
      'with a function that is not there',
      edited((text) => text.replace('lookup_ends:', 'lookup_ends: { binary: libc.so.6, symbol: no_such }')),
      /no_such/,
    ],
    [
      'with a program in two places',
      edited((text) => text.replace('lookup_ends:', 'lookup_ends: { interface: lo, cgroup: /x }')),
      /one place/,
    ],
    [
      'with an interface that is not there',
      (folder) => folder.add('ether-types', (text) => text.replace('any', 'nowhere0'), 'spoiled'),
      /the interface nowhere0/,
    ],
    [
      'that does not name an interface',
      (folder) => folder.add('interface-packets', (text) => text.replaceAll('interface: eth0', ''), 'spoiled'),
      /add interface: <name>/,
    ],
    [
      'under the name of an object of the agent',
      (folder) => folder.add('ether-types', undefined, 'syscall'),
      /^syscall is the name of an object of the agent/,
    ],
    [
      'that others may write',
      (folder) => chmodSync(folder.add('ether-types', undefined, 'spoiled'), 0o666),
      /can be written by others/,
    ],
  ];
  for (const [what, spoil, reason] of cases) {
    test(what, async () => {
      using folder = new ProgramsFolder();
      folder.add('name-lookups');
      spoil(folder);
      await using receiver = observed(folder);
      const failed = statusOf(receiver).filter(({ state }) => state === 'failed');
      assert.equal(failed.length, 1);
      assert.match(failed[0]!.reason, reason);
      assert.equal(receiver.programs()['name-lookups/lookup_ends'], 'attached');
      assert.equal(receiver.scope.reported.at(-1)?.state, 'degraded');
      const { logged } = receiver.scope;
      assert.ok(logged.some(({ level, fields }) => level === 'warn' && reason.test(String(fields['reason']))));
    });
  }
});

function statusOf(receiver: ObservedReceiver): readonly Status[] {
  return (receiver.scope.views.get('programs')!({}) as { programs: Status[] }).programs;
}

/** Of the described programs. */
function idsOf(receiver: ObservedReceiver): readonly number[] {
  const ids = statusOf(receiver).flatMap(({ program, id }) => (program.includes('/') && id !== undefined ? id : []));
  assert.equal(ids.length, 2);
  return ids;
}

interface Status {
  readonly program: string;
  readonly state: string;
  readonly reason: string;
  readonly id?: number;
}

/** Adds the description of lookups under another name, spoiled. */
function edited(edit: (text: string) => string): (folder: ProgramsFolder) => void {
  return (folder) =>
    void folder.add(
      'name-lookups',
      (text) => edit(text.replace('name_lookup.duration', 'x.duration').replace('name_lookup_duration', 'x_duration')),
      'spoiled',
    );
}

function withoutSent(text: string): string {
  return text.replace(/^ {2}count_sent:.*\n/m, '');
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}
