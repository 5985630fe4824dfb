import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parseThreshold, probabilityOf } from 'bpflow/sdk';
import { config } from '../../receivers/ebpf/config.ts';
import { planEbpf } from '../../receivers/ebpf/plan/plan.ts';
import type { PlanScope } from '../../sdk/plan.ts';
import { EventReceiver, NO_EVENTS } from './event-receiver.ts';
import { many, skip } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads, readsUntil, type Samples } from './samples.ts';
import { counted, RULES } from './semantics.ts';
import { own, Workloads } from './workload.ts';

/** 10 % is one in eight. */
const RATE = 10;
const TIMES = 8;

const KEYS = { sample_rate: RATE, histogram_labels: ['process'] };

describe('sample_rate', { skip }, () => {
  const workloads = new Workloads();
  after(() => workloads[Symbol.dispose]());

  for (const [rungs, features] of [
    ['typed tracepoints', {}],
    ['raw tracepoints and a table of tasks', { tp_btf: 'off' }],
  ] as const) {
    test(`leaves the counts of calls and opens exact, and their times within the bound, by ${rungs}`, async () => {
      const process = own('sampled');
      const calls = many(40_000);
      await using receiver = new ObservedReceiver({ ...KEYS, features });
      await workloads.run(process, 'openat', calls);
      const seen = (samples: Samples) => ({
        openat: samples.total('ebpf_syscall_count', { process, syscall: 'openat' }),
        opened: samples.total('ebpf_file_open_count', { process }),
        failed: samples.total('ebpf_file_open_errors', { process, errno: 'ENOENT' }),
      });
      const samples = await reads(receiver, seen, { openat: calls, opened: calls, failed: calls / 2 });
      isNear(samples.total('ebpf_syscall_latency_ns_count', { process, syscall: 'openat' }), calls);
      isNear(samples.total('ebpf_file_io_latency_ns_count', { process, operation: 'open' }), calls);
    });
  }

  test('says in the log, in the plan and in the metrics themselves which share it takes', async () => {
    await using receiver = new ObservedReceiver({ sample_rate: RATE });
    const told = receiver.scope.logged.find(({ message }) => message.startsWith('Latencies and events'));
    deepEqual(told?.fields, { sample_rate: RATE, one_in: TIMES });
    const at = (call: () => void) => {
      setImmediate(call);
      return { cancel() {} };
    };
    const { id, agent, clock } = receiver.scope;
    const scope: PlanScope = {
      ...{ id, agent },
      get: (token) => receiver.scope.get(token),
      find: (token) => receiver.scope.find(token),
      clock: { ...clock, after: (_, call) => at(call) },
      signals: new Set(['metrics']),
      used: new Set([String(id)]),
    };
    const plan = await planEbpf(config.parse({ sample_rate: RATE }), scope, { exercise: async () => {} });
    const stateOf = (name: string) => {
      const { state, reason } = plan.metrics.find(({ seedName }) => seedName === name)!;
      return [state, /one in 8/.test(reason)];
    };
    deepEqual(stateOf('ebpf_syscall_latency_ns'), ['inexact', true]);
    deepEqual(stateOf('ebpf_file_io_latency_ns'), ['inexact', true]);
    deepEqual(stateOf('ebpf_syscall_count'), ['exact', false]);
    deepEqual(stateOf('ebpf_block_io_latency_ns'), ['exact', false]);
  });

  test('chooses a call that the kernel makes again once, not each time', async () => {
    const process = own('again');
    const calls = many(2000);
    await using receiver = new ObservedReceiver(KEYS);
    await workloads.run(process, 'interrupted', 'restart', calls);
    const readv = (samples: Samples) => samples.total('ebpf_syscall_count', { process, syscall: 'readv' });
    const samples = await reads(receiver, readv, calls);
    isNear(samples.total('ebpf_syscall_latency_ns_count', { process, syscall: 'readv' }), calls);
  });

  test('leaves switches exact, and the number of waits on the run queue within the bound', async () => {
    const process = own('waits');
    const turns = many(20_000);
    const keys = { collect_scheduler: true, collect_syscalls: false, collect_file_io: false, collect_network: false };
    await using all = new ObservedReceiver({ ...keys, histogram_labels: ['process'] });
    await using sampled = new ObservedReceiver({ ...keys, ...KEYS });
    const truth = await workloads.run(process, 'pingpong', turns);
    const switches = (samples: Samples) => samples.total('ebpf_context_switches', { process });
    const least = truth['voluntary']!;
    const seen = await readsUntil(all, (samples) => switches(samples) >= least, switches);
    const chosen = await readsUntil(sampled, (samples) => switches(samples) === switches(seen), switches);
    const waits = seen.total('ebpf_runqueue_latency_ns_count', { process });
    ok(waits > turns / 2, `${waits} waits`);
    isNear(chosen.total('ebpf_runqueue_latency_ns_count', { process }), waits);
  });

  test('tells one event in eight with what it stands for; the others are counted as sampled_out', async () => {
    const name = own('told');
    const signals = many(20_000);
    const keys = { ...NO_EVENTS, collect_signal_events: true, event_rate_limit: 1_000_000, ring_buffer_size: 1 << 23 };
    await using receiver = new EventReceiver({ ...keys, sample_rate: RATE, process_filter: [name] });
    await workloads.run(name, 'sigreturn', signals);
    const { signal } = await receiver.balanced();
    ok(signal!.offered >= signals && signal!.dropped['sampled_out']! > 0);
    const thresholds = receiver
      .events('process.signal')
      .filter(({ attributes }) => attributes['process.executable.name'] === name)
      .map(({ attributes }) => String(attributes['sampling.threshold']));
    deepEqual(new Set(thresholds), new Set(['e']));
    isNear(
      thresholds.reduce((total, text) => total + 1 / probabilityOf(parseThreshold(text)!), 0),
      signals,
    );
  });

  test('tells all events at 100, as they are', async () => {
    const name = own('whole');
    const keys = { ...NO_EVENTS, collect_signal_events: true, ring_buffer_size: 1 << 20 };
    await using receiver = new EventReceiver({ ...keys, sample_rate: 100, process_filter: [name] });
    await workloads.run(name, 'sigreturn', 100);
    const { signal } = await receiver.balanced();
    equal(signal!.dropped['sampled_out'], 0);
    const told = receiver.events('process.signal');
    deepEqual([told.length, told.some(({ attributes }) => 'sampling.threshold' in attributes)], [100, false]);
  });
});

describe('what counts as a call, with every second one timed', { skip }, () => {
  const workloads = new Workloads();
  let receiver: ObservedReceiver;
  before(() => {
    receiver = new ObservedReceiver({ sample_rate: 50, collect_file_io: false, collect_network: false });
  });
  after(async () => {
    workloads[Symbol.dispose]();
    await receiver[Symbol.asyncDispose]();
  });

  for (const rule of RULES) {
    test(rule.says, async () => {
      await rule.run(workloads, rule.name);
      await reads(receiver, (samples) => counted(samples, rule), { ...rule.expected });
    });
  }
});

/** What one in eight stands for is a multiple of eight, within five standard deviations of the truth. */
function isNear(estimate: number, truth: number): void {
  equal(estimate % TIMES, 0);
  const bound = 5 * Math.sqrt((TIMES - 1) * truth);
  ok(Math.abs(estimate - truth) <= bound, `${estimate} for ${truth}, give or take ${Math.round(bound)}`);
}
