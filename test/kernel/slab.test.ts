import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, describe, test } from 'node:test';
import { KernelTrace } from './kernel-trace.ts';
import { skip } from './machine.ts';
import { ObservedReceiver } from './receiver.ts';
import { reads, type Samples } from './samples.ts';
import { Steps } from './steps.ts';
import { own, Workloads } from './workload.ts';

const KEYS = {
  collect_syscalls: false,
  collect_file_io: false,
  collect_network: false,
  collect_memory: true,
  memory_slab: true,
  exclude_processes: [],
};
const PIPES = 2000;
const EVENTS = ['kmem/kmalloc', 'kmem/kmem_cache_alloc'];

describe("the kernel's objects", { skip }, () => {
  const workloads = new Workloads('resources');
  after(() => workloads[Symbol.dispose]());

  for (const features of [{}, { tp_btf: 'off' }, { trace_events: 'on' }]) {
    test(`are counted as the kernel's own trace has them, with ${JSON.stringify(features)}`, async () => {
      await using receiver = new ObservedReceiver({ ...KEYS, features });
      const process = own('slab');
      using steps = new Steps(spawn(workloads.program(process), ['pipes', String(PIPES)]));
      const { pid } = await steps.next();
      const before = slab(await receiver.read(), process);
      using trace = new KernelTrace(pid!, EVENTS);
      await steps.next();
      const truth = allocated(trace.lines());
      assert.ok(truth.count > 5 * PIPES && truth.bytes > 100 * PIPES, JSON.stringify(truth));
      await reads(receiver, (each) => difference(slab(each, process), before), truth);
    });
  }

  test('are not counted unless asked for', async () => {
    await using receiver = new ObservedReceiver({ ...KEYS, memory_slab: false });
    assert.ok(!Object.keys(receiver.programs()).some((program) => program.startsWith('slab')));
  });
});

interface Slab {
  readonly count: number;
  readonly bytes: number;
}

function slab(samples: Samples, process: string): Slab {
  const total = (name: string) => samples.total(name, { process, type: 'slab' });
  return { count: total('ebpf_memory_allocations'), bytes: total('ebpf_memory_allocated_bytes') };
}

function allocated(lines: readonly string[]): Slab {
  const bytes = lines.map((line) => Number(/bytes_alloc=(\d+)/.exec(line)![1]));
  return { count: bytes.length, bytes: bytes.reduce((sum, each) => sum + each, 0) };
}

function difference(now: Slab, then: Slab): Slab {
  return { count: now.count - then.count, bytes: now.bytes - then.bytes };
}
