import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { disk, isBefore, isEmulated, skip } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads, readsUntil, type Samples } from './samples.ts';
import { SmallCgroup } from './small-cgroup.ts';
import { Steps } from './steps.ts';
import { own, Workloads } from './workload.ts';

const LADDERS: readonly Readonly<Record<string, string>>[] = [
  {},
  { tp_btf: 'off' },
  { task_storage: 'off' },
  { iterators: 'off' },
];

const smallCgroup = new SmallCgroup();
after(() => smallCgroup[Symbol.dispose]());

for (const features of LADDERS) {
  const off = Object.keys(features).join(', ');
  describe(`what the kernel counts of files and memory${off && `, with ${off} off`}`, { skip }, () => {
    const folder = skip === false ? mkdtempSync(join(disk, 'resources-')) : '';
    let receiver: ObservedReceiver;
    let workloads: Workloads;
    before(() => {
      workloads = new Workloads('resources');
      receiver = new ObservedReceiver({
        collect_syscalls: false,
        collect_file_io: true,
        regular_files: 'on',
        histogram_labels: ['process'],
        collect_memory: true,
        exclude_processes: [],
        features,
      });
    });
    after(async () => {
      workloads[Symbol.dispose]();
      await receiver[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    });

    test('bytes that a process read and wrote, to the byte', async () => {
      const process = own(`io-${off || 'all'}`.slice(0, 12));
      const truth = await workloads.run(process, 'io', join(folder, 'file'), 2000, 4096);
      const told = JSON.stringify(truth).length + 1;
      const expected = { read: 2000 * 4196, written: 2000 * 4196 + told };
      await reads(receiver, (samples) => bytes(samples, process), expected);
    });

    test('opens, the one that failed, bytes of regular files alone and the latency of each call on one', async () => {
      const process = own(`file-${off || 'all'}`.slice(0, 12));
      await workloads.run(process, 'io', join(folder, 'file'), 2000, 4096);
      const calls = (operation: string) => ({ process, operation });
      const view = (samples: Samples) => ({
        opens: samples.total('ebpf_file_open_count', { process }),
        errors: samples.by('errno', 'ebpf_file_open_errors', { process }),
        read: samples.total('ebpf_file_regular_read_bytes', { process }),
        written: samples.total('ebpf_file_regular_write_bytes', { process }),
        timed: ['read', 'write', 'fsync', 'open'].map((each) =>
          samples.total('ebpf_file_io_latency_ns_count', calls(each)),
        ),
      });
      const bytes = 2000 * 4096;
      const expected = { opens: 2, errors: { ENOENT: 1 }, read: bytes, written: bytes, timed: [2000, 2000, 1, 2] };
      const samples = await reads(receiver, view, expected);
      const fsync = samples.total('ebpf_file_io_latency_ns_sum', calls('fsync'));
      const read = samples.total('ebpf_file_io_latency_ns_sum', calls('read'));
      assert.ok(fsync > 1000 && read > 2000 * 50, `fsync ${fsync} ns, 2000 reads ${read} ns`);
    });

    test('200 processes that live for a moment lose no byte', async () => {
      const process = own(`short-${off || 'all'}`.slice(0, 12));
      let written = 0;
      for (let i = 0; i < 200; i++) {
        const truth = await workloads.run(process, 'io', join(folder, 'file'), 3, 1000);
        written += 3 * 1100 + JSON.stringify(truth).length + 1;
        if (i % 20 === 0) await receiver.collect();
      }
      await reads(receiver, (samples) => bytes(samples, process), { read: 200 * 3300, written });
    });

    test('page faults as the process itself is told by the kernel, minor and major', async () => {
      const process = own(`faults-${off || 'all'}`.slice(0, 12));
      using steps = new Steps(spawn(workloads.program(process), ['faults', join(folder, 'mapped'), '5000']));
      await steps.next();
      const start = await steps.next();
      const before = faults(await receiver.read(), process);
      const end = await steps.next();
      const truth = { minor: end['minor']! - start['minor']!, major: end['major']! - start['major']! };
      assert.ok(truth.minor >= 5000 && (truth.major > 0 || isEmulated), JSON.stringify(truth));
      await reads(receiver, (samples) => difference(faults(samples, process), before), truth);
    });

    test('calls of mmap and brk, their bytes, and the pages that were touched', async () => {
      const process = own(`take-${off || 'all'}`.slice(0, 12));
      await workloads.run(process, 'take', 0);
      // What a run without a step does is done by each run.
      const has = (samples: Samples) => (allocations(samples, process).brk > 0 ? 'brk' : 'nothing');
      const once = allocations(await reads(receiver, has, 'brk'), process);
      const truth = await workloads.run(process, 'take', 500);
      const more = (samples: Samples) => {
        const { mmap, brk } = allocations(samples, process);
        return { mmap: mmap - 2 * once.mmap, brk: brk - 2 * once.brk };
      };
      const samples = await reads(receiver, more, { mmap: truth['mmaps']!, brk: truth['brks']! });
      const asked = samples.total('ebpf_memory_allocated_bytes', { process, type: 'mmap' });
      if (once.mmap === 0) assert.equal(asked, truth['bytes']);
      const touched = allocations(samples, process).page - 2 * once.page;
      assert.ok(touched >= truth['pages']! && touched < truth['pages']! * 1.5, `${touched} of ${truth['pages']} pages`);
    });

    test('an OOM kill in a small cgroup, by its victim', { skip: smallCgroup.reason }, async () => {
      const process = own(`oom-${off || 'all'}`.slice(0, 12));
      const child = spawn('sh', [
        '-c',
        `echo $$ > ${smallCgroup.path}/cgroup.procs && exec "$0" eat`,
        workloads.program(process),
      ]);
      const [, signal] = await once(child, 'exit');
      assert.equal(signal, 'SIGKILL');
      await reads(receiver, (samples) => samples.total('ebpf_oom_kills', { process }), 1);
    });

    if (features['iterators'] !== 'off') {
      test('resident memory of a living process within the bound of the kernel, and none when it has ended', async () => {
        const process = own(`hold-${off || 'all'}`.slice(0, 12));
        const steps = new Steps(spawn(workloads.program(process), ['hold', '50000']));
        const { pid, page } = await steps.line();
        // By the pages that are mapped, not by the count that is read.
        const mapped = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
        const truth = Number(/Rss:\s+(\d+) kB/.exec(mapped)![1]) * 1024;
        const cpus = availableParallelism();
        const bound = (isBefore(6, 2) ? 64 * 16 : 3 * cpus * Math.max(32, 2 * cpus)) * page!;
        const near = (samples: Samples) => Math.abs(resident(samples, process) - truth) <= bound;
        await readsUntil(receiver, near, (samples) => ({ truth, counted: resident(samples, process) }));
        steps[Symbol.dispose]();
        await reads(receiver, (samples) => resident(samples, process), 0);
      });
    }
  });
}

function bytes(samples: Samples, process: string) {
  return {
    read: samples.total('ebpf_file_read_bytes', { process }),
    written: samples.total('ebpf_file_write_bytes', { process }),
  };
}

function faults(samples: Samples, process: string) {
  const counted = (type: string) => samples.total('ebpf_page_faults', { process, type });
  return { minor: counted('minor'), major: counted('major') };
}

function allocations(samples: Samples, process: string) {
  const { page = 0, mmap = 0, brk = 0 } = samples.by('type', 'ebpf_memory_allocations', { process });
  return { page, mmap, brk };
}

function difference(a: ReturnType<typeof faults>, b: ReturnType<typeof faults>) {
  return { minor: a.minor - b.minor, major: a.major - b.major };
}

function resident(samples: Samples, process: string): number {
  return samples.total('ebpf_memory_resident_bytes', { process });
}
