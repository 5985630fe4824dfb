import { LAYOUTS, MemoryKind } from '../../../../bpf/mem.gen.ts';
import type { KernelPart, PartRole } from '../../kernel/part.ts';

export interface MemoryKernelOptions {
  readonly allocations: boolean;
  readonly slab: boolean;
}

/** Entries of allocations, unless there are more groups: not every group has one of each kind. */
const ENTRIES = 4096;
const { MEMORY_KINDS } = MemoryKind;

export const memoryPart: KernelPart = {
  layouts: LAYOUTS,
  isWanted: ({ memory }) => memory !== undefined,
  roles: ({ memory }) => [
    { name: 'oom_victim', stateless: true, without: 'OOM kills are not counted.' },
    ...(memory?.allocations ? ALLOCATIONS : []),
    ...(memory?.slab ? SLAB : []),
  ],
  prepare(object, { options: { maxEntries, maxGroups } }) {
    const entries = Math.min(maxEntries, maxGroups * MEMORY_KINDS, Math.max(ENTRIES, maxGroups));
    object.setMaxEntries('memory', entries);
  },
};

const ALLOCATIONS: readonly PartRole[] = [
  { name: 'page_alloc', without: 'Allocated pages are not counted.' },
  { name: 'memory_exit', without: 'Calls of mmap and brk are not counted.' },
];

const SLAB: readonly PartRole[] = [
  { name: 'slab_malloc', without: 'What kmalloc allocates is not counted.' },
  { name: 'slab_cache', without: 'What kmem_cache_alloc allocates is not counted.' },
];
