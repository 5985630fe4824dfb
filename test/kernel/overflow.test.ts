import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RunningAgent } from './agent.ts';
import { skip } from './machine.ts';
import { reads, type Samples } from './samples.ts';
import { own, Workloads } from './workload.ts';

const PROGRAMS = 500;
const CALLS = 100;

/** On x86 a call that hardly anybody else makes, so that the total over all processes is that of the programs. */
const [MODE, SYSCALL] = process.arch === 'x64' ? ['compat', 'getppid (32-bit)'] : ['sigreturn', 'rt_sigreturn'];

describe('with room for 64 entries and 500 busy programs', { skip }, () => {
  for (const limits of [{ max_entries: 64 }, { max_groups: 64 }]) {
    test(`no call is lost: ${JSON.stringify(limits)}`, async () => {
      using workloads = new Workloads();
      const agent = await RunningAgent.start({ ...limits, collect_scheduler: true, exclude_processes: [] });
      try {
        const before = await agent.read();
        for (let i = 0; i < PROGRAMS; i++) await workloads.run(own(`many-${i}`), MODE, CALLS);
        const total = (page: Samples) =>
          page.total('ebpf_syscall_count', { syscall: SYSCALL }) -
          before.total('ebpf_syscall_count', { syscall: SYSCALL });
        const page = await reads(agent, total, PROGRAMS * CALLS);
        const other = page.total('ebpf_syscall_count', { process: 'other', syscall: SYSCALL });
        assert.ok(other >= (PROGRAMS - 64) * CALLS, `only ${other} of them are other`);
        const named = page
          .of('ebpf_syscall_count', { syscall: SYSCALL })
          .filter(
            ({ labels }) =>
              labels['process'] !== 'other' &&
              labels['process']?.startsWith('many-') &&
              labels['process'].endsWith(own('')),
          );
        for (const { value } of named) assert.equal(value, CALLS);
        const ledger = (await agent.view('/v1/views/receiver/ebpf/ledger')) as Record<string, number>;
        const told = 'max_entries' in limits ? ledger['syscalls_full']! : ledger['groups_full']!;
        assert.ok(told > 0, JSON.stringify(ledger));
      } finally {
        await agent.stop();
      }
    });
  }
});
