import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { dirname } from 'node:path';
import { after, describe, test } from 'node:test';
import { EventReceiver, NO_EVENTS } from './event-receiver.ts';
import { skip } from './machine.ts';
import { named } from './network-names.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads, type Samples } from './samples.ts';
import { own, Workloads } from './workload.ts';

/** A user that nobody else on the machine is. */
const USER = 100_000_000 + process.pid;
const N = 10;
const SIZE = 1000;
const CALLS = ['getppid', 'setresuid', 'clone', 'read', 'openat', 'exit_group'];

const RUNGS = [
  ['typed tracepoints', {}],
  ['raw tracepoints and a table of tasks', { tp_btf: 'off' }],
  ['trace events', { trace_events: 'on' }],
] as const;

/** What the workload does with its own user: before, after, and in its other thread; and what it does as {@link USER}. */
const MEANWHILE = { getppid: 2 * N, setresuid: 1, clone: 2 * N, read: 2 * N, openat: 2 * N, exit_group: 2 * N };
const OTHERWISE = { getppid: 8 * N, setresuid: 1 };

describe('user_filter', { skip }, () => {
  const workloads = new Workloads('users');
  const sockets = new Workloads('sockets');
  after(() => {
    workloads[Symbol.dispose]();
    sockets[Symbol.dispose]();
  });
  const work = (name: string) => workloads.run(name, USER, N, SIZE);

  for (const [rungs, features] of RUNGS) {
    test(`counts what threads do while they are the user, by ${rungs}`, async () => {
      const process = own('users');
      const keys = { user_filter: [String(USER)], features, collect_scheduler: true, exclude_processes: [] };
      await using receiver = new ObservedReceiver(keys);
      await work(process);
      const view = (samples: Samples) => ({
        calls: pick(samples.by('syscall', 'ebpf_syscall_count', { process })),
        read: samples.total('ebpf_file_read_bytes', { process }),
        opens: samples.total('ebpf_file_open_count', { process }),
        processes: Object.keys(samples.by('process', 'ebpf_syscall_count')),
        // For all processes together: the kernel half itself leaves the others out.
        timed: samples.total('ebpf_syscall_latency_ns_count', { syscall: 'getppid' }),
      });
      const samples = await reads(receiver, view, {
        calls: MEANWHILE,
        read: 2 * N * SIZE,
        opens: 2 * N,
        processes: [process],
        timed: 2 * N,
      });
      assert.ok(samples.total('ebpf_process_runtime_ns', { process }) > 0);
    });
  }

  test('is the same without latency, where a CPU remembers its last task', async () => {
    const process = own('users');
    const keys = { user_filter: [USER], syscall_latency: false, collect_file_io: false, exclude_processes: [] };
    await using receiver = new ObservedReceiver(keys);
    await work(process);
    await reads(receiver, (samples) => pick(samples.by('syscall', 'ebpf_syscall_count', { process })), MEANWHILE);
  });

  for (const [rungs, features] of RUNGS) {
    test(`bytes are right also where no call is counted, by ${rungs}`, async () => {
      const process = own('users');
      const off = { collect_syscalls: false, collect_network: false, file_operations: false };
      await using receiver = new ObservedReceiver({ user_filter: [USER], ...off, features });
      await work(process);
      const read = (samples: Samples) => samples.by('process', 'ebpf_file_read_bytes');
      await reads(receiver, read, { [process]: 2 * N * SIZE });
    });
  }

  test('the others count the rest, by name, number or range', async () => {
    const process = own('users');
    for (const users of [['root'], [0], ['0-99', USER + 1]]) {
      await using receiver = new ObservedReceiver({ user_filter: users, exclude_processes: [] });
      await work(process);
      const rest = (samples: Samples) => {
        const { getppid, setresuid } = samples.by('syscall', 'ebpf_syscall_count', { process });
        return { getppid, setresuid };
      };
      await reads(receiver, rest, OTHERWISE);
    }
  });

  test('sockets belong to who opened them', async () => {
    const process = own('user-tcp');
    const path = sockets.program(process);
    chmodSync(dirname(path), 0o755);
    const connections = async (user: number) => {
      await using receiver = new ObservedReceiver({ user_filter: [user], collect_syscalls: false });
      const child = spawn(path, ['tcp', '10', '4', 'here'], { uid: USER, gid: USER, stdio: 'ignore' });
      assert.equal((await once(child, 'exit'))[0], 0);
      return (await receiver.read()).total(named('ebpf_tcp_connections_opened_total'), { process });
    };
    assert.deepEqual([await connections(USER), await connections(USER + 1)], [10, 0]);
  });

  test('events are filtered alike', async () => {
    const process = own('user-fork');
    const keys = { ...NO_EVENTS, collect_process_events: true, user_filter: [USER], exclude_processes: [] };
    await using receiver = new EventReceiver(keys);
    await work(process);
    await receiver.until(() => receiver.events('process.exit').length >= 2 * N);
    const balance = await receiver.balanced();
    const seen = receiver.events().map(({ name, attributes }) => `${name} ${attributes['process.user.id']}`);
    const count = (name: string) => seen.filter((each) => each === `${name} ${USER}`).length;
    assert.deepEqual([count('process.fork'), count('process.exit'), seen.length], [2 * N, 2 * N, 4 * N]);
    assert.ok(balance['fork']!.dropped['excluded']! >= 5 * N, 'what root forked');
  });

  test('a user that nobody knows is refused', () => {
    assert.throws(() => new ObservedReceiver({ user_filter: ['nobody-knows'] }), /no user "nobody-knows"/);
  });
});

function pick(calls: Readonly<Record<string, number>>): Record<string, number | undefined> {
  return Object.fromEntries(CALLS.map((call) => [call, calls[call]]));
}
