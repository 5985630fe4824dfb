import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { objectFolder } from '../../receivers/ebpf/kernel/objects.ts';
import { EVERY_FAMILY } from './every-family.ts';
import { root, skip } from './machine.ts';
import { named } from './network-names.ts';
import { ObservedReceiver } from './receiver.ts';
import { readsUntil, type Samples } from './samples.ts';
import { own, Workloads } from './workload.ts';

const KEYS = { ...EVERY_FAMILY, collect_syscalls: false, histogram_labels: ['process'] };
const PROGRAMS = 40;
const NAME = own('full');

/** What one run of workload/ends.c counts, and where the kernel notes that there was no room. */
const FAMILIES: readonly {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly each: number;
  /** None: the map has room for every group. */
  readonly full?: string;
}[] = [
  { metric: 'ebpf_file_regular_write_bytes', labels: {}, each: 1000 },
  { metric: 'ebpf_file_open_count', labels: {}, each: 1 },
  { metric: 'ebpf_memory_allocated_bytes', labels: { type: 'mmap' }, each: 256 * 4096, full: 'memory_full' },
  {
    metric: named('ebpf_network_bytes_total'),
    labels: { transport: 'tcp', direction: 'receive' },
    each: 1000,
    full: 'traffic_full',
  },
  { metric: named('ebpf_tcp_connections_opened_total'), labels: {}, each: 1, full: 'traffic_full' },
];

describe(`with ${PROGRAMS} programs and no room for them`, { skip }, () => {
  const folder = skip === false ? mkdtempSync(join(root, 'build', 'full-')) : '';
  const file = join(folder, 'file');
  if (skip === false) writeFileSync(file, '');
  const workloads = new Workloads('ends');
  after(() => {
    workloads[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });

  for (const limits of [{ max_entries: 8 }, { max_groups: 8 }]) {
    test(`every family counts on as other: ${JSON.stringify(limits)}`, async () => {
      await using receiver = new ObservedReceiver({ ...KEYS, ...limits });
      const before = await receiver.read();
      for (let i = 0; i < PROGRAMS; i++) await workloads.run(`${NAME}-${i}`, 'unit', 1, file);
      const grown = (samples: Samples) =>
        FAMILIES.map(({ metric, labels }) => samples.total(metric, labels) - before.total(metric, labels));
      // Others on this machine are counted too: not less than the truth, and below no name anything but the truth.
      const samples = await readsUntil(
        receiver,
        (each) => grown(each).every((value, i) => value >= PROGRAMS * FAMILIES[i]!.each),
        grown,
      );
      const byGroup = 'max_groups' in limits;
      for (const { metric, labels, each, full } of FAMILIES) {
        const ours = samples.of(metric, labels).filter(({ labels: found }) => found['process']?.startsWith(NAME));
        if (byGroup || full !== undefined) assert.ok(ours.length < PROGRAMS, `${metric} has ${ours.length} names`);
        for (const { labels: found, value } of ours) assert.equal(value, each, `${metric} of ${found['process']}`);
      }
      const ledger = receiver.scope.views.get('ledger')?.({}) as Readonly<Record<string, number>>;
      const expected = byGroup ? ['groups_full'] : ['memory_full', 'traffic_full'];
      for (const full of expected) assert.ok(ledger[full]! > 0, `${full}: ${JSON.stringify(ledger)}`);
    });
  }
});

describe('a task whose state finds no place', { skip }, () => {
  test('has its calls counted as other, each once', async () => {
    const objects = mkdtempSync(join(root, 'build', 'full-'));
    try {
      cpSync(objectFolder(), objects, { recursive: true });
      for (const name of readdirSync(objects)) shrinkTaskTable(join(objects, name));
      using workloads = new Workloads();
      const keys = { syscall_latency: false, exclude_processes: [], features: { task_storage: 'off' } };
      await using receiver = new ObservedReceiver(keys, { objects });
      // A call that hardly anybody else makes, so that the total over all processes is that of ours.
      const [mode, syscall] = process.arch === 'x64' ? ['compat', 'getppid (32-bit)'] : ['sigreturn', 'rt_sigreturn'];
      for (let i = 0; i < PROGRAMS; i++) await workloads.run(`${NAME}-${i}`, mode, 100);
      const total = (samples: Samples) => samples.total('ebpf_syscall_count', { syscall });
      const samples = await readsUntil(receiver, (each) => total(each) >= PROGRAMS * 100, total);
      assert.equal(total(samples), PROGRAMS * 100);
      assert.ok(samples.total('ebpf_syscall_count', { process: 'other', syscall }) > 0, 'every task found a place');
      const ledger = receiver.scope.views.get('ledger')?.({}) as Readonly<Record<string, number>>;
      assert.ok(ledger['no_state']! > 0, JSON.stringify(ledger));
    } finally {
      rmSync(objects, { recursive: true });
    }
  });
});

/** Leaves room for 16 tasks in an object's hash of tasks, whose size stands in the object's types as no other number does. */
function shrinkTaskTable(path: string): void {
  const bytes = readFileSync(path);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(65_536);
  for (let at = bytes.indexOf(size); at >= 0; at = bytes.indexOf(size, at + 4)) {
    if (at % 4 === 0) bytes.writeUInt32LE(16, at);
  }
  writeFileSync(path, bytes);
}

describe('a step of the wall clock', { skip }, () => {
  test('forth or back loses and doubles nothing', async () => {
    using workloads = new Workloads();
    await using receiver = new ObservedReceiver({ exclude_processes: [], collect_scheduler: true });
    const process = own('stepped');
    const hour = 3_600_000_000_000n;
    let step = 0n;
    receiver.scope.clock.now = () => BigInt(Date.now()) * 1_000_000n + step;
    for (const [i, by] of [0n, hour, -2n * hour, hour].entries()) {
      step += by;
      await workloads.run(process, 'getppid', 500, 1);
      const view = (samples: Samples) => samples.total('ebpf_syscall_count', { process, syscall: 'getppid' });
      await readsUntil(receiver, (samples) => view(samples) >= 500 * (i + 1), view);
      assert.equal(view(receiver.samples), 500 * (i + 1));
      assert.deepEqual(receiver.ended, []);
    }
  });
});
