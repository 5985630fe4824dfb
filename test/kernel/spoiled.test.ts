import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import type { ProgramStatus } from '../../receivers/ebpf/kernel/ladder.ts';
import { objectFolder } from '../../receivers/ebpf/kernel/objects.ts';
import { tracepointsMiss } from '../../receivers/ebpf/kernel/preemption.ts';
import { skip } from './machine.ts';
import { named } from './network-names.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads, type Samples } from './samples.ts';
import { own, Workloads } from './workload.ts';

const KEYS = {
  collect_scheduler: true,
  collect_file_io: true,
  block_io: false,
  regular_files: 'on',
  collect_memory: true,
  collect_network: true,
  exclude_processes: [],
};

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

  const receiverWith = (object: string, spoil: (bytes: Buffer) => void) => {
    const objects = mkdtempSync(join(folder, 'objects-'));
    cpSync(objectFolder(), objects, { recursive: true });
    const path = join(objects, `${object}.bpf.o`);
    const bytes = readFileSync(path);
    spoil(bytes);
    writeFileSync(path, bytes);
    return new ObservedReceiver(KEYS, { objects });
  };
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
      await using receiver = receiverWith(object, (bytes) => rename(bytes, `tp_btf/${hook}`));
      const status = statusOf(receiver, `${role}_btf`);
      assert.equal(status?.state, 'failed', JSON.stringify(receiver.programs()));
      assert.match(status.reason, /\S/);
      if (!isAlone) assert.equal(receiver.programs()[`${role}_raw`], 'attached');
      await othersAreExact(receiver, isAlone ? [object] : []);
    });

    test(`${object}: a program that the verifier rejects is named with the end of its log; all else goes on`, async () => {
      await using receiver = receiverWith(object, (bytes) => {
        for (const rung of ['tp_btf', 'raw_tp']) breakProgram(bytes, `${rung}/${hook}`);
      });
      const failed = [`${role}_btf`, ...(isAlone ? [] : [`${role}_raw`])].map((program) => statusOf(receiver, program));
      for (const status of failed) {
        assert.equal(status?.state, 'failed', JSON.stringify(receiver.programs()));
        assert.match(status.reason, /R0 !read_ok/);
        assert.match(status.log?.join('\n') ?? '', /\(79\) r0 = \*\(u64 \*\)\(r0 .*\nR0 !read_ok/);
      }
      assert.equal(receiver.scope.reported.at(-1)?.state, 'degraded');
      await othersAreExact(receiver, [object]);
      const names = new Set(receiver.samples.list.map(({ name }) => name));
      assert.ok(!names.has(metric) && !names.has(named(metric)), `${metric} is still there`);
    });
  }
});

/** Another name for a section, so that the tracepoint it names does not exist. */
function rename(bytes: Buffer, section: string): void {
  const gone = `${section.slice(0, -4)}gone`;
  let found = 0;
  for (let at = bytes.indexOf(`${section}\0`); at >= 0; at = bytes.indexOf(`${section}\0`, at + 1), found++) {
    bytes.write(gone, at, 'latin1');
  }
  assert.ok(found > 0, `no section ${section}`);
}

/** Lets the first program of a section begin by reading a register that nobody has set. */
function breakProgram(bytes: Buffer, section: string): void {
  const table = Number(bytes.readBigUInt64LE(40));
  const [entry, count, names] = [bytes.readUInt16LE(58), bytes.readUInt16LE(60), bytes.readUInt16LE(62)];
  const header = (i: number) => table + i * entry;
  const place = (i: number) => Number(bytes.readBigUInt64LE(header(i) + 24));
  const nameOf = (i: number) => {
    const at = place(names) + bytes.readUInt32LE(header(i));
    return bytes.toString('latin1', at, bytes.indexOf(0, at));
  };
  const index = Array.from({ length: count }, (_, i) => i).find((i) => nameOf(i) === section);
  if (index === undefined) return;
  // r0 = *(u64 *)r0
  const LOAD = 0x79n;
  bytes.writeBigUInt64LE(LOAD, place(index));
}
