import { deepEqual, equal, ok } from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { EventReceiver, NO_EVENTS, type SeenEvent } from './event-receiver.ts';
import { skip } from './machine.ts';
import { own, Workloads } from './workload.ts';

const RUNGS = [
  ['typed tracepoints', {}],
  ['raw tracepoints and a table of tasks', { tp_btf: 'off' }],
  ['typed tracepoints, through a buffer of each CPU', { ringbuf: 'off' }],
] as const;

describe('events of namespaces', { skip }, () => {
  const workloads = new Workloads('identity');
  after(() => workloads[Symbol.dispose]());

  for (const [rungs, features] of RUNGS) {
    test(`tell each change once, with what it was before, by ${rungs}`, async () => {
      const name = own('spaces');
      const keys = { ...NO_EVENTS, collect_namespace_events: true, process_filter: [name], features };
      await using receiver = new EventReceiver(keys);
      const truth = await workloads.run(name, 'namespaces');
      const { namespace } = await receiver.balanced();
      const events = receiver.events('process.namespaces').map(({ attributes }) => attributes);
      const seen = events.map((each) => [each['ebpf.namespace.call'], each['ebpf.namespace.types']]);
      deepEqual(seen, [
        ['unshare', ['ipc', 'uts']],
        ['setns', ['uts']],
        ['clone', ['uts']],
      ]);
      const [unshared, joined, cloned] = events;
      equal(unshared?.['ebpf.namespace.uts.previous_id'], truth['uts']);
      equal(unshared?.['ebpf.namespace.uts.id'], truth['newUts']);
      equal(unshared?.['ebpf.namespace.ipc.previous_id'], truth['ipc']);
      equal(unshared?.['ebpf.namespace.ipc.id'], truth['newIpc']);
      equal(joined?.['ebpf.namespace.uts.id'], truth['uts']);
      equal(cloned?.['process.pid'], truth['child']);
      equal(namespace!.received, events.length);
    });
  }
});

describe('events of privileges', { skip }, () => {
  const workloads = new Workloads('identity');
  after(() => workloads[Symbol.dispose]());

  for (const [rungs, features] of RUNGS) {
    test(`tell who gave some up, and who got more by an exec, by ${rungs}`, async () => {
      const name = own('rights');
      const raised = own('raised');
      const keys = { ...NO_EVENTS, collect_privilege_events: true, process_filter: [name, raised], features };
      await using receiver = new EventReceiver(keys);
      await workloads.run(name, 'privileges', setuid(raised), 'end');
      await receiver.until(() => receiver.events('process.privileges').length >= 3);
      await receiver.balanced();
      const events = receiver.events('process.privileges');
      deepEqual(
        events.map((each) => [each.attributes['ebpf.privilege.call'], each.severity]),
        [
          ['capset', 'INFO'],
          ['setresuid', 'INFO'],
          ['execve', 'WARN'],
        ],
      );
      const [dropped, became, executed] = events.map(({ attributes }) => attributes) as [
        Attributes,
        Attributes,
        Attributes,
      ];
      deepEqual(dropped['ebpf.privilege.capabilities.removed'], ['cap_sys_time']);
      equal(became['process.user.id'], 1000);
      equal(became['ebpf.privilege.previous.user.id'], 0);
      ok((became['ebpf.privilege.capabilities.lowered'] as string[]).includes('cap_sys_admin'));
      equal(executed['process.executable.name'], raised);
      equal(executed['process.user.id'], 0);
      equal(executed['ebpf.privilege.previous.user.id'], 1000);
      equal(executed['ebpf.privilege.rises'], true);
    });
  }

  /** A program of ours that runs as its owner, root. */
  function setuid(name: string): string {
    const path = workloads.copy(name);
    chmodSync(path, 0o4755);
    return path;
  }
});

describe('events of memory', { skip }, () => {
  const workloads = new Workloads('identity');
  after(() => workloads[Symbol.dispose]());

  test('tell once that a process passes the threshold, and nothing of one below', async () => {
    const [large, small] = [own('large'), own('small')];
    const keys = { ...NO_EVENTS, memory_threshold: '48MiB', process_filter: [large, small] };
    await using receiver = new EventReceiver(keys);
    await Promise.all([workloads.run(large, 'hold', 64, 3), workloads.run(small, 'hold', 32, 3)]);
    await receiver.balanced();
    const events = receiver.events('process.memory_threshold').map(({ attributes }) => attributes);
    deepEqual(
      events.map((each) => each['process.executable.name']),
      [large],
    );
    const resident = Number(events[0]?.['ebpf.memory.resident_bytes']);
    ok(resident >= 48 * 2 ** 20 && resident < 70 * 2 ** 20, `${resident} bytes`);
    equal(events[0]?.['ebpf.memory.threshold_bytes'], 48 * 2 ** 20);
  });
});

type Attributes = SeenEvent['attributes'];
