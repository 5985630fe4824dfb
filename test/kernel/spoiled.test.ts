import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { ProgramStatus } from '../../receivers/ebpf/kernel/ladder.ts';
import { tracepointsMiss } from '../../receivers/ebpf/kernel/preemption.ts';
import { EVERY_FAMILY } from './every-family.ts';
import { skip } from './machine.ts';
import { named } from './network-names.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads, type Samples } from './samples.ts';
import { REFUSED_LOG, SpoiledObjects } from './spoiled-objects.ts';
import { own, Workloads } from './workload.ts';

/** One program of each family, as it is attached at each rung, and a metric that needs it. */
const FAMILIES: readonly {
  readonly object: string;
  readonly role: string;
  readonly hook: string;
  readonly metric: string;
  /** There is no weaker rung. */
  readonly isAlone?: true;
}[] = [
  { object: 'syscall', role: 'sys_exit', hook: 'sys_exit', metric: 'ebpf_syscall_count' },
  { object: 'sched', role: 'sched_switch', hook: 'sched_switch', metric: 'ebpf_runqueue_latency_ns_count' },
  { object: 'fileio', role: 'file_exit', hook: 'sys_exit', metric: 'ebpf_file_regular_write_bytes' },
  { object: 'mem', role: 'page_alloc', hook: 'mm_page_alloc', metric: 'ebpf_memory_allocations' },
  {
    object: 'net',
    role: 'socket_state',
    hook: 'inet_sock_set_state',
    metric: 'ebpf_tcp_connections_opened_total',
    isAlone: true,
  },
];

/** Numbers of workload/ends.c that every family has, each under its metric. */
const UNITS = 20;
const TRUTH: Readonly<Record<string, (samples: Samples, process: string) => number>> = {
  syscall: (samples, process) => samples.total('ebpf_syscall_count', { process, syscall: 'getppid' }) / 100,
  fileio: (samples, process) => samples.total('ebpf_file_regular_read_bytes', { process }) / 1000,
  net: (samples, process) => samples.total(named('ebpf_tcp_connections_opened_total'), { process }),
};

describe('a program that this kernel does not take', {
  skip: skip || (tracepointsMiss() && 'is about typed tracepoints'),
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'bpflow-spoiled-'));
  const workloads = new Workloads('ends');
  const file = join(folder, 'file');
  writeFileSync(file, '');
  after(() => {
    workloads[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });

  /** What the other families count stays exact. */
  const othersAreExact = async (receiver: ObservedReceiver, without: readonly string[]) => {
    const process = own(`spoil${++runs}`);
    await workloads.run(process, 'threads-first', UNITS / 4, file);
    const kept = Object.entries(TRUTH).filter(([object]) => !without.includes(object));
    const view = (samples: Samples) => Object.fromEntries(kept.map(([object, of]) => [object, of(samples, process)]));
    await reads(receiver, view, Object.fromEntries(kept.map(([object]) => [object, UNITS])));
  };
  let runs = 0;
  const statusOf = (receiver: ObservedReceiver, program: string) => {
    const view = receiver.scope.views.get('programs')?.({}) as {
      programs: readonly ProgramStatus[];
    };
    return view.programs.find((each) => each.program === program);
  };

  for (const { object, role, hook, metric, isAlone } of FAMILIES) {
    // Each loads everything: the short form has one with a weaker rung and the one without.
    const isShort = object === 'fileio' || isAlone === true;
    const left = process.env['BPFLOW_SUITE'] === 'full' || isShort ? false : 'in the full suite';
    test(`${object}: a typed tracepoint that is gone gives way to the raw one`, { skip: left }, async () => {
      using objects = new SpoiledObjects().withoutHook(object, `tp_btf/${hook}`);
      await using receiver = new ObservedReceiver(EVERY_FAMILY, { objects: objects.folder });
      const status = statusOf(receiver, `${role}_btf`);
      assert.equal(status?.state, 'failed', JSON.stringify(receiver.programs()));
      assert.match(status.reason, /\S/);
      if (!isAlone) assert.equal(receiver.programs()[`${role}_raw`], 'attached');
      await othersAreExact(receiver, isAlone ? [object] : []);
    });

    test(`${object}: a program that the verifier rejects is named with the end of its log; all else goes on`, async () => {
      using objects = new SpoiledObjects();
      for (const rung of isAlone ? ['tp_btf'] : ['tp_btf', 'raw_tp']) objects.refused(object, `${rung}/${hook}`);
      await using receiver = new ObservedReceiver(EVERY_FAMILY, { objects: objects.folder });
      const failed = [`${role}_btf`, ...(isAlone ? [] : [`${role}_raw`])].map((program) => statusOf(receiver, program));
      for (const status of failed) {
        assert.equal(status?.state, 'failed', JSON.stringify(receiver.programs()));
        assert.match(status.reason, /R0 !read_ok/);
        assert.match(status.log?.join('\n') ?? '', REFUSED_LOG);
      }
      assert.equal(receiver.scope.reported.at(-1)?.state, 'degraded');
      await othersAreExact(receiver, [object]);
      const names = new Set(receiver.samples.list.map(({ name }) => name));
      assert.ok(!names.has(metric) && !names.has(named(metric)), `${metric} is still there`);
    });
  }
});
