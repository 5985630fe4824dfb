import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { tracepointsMiss } from '../../receivers/ebpf/kernel/preemption.ts';
import { isEmulated, skip } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads, readsUntil, type Samples } from './samples.ts';
import { counted, RULES } from './semantics.ts';
import { own, Workloads } from './workload.ts';

/** Each way down the ladders, and what must be attached then. */
const LADDERS: readonly {
  readonly features: Readonly<Record<string, string>>;
  readonly attached: readonly string[];
}[] = [
  { features: {}, attached: ['sys_exit_btf', 'sched_switch_btf', 'task_newtask_btf', 'living'] },
  { features: { tp_btf: 'off' }, attached: ['sys_exit_raw', 'sched_switch_raw', 'task_newtask_raw', 'living'] },
  { features: { trace_events: 'on' }, attached: ['sys_exit_tp', 'sched_switch_btf', 'task_newtask_btf', 'living'] },
  { features: { task_storage: 'off' }, attached: ['sys_exit_btf', 'living'] },
  { features: { iterators: 'off' }, attached: ['sys_exit_btf', 'process_leave_btf'] },
  { features: { tp_btf: 'off', iterators: 'off' }, attached: ['sys_exit_raw', 'process_leave_raw'] },
  { features: { batch: 'off' }, attached: ['sys_exit_btf', 'living'] },
];

/** The other groups have tests of their own. */
const GROUPS = { collect_scheduler: true, collect_file_io: false, collect_memory: false, collect_network: false };

for (const { features, attached } of LADDERS) {
  const switched = Object.entries(features).map((feature) => feature.join(' '));
  describe(`with ${switched.length === 0 ? 'everything on' : switched.join(', ')}`, { skip }, () => {
    let receiver: ObservedReceiver;
    let workloads: Workloads;
    before(() => {
      workloads = new Workloads();
      receiver = new ObservedReceiver({
        ...GROUPS,
        exclude_processes: [],
        features,
      });
    });
    after(async () => {
      workloads[Symbol.dispose]();
      await receiver[Symbol.asyncDispose]();
    });

    test('the programs of these rungs are attached, and no others', () => {
      const programs = receiver.programs();
      for (const program of attached) {
        const name = tracepointsMiss() ? program.replace(/^sys_exit_(btf|raw)$/, 'sys_exit_tp') : program;
        assert.equal(programs[name], 'attached', name);
      }
      const suffix = features['tp_btf'] === 'off' ? '_btf' : '_raw';
      assert.deepEqual(
        Object.keys(programs).filter((program) => program.endsWith(suffix)),
        [],
      );
      assert.equal(receiver.scope.reported.at(-1)?.state, 'ok');
    });

    for (const rule of RULES) {
      test(rule.says, async () => {
        await rule.run(workloads, rule.name);
        await reads(receiver, (samples) => counted(samples, rule), { ...rule.expected });
      });
    }

    test('run time and switches are those that the kernel tells the parent', async () => {
      const name = own(`usage-${Object.keys(features).join('-') || 'all'}`);
      const truth = await workloads.run(name, 'mixed', 1);
      const switches = truth['voluntary']! + truth['involuntary']!;
      // What the child of this process does before its exec is not its own: a switch or two, a dozen on a busy machine.
      const near = (counted: number, truth: number, share: number) =>
        Math.abs(counted - truth) <= Math.max(16, truth * share);
      const view = (samples: Samples) => ({
        runtime: samples.total('ebpf_process_runtime_ns', { process: name }),
        switches: samples.total('ebpf_context_switches', { process: name }),
      });
      const holds = (samples: Samples) =>
        near(view(samples).runtime, truth['cpu_s']! * 1e9, isEmulated ? 0.1 : 0.01) &&
        near(view(samples).switches, switches, 0.001);
      await readsUntil(receiver, holds, (samples) => ({ truth, counted: view(samples) }));
    });

    test('the latency of every call that returns is in the histogram, and the wait of every switch', async () => {
      const before = await receiver.read();
      await workloads.run(own('latency'), 'getppid', 1000, 1);
      const samples = await receiver.read();
      const count = (each: typeof samples, syscall: string) => each.total('ebpf_syscall_latency_ns_count', { syscall });
      assert.ok(count(samples, 'getppid') - count(before, 'getppid') >= 1000);
      assert.ok(samples.total('ebpf_runqueue_latency_ns_count') > before.total('ebpf_runqueue_latency_ns_count'));
    });
  });
}

describe('with tracepoints of every kind off', { skip }, () => {
  test('nothing is counted, each program is named, and the health says what is missing', async () => {
    await using receiver = new ObservedReceiver({
      ...GROUPS,
      collect_scheduler: false,
      features: { tp_btf: 'off', raw_tp: 'off', trace_events: 'off' },
    });
    assert.equal(receiver.programs()['sys_exit'], 'off');
    assert.equal(receiver.scope.reported.at(-1)?.state, 'degraded');
    const samples = await receiver.read();
    assert.deepEqual(samples.list, []);
  });
});
