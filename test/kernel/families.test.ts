import { deepEqual, ok } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { root, skip } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import { readsUntil, type Samples } from './samples.ts';
import { own, Workloads } from './workload.ts';

/** The names that each key switches, as far as a file and some memory make them. */
const FAMILIES: Readonly<Record<string, readonly string[]>> = {
  collect_file_io: [
    'ebpf_file_read_bytes',
    'ebpf_file_write_bytes',
    'ebpf_file_open_count',
    'ebpf_file_open_errors',
    'ebpf_file_io_latency_ns_count',
    'ebpf_block_io_latency_ns_count',
  ],
  collect_memory: [
    'ebpf_page_faults',
    'ebpf_memory_allocations',
    'ebpf_memory_allocated_bytes',
    'ebpf_memory_resident_bytes',
  ],
};

describe('a family of metrics', { skip }, () => {
  const folder = skip === false ? mkdtempSync(join(root, 'build', 'families-')) : '';
  const workloads = new Workloads('resources');
  after(() => {
    workloads[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });

  for (const [key, names] of Object.entries(FAMILIES)) {
    test(`is all there with ${key}, and nothing of it without`, async () => {
      const off = Object.fromEntries([...Object.keys(FAMILIES), 'collect_syscalls'].map((each) => [each, false]));
      await using without = new ObservedReceiver({ ...off, collect_scheduler: true });
      await using receiver = new ObservedReceiver({ ...off, [key]: true });
      const process = own('family');
      await workloads.run(process, 'io', join(folder, 'file'), 100, 4096);
      await workloads.run(process, 'take', 100);
      const missing = (samples: Samples) => names.filter((name) => samples.total(name) === 0);
      await readsUntil(receiver, (samples) => missing(samples).length === 0, missing);
      const others = (await without.read()).list.map(({ name }) => name);
      ok(others.length > 0);
      deepEqual(
        others.filter((name) => /^ebpf_(file|block|page|memory|oom)_/.test(name)),
        [],
      );
    });
  }
});
