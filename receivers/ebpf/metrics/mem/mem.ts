import { MemoryKey, MemoryKind } from '../../../../bpf/mem.gen.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { FedSource, feedsOf, pendingSum } from '../../series/fed-source.ts';
import { counted, type Target } from '../../series/feed.ts';
import { isFed, type MetricFact } from '../../series/metric-fact.ts';
import type { MetricSource, SourceContext } from '../../series/metric-source.ts';

export interface MemoryOptions extends SourceContext {
  /** Bytes of a page of memory. */
  readonly pageSize: number;
  /** Whether allocations are followed; OOM kills are in any case. */
  readonly allocations: boolean;
}

/** Allocations of pages and of address space, and OOM kills. */
export function memorySource(kernel: Kernel, options: MemoryOptions): MetricSource {
  const sum = (fact: MetricFact) => pendingSum(fact, kernel, options);
  const allocated = sum(ALLOCATIONS);
  const bytes = sum(ALLOCATED);
  const kills = sum(OOM_KILLS);
  const times = (kind: string) => counted(allocated, { own: { [KIND]: kind } });
  const amount = (kind: string, unit: number) => counted(bytes, { counter: AMOUNT, unit, own: { [KIND]: kind } });
  const targets: ReadonlyMap<number, readonly Target[]> = new Map([
    [MemoryKind.MEMORY_PAGE, [times('page'), amount('page', options.pageSize)]],
    [MemoryKind.MEMORY_MMAP, [times('mmap'), amount('mmap', 1)]],
    [MemoryKind.MEMORY_BRK, [times('brk')]],
    [MemoryKind.MEMORY_SLAB, [times('slab'), amount('slab', 1)]],
    [MemoryKind.MEMORY_OOM_KILL, [counted(kills)]],
  ]);
  const feed = feedsOf('mem', kernel, options);
  const targetsAt = (word: number) => (key: Uint32Array, at: number) => targets.get(key[at + word]!) ?? [];
  const { group, kind } = MemoryKey.WORD;
  return new FedSource({
    metrics: [
      ...(options.allocations && isFed(ALLOCATIONS, kernel) ? [allocated, bytes] : []),
      ...(isFed(OOM_KILLS, kernel) ? [kills] : []),
    ],
    bounded: [feed('memory', { counters: VALUE_COUNTERS, groupWord: group, targets: targetsAt(kind) })],
    others: [feed('other_memory', { counters: VALUE_COUNTERS, targets: targetsAt(0) })],
  });
}

/** Counters of `struct memory_value`: count, amount. */
const VALUE_COUNTERS = 2;
const AMOUNT = 1;

const KIND = 'ebpf.memory.kind';

const UNNAMED_VICTIMS =
  'before Linux 6.9 the kernel tells the id of the victim alone; one that did not itself run out of memory is counted as `other`.';

const WHERE =
  'pages by the task that ran then, for whatever the kernel needs them (page cache, page tables, buffers), on request its objects (slab); the heap inside a process is not in it.';

/** What `memory_slab` asks for can be told almost exactly. */
const slabCaveat = (kernel: Kernel) =>
  kernel.serves('slab_malloc') || kernel.serves('slab_cache')
    ? 'memory_slab: objects that are allocated in bulk are not in it, nor those of an interrupt that comes while one is being counted (bpflow_ebpf_recursion_misses has how many); before Linux 6.1 nor those for a given memory node.'
    : undefined;

const EXACT_WITH = ['task_newtask', 'process_exec'];
const MEMORY: MetricFact['maps'] = [
  { object: 'mem', map: 'memory', key: MemoryKey.WORD },
  { object: 'mem', map: 'other_memory', key: { kind: 0 } },
];

const ALLOCATIONS: MetricFact = {
  definition: {
    name: 'ebpf.memory.allocations',
    unit: '{allocation}',
    seedName: 'ebpf_memory_allocations',
    kind: 'counter',
    description: `Allocations of pages, successful calls of mmap, and moves of the heap's end by brk: ${WHERE}`,
    exactness: 'exact',
  },
  own: { [KIND]: 'type' },
  keys: ['collect_memory', 'memory_allocations'],
  needs: [],
  oneOf: ['page_alloc', 'memory_exit'],
  exactWith: [...EXACT_WITH, 'page_alloc', 'memory_exit', 'slab_malloc', 'slab_cache'],
  near: slabCaveat,
  maps: MEMORY,
};

const ALLOCATED: MetricFact = {
  definition: {
    name: 'ebpf.memory.allocated',
    unit: 'By',
    seedName: 'ebpf_memory_allocated_bytes',
    kind: 'counter',
    description: `Bytes of allocated pages, and of the address space that calls of mmap asked for: ${WHERE}`,
    exactness: 'exact',
  },
  own: { [KIND]: 'type' },
  keys: ['collect_memory', 'memory_allocations'],
  needs: [],
  oneOf: ['page_alloc', 'memory_exit'],
  exactWith: [...EXACT_WITH, 'page_alloc', 'memory_exit', 'slab_malloc', 'slab_cache'],
  near: slabCaveat,
  maps: MEMORY,
};

const OOM_KILLS: MetricFact = {
  definition: {
    name: 'ebpf.oom.kills',
    unit: '{kill}',
    seedName: 'ebpf_oom_kills',
    kind: 'counter',
    description: 'Processes that the kernel killed for want of memory, in a cgroup or on the whole machine, by victim.',
    exactness: 'exact',
  },
  own: {},
  keys: ['collect_memory'],
  needs: ['oom_victim'],
  exactWith: EXACT_WITH,
  maps: MEMORY,
  estimated: (kernel) =>
    kernel.plan.taskStorage && kernel.attached.has('oom_victim_raw') ? UNNAMED_VICTIMS : undefined,
};

/** Metrics of memory that programs count. */
export const MEMORY_FACTS: readonly MetricFact[] = [ALLOCATIONS, ALLOCATED, OOM_KILLS];
