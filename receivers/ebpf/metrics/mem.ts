import type { Attributes } from 'bpflow/sdk';
import { MemoryKey, MemoryKind } from '../../../bpf/mem.gen.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { Counters, NO_SERIES } from '../series/counters.ts';
import type { Group } from '../series/groups.ts';
import { declareFact, isFed, type MetricFact } from '../series/metric-fact.ts';
import {
  labelNames,
  type MapUsage,
  type MetricSource,
  openGroupSeries,
  type SourceContext,
} from '../series/metric-source.ts';
import { PendingSum, SeriesSet } from '../series/series.ts';

export interface MemoryOptions extends SourceContext {
  /** Bytes of a page of memory. */
  readonly pageSize: number;
  /** Whether allocations are followed; OOM kills are in any case. */
  readonly allocations: boolean;
}

/** Where an entry of the kernel's map goes, by its kind. */
interface Target {
  readonly count: PendingSum;
  /** Takes `amount` times `unit`. */
  readonly bytes: PendingSum | undefined;
  readonly unit: number;
  readonly own: Attributes;
}

interface Opened {
  readonly target: Target;
  readonly count: number;
  readonly bytes: number;
}

/** Allocations of pages and of address space, and OOM kills. */
export class MemorySource implements MetricSource {
  readonly metrics: readonly PendingSum[];
  readonly #options: MemoryOptions;
  readonly #memory: Counters;
  readonly #other: Counters;
  readonly #targets: ReadonlyMap<number, Target>;
  /** What rows of both maps have as their series is an index here. */
  readonly #opened: Opened[] = [];
  readonly #free: number[] = [];
  #entries = 0;

  constructor(kernel: Kernel, options: MemoryOptions) {
    this.#options = options;
    const { batch, interner, scope, allocations } = options;
    const counters = (name: string) => new Counters(kernel.map('mem', name)!, { counters: VALUE_COUNTERS, batch });
    this.#memory = counters('memory');
    this.#other = counters('other_memory');
    const labels = labelNames(options.labels);
    const sum = (fact: MetricFact) => new PendingSum(declareFact(fact, kernel, labels), new SeriesSet(interner, scope));
    const allocated = sum(ALLOCATIONS);
    const bytes = sum(ALLOCATED);
    const kills = sum(OOM_KILLS);
    this.#targets = new Map<number, Target>([
      [MemoryKind.MEMORY_PAGE, { count: allocated, bytes, unit: options.pageSize, own: { [KIND]: 'page' } }],
      [MemoryKind.MEMORY_MMAP, { count: allocated, bytes, unit: 1, own: { [KIND]: 'mmap' } }],
      [MemoryKind.MEMORY_BRK, { count: allocated, bytes: undefined, unit: 0, own: { [KIND]: 'brk' } }],
      [MemoryKind.MEMORY_OOM_KILL, { count: kills, bytes: undefined, unit: 0, own: {} }],
    ]);
    this.metrics = [
      ...(allocations && isFed(ALLOCATIONS, kernel) ? [allocated, bytes] : []),
      ...(isFed(OOM_KILLS, kernel) ? [kills] : []),
    ];
  }

  collect(): void {
    this.#entries = this.#memory.collect(this.#onEntry);
    this.#other.collect((row, key, at) => this.#add(this.#other, row, this.#options.groups.other, key[at]!));
  }

  forget(groups: ReadonlySet<number>): void {
    this.#memory.forget((group) => groups.has(group), this.#close);
  }

  get counters(): readonly Counters[] {
    return [this.#memory, this.#other];
  }

  usage(): readonly MapUsage[] {
    return [{ map: this.#memory.map, entries: this.#entries }];
  }

  readonly #onEntry = (row: number, key: Uint32Array, at: number): void => {
    const group = this.#options.groups.grown(key[at + MemoryKey.WORD.group]!);
    if (group.counts) this.#add(this.#memory, row, group, key[at + MemoryKey.WORD.kind]!);
  };

  #add(counters: Counters, row: number, group: Group, kind: number): void {
    const target = this.#targets.get(kind);
    if (target === undefined) return;
    let index = counters.seriesOf(row);
    if (index === NO_SERIES) {
      index = this.#open(group, target);
      counters.setSeries(row, index);
    }
    const { count, bytes } = this.#opened[index]!;
    target.count.add(count, counters.deltas[0]!);
    target.bytes?.add(bytes, counters.deltas[1]! * target.unit);
  }

  #open(group: Group, target: Target): number {
    const series = ({ series }: PendingSum) =>
      openGroupSeries(series, group, this.#options.labels, Object.values(target.own).map(String), target.own);
    const bytes = target.bytes === undefined ? NO_SERIES : series(target.bytes);
    const index = this.#free.pop() ?? this.#opened.length;
    this.#opened[index] = { target, count: series(target.count), bytes };
    return index;
  }

  readonly #close = (index: number): void => {
    const { target, count, bytes } = this.#opened[index]!;
    target.count.series.close(count);
    target.bytes?.series.close(bytes);
    this.#free.push(index);
  };
}

/** Counters of `struct memory_value`: count, amount. */
const VALUE_COUNTERS = 2;

const KIND = 'ebpf.memory.kind';

const UNNAMED_VICTIMS =
  'before Linux 6.9 the kernel tells the id of the victim alone; one that did not itself run out of memory is counted as `other`.';

const WHERE =
  'pages by the task that ran then, for whatever the kernel needs them (page cache, page tables, buffers); slab objects and the heap inside a process are not in it.';

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
  exactWith: [...EXACT_WITH, 'page_alloc', 'memory_exit'],
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
  exactWith: [...EXACT_WITH, 'page_alloc', 'memory_exit'],
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
