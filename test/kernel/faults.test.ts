import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Bpf, BpfObject } from 'bpflow/sdk';
import { tracepointsMiss } from '../../receivers/ebpf/kernel/preemption.ts';
import { EventReceiver, NO_EVENTS } from './event-receiver.ts';
import { ROOMY } from './event-ways.ts';
import { bpf, isEmulated, skip } from './machine.ts';
import { type KernelScope, ObservedReceiver } from './receiver.ts';
import { reads, type Samples } from './samples.ts';
import { REFUSED_LOG, SpoiledObjects } from './spoiled-objects.ts';
import { own, Workloads } from './workload.ts';

const QUIET = { collect_file_io: false, collect_network: false, exclude_processes: [] };
const CALLS = 2000;

describe('what the kernel refuses', { skip }, () => {
  const workloads = new Workloads();
  after(() => workloads[Symbol.dispose]());

  /** Calls of a program under this name, exactly. */
  async function counts(receiver: ObservedReceiver, name: string): Promise<Samples> {
    await workloads.run(own(name), 'getppid', CALLS, 1);
    const view = (samples: Samples) => samples.total('ebpf_syscall_count', { process: own(name), syscall: 'getppid' });
    return reads(receiver, view, CALLS);
  }

  test('a tracepoint that is gone takes away what stands on it, says so, and nothing else', async () => {
    using objects = new SpoiledObjects().withoutTracepoint('sched', 'sched_wakeup');
    await using receiver = new ObservedReceiver({ ...QUIET, collect_scheduler: true }, { objects: objects.folder });
    const programs = statusOf(receiver.scope);
    for (const rung of ['btf', 'raw']) equal(programs.get(`sched_wakeup_${rung}`)?.state, 'failed', rung);
    equal(receiver.scope.reported.at(-1)?.state, 'degraded');
    match(receiver.scope.reported.at(-1)!.summary, /The wait on the run queue after a wake-up is not measured/);
    const samples = await counts(receiver, 'gone');
    ok(samples.total('ebpf_process_runtime_ns', { process: own('gone') }) > 0);
  });

  test('a tracepoint that is gone is known beforehand: nothing is loaded again, or given up, for it', async () => {
    const loads = async (objects: string | undefined) => {
      let count = 0;
      const kernel = refusing(bpf, () => {
        count++;
      });
      const options = { bpf: kernel, ...(objects !== undefined && { objects }) };
      await using receiver = new ObservedReceiver({ ...QUIET, collect_scheduler: true }, options);
      const { programs } = receiver.scope.views.get('programs')!({}) as { programs: readonly Status[] };
      return { count, failed: programs.filter(({ state }) => state === 'failed') };
    };
    using objects = new SpoiledObjects().withoutTracepoint('sched', 'sched_wakeup');
    const [whole, spoiled] = [await loads(undefined), await loads(objects.folder)];
    equal(spoiled.count, whole.count);
    for (const { reason } of spoiled.failed.filter(({ program }) => program.startsWith('sched_wakeup_'))) {
      match(reason, /^the kernel has no tracepoint x+$/);
    }
    // Typed and raw: there is none at the trace event.
    equal(spoiled.failed.length - whole.failed.length, 2);
  });

  test('without any tracepoint the agent says what is lost, of each part in a sentence', async () => {
    const features = { tp_btf: 'off', raw_tp: 'off', trace_events: 'off' };
    const keys = { collect_scheduler: true, collect_memory: true, network_messages: true, regular_files: 'on' };
    await using receiver = new ObservedReceiver({ ...keys, features });
    const { state, details } = receiver.scope.reported.at(-1)!;
    equal(state, 'degraded');
    for (const detail of details!) match(detail, /\.$/);
  });

  test('a program that the verifier refuses leaves its last lines, and the next rung counts', async () => {
    using objects = new SpoiledObjects();
    const refused = tracepointsMiss() ? 'tracepoint/raw_syscalls/sys_exit' : 'tp_btf/sys_exit';
    const program = tracepointsMiss() ? 'sys_exit_tp' : 'sys_exit_btf';
    objects.refused('syscall', refused);
    await using receiver = new ObservedReceiver(QUIET, { objects: objects.folder });
    const status = statusOf(receiver.scope).get(program)!;
    equal(status.state, 'failed');
    match(status.reason, /^load: EACCES, .*R0 !read_ok/);
    match(status.log!.join('\n'), REFUSED_LOG);
    ok(status.log!.length <= 16);
    const told = receiver.scope.logged.find(({ fields }) => fields['program'] === program);
    equal(told?.fields['verifier'], status.log!.join('\n'));
    equal(receiver.scope.reported.at(-1)?.state, 'ok');
    await counts(receiver, 'refused');
  });

  test('without the storage of tasks their state is in a table', async () => {
    const kernel = refusing(bpf, (object) => {
      // The kernel takes no size for it.
      object.setMaxEntries('task_states', 7);
    });
    await using receiver = new ObservedReceiver(QUIET, { bpf: kernel });
    equal(receiver.scope.reported.at(-1)?.state, 'ok');
    await counts(receiver, 'table');
  });

  test('tasks that find no room for their state are counted as other, and how often', async () => {
    const kernel = refusing(bpf, (object) => object.setMaxEntries('task_table', 1));
    const features = { task_storage: 'off' };
    await using receiver = new ObservedReceiver({ ...QUIET, features }, { bpf: kernel });
    const rare = process.arch === 'x64' ? ['compat', 'getppid (32-bit)'] : ['sigreturn', 'rt_sigreturn'];
    const view = (samples: Samples) => samples.total('ebpf_syscall_count', { syscall: rare[1]! });
    const before = view(await receiver.read());
    await workloads.run(own('homeless'), rare[0]!, CALLS);
    const samples = await reads(receiver, (each) => view(each) - before, CALLS);
    equal(samples.total('ebpf_syscall_count', { process: own('homeless') }), 0);
    const ledger = receiver.scope.views.get('ledger')?.({}) as Record<string, number>;
    ok(ledger['no_state']! >= CALLS, JSON.stringify(ledger));
  });
});

