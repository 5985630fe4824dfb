import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { EventReceiver, NO_EVENTS } from './event-receiver.ts';
import { EVERY_FAMILY } from './every-family.ts';
import { isEmulated, root, skip } from './machine.ts';
import { named } from './network-names.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads, readsUntil, type Samples } from './samples.ts';
import { own, Workloads } from './workload.ts';

/** Processes for each way; more of them in the long form. */
const TIMES = process.env['BPFLOW_SUITE'] === 'full' ? 200 : 20;

/** Ways to end, how often each process does the unit of work of workload/ends.c, and how many tasks end. */
const ENDS: readonly {
  readonly how: string;
  readonly units: number;
  readonly tasks: number;
  readonly says: string;
}[] = [
  { how: 'thread-exec', units: 2, tasks: 2, says: 'a thread that is not the leader executes a program' },
  { how: 'zombie-leader', units: 2, tasks: 2, says: 'the leader is a zombie while another thread works' },
  { how: 'threads-first', units: 4, tasks: 5, says: 'threads end before their process' },
  { how: 'pid-reuse', units: 1, tasks: 1, says: 'each process has the number of the one before' },
];

const LADDERS: readonly Readonly<Record<string, string>>[] = [{}, { task_storage: 'off' }, { iterators: 'off' }];

for (const features of LADDERS) {
  const off = Object.keys(features).join(', ');
  const isLost = off === 'iterators';
  describe(`no count is lost or doubled${off && `, with ${off} off`}`, { skip }, () => {
    const folder = skip === false ? mkdtempSync(join(root, 'build', 'ends-')) : '';
    const file = join(folder, 'file');
    let receiver: ObservedReceiver;
    let workloads: Workloads;
    before(() => {
      writeFileSync(file, '');
      workloads = new Workloads('ends');
      receiver = new ObservedReceiver({ ...EVERY_FAMILY, features });
    });
    after(async () => {
      workloads[Symbol.dispose]();
      await receiver[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    });

    for (const { how, units, tasks, says } of ENDS) {
      test(`when ${says}`, async (t) => {
        const process = own(`${how}${off}`.slice(0, 8));
        let ended = false;
        const working = workloads.run(process, how, TIMES, file).finally(() => {
          ended = true;
        });
        while (!ended) {
          await receiver.collect();
          await new Promise((resolve) => setTimeout(resolve, 10));
        }
        const truth = await working;
        if (how === 'pid-reuse' && truth['reused'] === 0) t.diagnostic('No number was used again: others were faster.');
        const n = TIMES * units;
        const view = (samples: Samples) => {
          const total = (name: string, labels = {}) => samples.total(name, { process, ...labels });
          const tcp = (name: string, labels = {}) => total(named(name, isLost), { transport: 'tcp', ...labels });
          return {
            calls: total('ebpf_syscall_count', { syscall: 'getppid' }),
            mmaps:
              total('ebpf_memory_allocations', { type: 'mmap' }) - total('ebpf_syscall_count', { syscall: 'mmap' }),
            written: total('ebpf_file_regular_write_bytes'),
            read: total('ebpf_file_regular_read_bytes'),
            sent: tcp('ebpf_network_bytes_total', { direction: 'transmit' }),
            received: tcp('ebpf_network_bytes_total', { direction: 'receive' }),
            opened: total(named('ebpf_tcp_connections_opened_total')),
            accepted: total(named('ebpf_tcp_connections_accepted_total')),
          };
        };
        await reads(receiver, view, {
          calls: n * 100,
          mmaps: 0,
          written: n * 1000 + truth['asked']!,
          read: n * 1000,
          sent: n * 1000,
          received: n * 1000,
          opened: n,
          accepted: n,
        });
        // The kernel told their parent the rest; of the parent itself not all is its own, as it began under another name.
        const within = (counted: number, children: number, parent: number) =>
          counted >= children && counted <= children + parent;
        const credited = (samples: Samples) => ({
          faults: samples.total('ebpf_page_faults', { process }),
          switches: samples.total('ebpf_context_switches', { process }),
        });
        // A task's last switch comes after the kernel has told its parent.
        const last = TIMES * tasks + (isEmulated ? 64 : 2);
        const holds = (samples: Samples) => {
          const { faults, switches } = credited(samples);
          return (
            within(faults, truth['faults']!, truth['own_faults']!) &&
            within(switches, truth['switches']!, truth['own_switches']! + last)
          );
        };
        await readsUntil(receiver, holds, (samples) => ({ truth, counted: credited(samples) }));
      });
    }
  });
}

describe('events of processes that end in unusual ways', { skip }, () => {
  const folder = skip === false ? mkdtempSync(join(root, 'build', 'ends-')) : '';
  const workloads = new Workloads('ends');
  after(() => {
    workloads[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });

  for (const { how, says } of ENDS) {
    test(`come once each, also when ${says}`, async () => {
      const file = join(folder, 'file');
      writeFileSync(file, '');
      const name = own(how.slice(0, 8));
      await using receiver = new EventReceiver({ ...NO_EVENTS, collect_process_events: true, process_filter: [name] });
      await workloads.run(name, how, 20, file);
      const count = () => {
        const of = (event: string) =>
          receiver.events(event).filter(({ attributes }) => attributes['process.executable.name'] === name).length;
        return { exec: of('process.exec'), exit: of('process.exit') };
      };
      // The parent, and each child; of threads there is nothing to tell.
      const expected = { exec: how === 'thread-exec' ? 21 : 1, exit: 21 };
      await receiver.until(() => count().exit >= expected.exit);
      await receiver.balanced();
      assert.deepEqual(count(), expected);
    });
  }
});
