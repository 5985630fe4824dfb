import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { RunningAgent } from './agent.ts';
import { CgroupTree } from './cgroup-tree.ts';
import { EventReceiver, NO_EVENTS } from './event-receiver.ts';
import { has } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads, type Samples } from './samples.ts';
import { own, Workloads } from './workload.ts';

const N = 250;
/** The workload has two threads. */
const CALLS = 2 * N;
const POD = `/kubepods/burstable/pod1ee4d255-a1bd-4ca0-a48a-${process.pid.toString(16).padStart(12, '0')}`;
const INSIDE = `${POD}/${'0123abcd'.repeat(8)}`;
const OUTSIDE = `/bpflow-host-${process.pid}`;
const CONTAINER = process.pid.toString(16).padStart(64, 'f1fd41ed');

describe('cgroup_filter', { skip: CgroupTree.reason }, () => {
  const workloads = new Workloads();
  const tree = new CgroupTree(`/bpflow-in-${process.pid}/docker-${CONTAINER}.scope`, `/bpflow-out-${process.pid}/a`);
  const [inside, outside] = tree.folders as [string, string];
  after(() => {
    workloads[Symbol.dispose]();
    tree[Symbol.dispose]();
  });

  for (const pattern of [`/bpflow-in-${process.pid}`, `*-in-${process.pid}`, `re:^/bpflow-in-${process.pid}/`]) {
    test(`${pattern.replace(/-\d+/, '')} counts what runs there, as long as it does`, async () => {
      const name = own('cgroup');
      const keys = { cgroup_filter: [pattern], histogram_labels: ['process'], exclude_processes: [] };
      await using receiver = new ObservedReceiver(keys);
      await workloads.run(name, 'cgroup', outside, inside, N);
      await workloads.run(name, 'getppid', 7, 1);
      const view = (samples: Samples) => ({
        calls: samples.by('process', 'ebpf_syscall_count', { syscall: 'getppid' }),
        timed: samples.by('process', 'ebpf_syscall_latency_ns_count', { syscall: 'getppid' }),
      });
      await reads(receiver, view, { calls: { [name]: CALLS }, timed: { [name]: CALLS } });
    });
  }

  test('filters events alike, those of containers by the container’s cgroup', async () => {
    const events = { ...NO_EVENTS, collect_process_events: true, collect_container_events: true };
    await using receiver = new EventReceiver({ ...events, cgroup_filter: [`/bpflow-in-${process.pid}`] });
    const made = [inside, outside].map((folder) => join(folder, '..', 'fedcba98'.repeat(8)));
    for (const folder of made) {
      mkdirSync(folder);
      execFileSync('sh', ['-c', `echo $$ > ${folder}/cgroup.procs && exec true`]);
      rmdirSync(folder);
    }
    await receiver.until(() => receiver.events('container.remove').length > 0);
    await receiver.balanced();
    const seen = receiver.events().map(({ name, attributes }) => `${name} ${attributes['process.linux.cgroup']}`);
    const path = `/bpflow-in-${process.pid}/${'fedcba98'.repeat(8)}`;
    const expected = ['container.create', 'container.start', 'process.exec', 'process.exit', 'container.remove'];
    assert.deepEqual(seen.sort(), expected.map((name) => `${name} ${path}`).sort());
  });
});

describe('scope', { skip: CgroupTree.reason }, () => {
  const workloads = new Workloads();
  const tree = new CgroupTree(`${POD}/${CONTAINER}`, INSIDE, OUTSIDE);
  const [agent, beside, outside] = tree.folders as [string, string, string];
  after(() => {
    workloads[Symbol.dispose]();
    tree[Symbol.dispose]();
  });
  /** Runs the agent in a container of the pod, with these namespaces of its own. */
  const inPod = (...namespaces: readonly string[]) => [
    'sh',
    '-c',
    `echo $$ > ${agent}/cgroup.procs && exec "$@"`,
    'sh',
    ...(namespaces.length === 0 ? [] : ['unshare', ...namespaces]),
  ];
  const visit = async (source: RunningAgent | ObservedReceiver, expected: readonly string[]) => {
    const [here, there] = [own('pod'), own('host')];
    await workloads.run(here, 'cgroup', outside, beside, N);
    await workloads.run(there, 'cgroup', beside, outside, N);
    const counts = Object.fromEntries(expected.map((cgroup) => [cgroup, { [here]: CALLS, [there]: CALLS }]));
    const view = (samples: Samples) =>
      Object.fromEntries(
        [INSIDE, OUTSIDE].flatMap((cgroup) => {
          const found = samples.by('process', 'ebpf_syscall_count', { cgroup, syscall: 'getppid' });
          return Object.keys(found).length === 0 ? [] : [[cgroup, found]];
        }),
      );
    return reads(source, view, counts);
  };
  const KEYS = { labels: ['process', 'cgroup'], exclude_processes: [] };

  test('auto is the pod for a sidecar with process ids of its own', {
    skip: has('unshare') ? false : 'needs unshare',
  }, async () => {
    const running = await RunningAgent.start(KEYS, { prefix: inPod('--pid', '--fork', '--kill-child') });
    try {
      const samples = await visit(running, [INSIDE]);
      const cgroups = Object.keys(samples.by('cgroup', 'ebpf_syscall_count'));
      assert.ok(
        cgroups.every((cgroup) => cgroup.startsWith(POD) || cgroup === ''),
        cgroups.join(),
      );
    } finally {
      // Who made the namespace only waits for the agent.
      const [agent] = readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, 'utf8').split(' ');
      process.kill(Number(agent), 'SIGTERM');
      await running.stop();
    }
  });

  for (const [scope, expected] of [
    ['auto', [INSIDE, OUTSIDE]],
    ['pod', [INSIDE]],
  ] as const) {
    test(`${scope} in a pod that shares the host’s process ids`, async () => {
      const running = await RunningAgent.start({ ...KEYS, scope }, { prefix: inPod() });
      try {
        await visit(running, expected);
      } finally {
        await running.stop();
      }
    });
  }

  test('pod outside any pod counts nothing, and says so', () => {
    const receiver = new ObservedReceiver({ scope: 'pod' });
    const { state, summary } = receiver.scope.reported.at(-1)!;
    assert.deepEqual([state, summary.slice(0, 44)], ['unavailable', 'scope: pod: the agent runs in no pod, so not']);
  });
});
