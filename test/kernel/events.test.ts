import { deepEqual, equal, ok } from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { EventReceiver, NO_EVENTS, type SeenEvent } from './event-receiver.ts';
import { ROOMY } from './event-ways.ts';
import { skip } from './machine.ts';
import { own, Workloads } from './workload.ts';

const ROUNDS = 5;
const PROCESSES = { ...NO_EVENTS, collect_process_events: true, ...ROOMY };

/** By how much two readings of the wall clock may differ that were made at once. */
const SLACK_NS = 1_000_000_000n;

type Attributes = SeenEvent['attributes'];

describe('events of processes', { skip }, () => {
  const workloads = new Workloads('exits');
  after(() => workloads[Symbol.dispose]());

  for (const [rungs, features] of [
    ['typed tracepoints', {}],
    ['raw tracepoints and a table of tasks', { tp_btf: 'off' }],
    ['trace events', { trace_events: 'on' }],
    ['typed tracepoints and a buffer of each CPU', { ringbuf: 'off' }],
    ['raw tracepoints and a buffer of each CPU', { tp_btf: 'off', ringbuf: 'off' }],
  ] as const) {
    test(`tell each fork, exec and exit once, with how it ended, by ${rungs}`, async () => {
      const name = own('exits');
      await using receiver = new EventReceiver({ ...PROCESSES, process_filter: [name], features });
      const begin = wallClock();
      await workloads.run(name, ROUNDS);
      await receiver.until(() => receiver.events('process.exit').length >= 7 * ROUNDS + 1);
      const [forks, execs, exits] = ['process.fork', 'process.exec', 'process.exit'].map((event) =>
        receiver.events(event).map(({ attributes }) => attributes),
      ) as [Attributes[], Attributes[], Attributes[]];
      deepEqual([forks.length, execs.length, exits.length], [7 * ROUNDS, ROUNDS + 1, 7 * ROUNDS + 1]);
      equal(exits.filter((each) => each['process.exit.code'] === 0).length, 5 * ROUNDS + 1);
      equal(exits.filter((each) => each['ebpf.process.exit.signal'] === 'SIGKILL').length, 2 * ROUNDS);
      const forked = forks.map((each) => each['process.pid']);
      const ended = exits.map((each) => each['process.pid']);
      equal(new Set(forked).size, 7 * ROUNDS);
      deepEqual(new Set(ended.filter((pid) => forked.includes(pid))), new Set(forked));
      ok([...forks, ...execs, ...exits].every((each) => each['process.executable.name'] === name));
      for (const { time, observedTime, attributes } of receiver.events()) {
        ok(begin - SLACK_NS <= time && time <= observedTime && observedTime <= wallClock() + SLACK_NS, `${time}`);
        for (const key of ['cpu.logical_number', 'process.pid', 'process.parent_pid', 'process.user.id']) {
          equal(typeof attributes[key], 'number', key);
        }
        ok('importance' in attributes);
        ok(attributes['thread.name'] === name.slice(0, 15) || attributes['thread.name'] === 'exe', 'of /proc/self/exe');
      }
      await receiver.balanced();
    });
  }

  test('an exec by a thread that does not lead is the process’s, and says which thread called', async () => {
    const name = own('byThread');
    await using receiver = new EventReceiver({ ...PROCESSES, process_filter: [name] });
    await workloads.run(name, 1);
    await receiver.until(() => receiver.events('process.exit').length >= 8);
    const [first, byThread, ...others] = receiver.events('process.exec').map(({ attributes }) => attributes);
    deepEqual(others, []);
    equal(first?.['ebpf.process.caller_thread.id'], undefined);
    ok(Number(byThread?.['ebpf.process.caller_thread.id']) > 0);
    deepEqual(byThread?.['process.command_args'], ['exits', 'end']);
    equal(byThread?.['ebpf.process.requested_path'], '/proc/self/exe');
  });
});

/** Since 1970, ns. */
function wallClock(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}