describe('a CPU that goes offline and comes back', {
  skip: skip || (isEmulated ? false : 'would take a CPU away from this machine; is done in the guests of test/kernels'),
}, () => {
  const online = (on: boolean) => writeFileSync('/sys/devices/system/cpu/cpu1/online', on ? '1' : '0');

  test('loses no count and doubles none', async () => {
    using workloads = new Workloads();
    await using receiver = new ObservedReceiver({ ...QUIET, collect_scheduler: true });
    const name = own('hotplug');
    const running = workloads.run(name, 'getppid', 200_000, 2);
    await wait(200);
    online(false);
    await receiver.collect();
    await wait(200);
    online(true);
    await running;
    const view = (samples: Samples) => samples.total('ebpf_syscall_count', { process: name, syscall: 'getppid' });
    await reads(receiver, view, 200_000 * 2);
  });

  test('has a buffer for events again; what it had none for is counted', async () => {
    using workloads = new Workloads();
    const name = own('plugged');
    const keys = { ...NO_EVENTS, ...ROOMY, collect_signal_events: true, process_filter: [name] };
    await using receiver = new EventReceiver({ ...keys, features: { ringbuf: 'off' } });
    online(false);
    await workloads.run(name, 'sigreturn', 200);
    online(true);
    const ours = () => receiver.events('process.signal').length;
    const lost = () => receiver.balance()['signal']!.dropped['no_buffer']!;
    let rounds = 1;
    // Until a run has nothing without a buffer, after one that had: buffers are looked for once a second.
    for (let before = -1; rounds < 30 && before !== lost(); rounds++) {
      before = lost();
      await workloads.run(name, 'sigreturn', 200);
      await wait(1500);
    }
    const { signal } = await receiver.balanced();
    ok(ours() + signal!.dropped['no_buffer']! >= 200 * rounds, JSON.stringify(signal));
    const before = ours();
    await workloads.run(name, 'sigreturn', 200);
    await receiver.balanced();
    deepEqual([ours() - before, lost()], [200, signal!.dropped['no_buffer']]);
  });
});

interface Status {
  readonly program: string;
  readonly state: string;
  readonly reason: string;
  readonly log?: readonly string[];
}

function statusOf(scope: KernelScope): ReadonlyMap<string, Status> {
  const { programs } = scope.views.get('programs')!({}) as { programs: readonly Status[] };
  return new Map(programs.map((status) => [status.program, status]));
}

/** The kernel, with something done to the object that makes the shared maps before it is loaded. */
function refusing(real: Bpf, change: (object: BpfObject) => void): Bpf {
  return {
    possibleCpus: real.possibleCpus,
    tryLock: (path) => real.tryLock(path),
    enableStats: () => real.enableStats(),
    dropCapabilities: (keep) => real.dropCapabilities(keep),
    capabilities: () => real.capabilities(),
    open: (path, options) => {
      const object = real.open(path, options);
      if (!path.includes('/process.')) return object;
      const load = object.load.bind(object);
      object.load = () => {
        change(object);
        load();
      };
      return object;
    },
  };
}
