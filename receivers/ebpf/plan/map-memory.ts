/** What tells how much memory a map takes. */
export interface MapShape {
  /** As in the kernel's enum, lower case: `percpu_hash`. */
  readonly type: string;
  /** Bytes. */
  readonly keySize: number;
  /** Bytes of one value (of one CPU's, for per-CPU maps). */
  readonly valueSize: number;
  readonly maxEntries: number;
  /** Entries are made with the map, and not one by one. Default: true. */
  readonly isPreallocated?: boolean;
}

/**
 * Bytes that the kernel takes for a map when it is made, with so many possible CPUs: as its own account has it (`memlock` of the
 * descriptor's fdinfo, `map_mem_usage` since Linux 6.4), but for the few hundred bytes of the map itself. What is taken with each
 * task or socket is not in it: {@link storageBytes}. A trie takes its memory with its entries; this is
 * the most it can take, an inner node for each entry included.
 */
export function mapBytes(shape: MapShape, cpus: number): number {
  const { type, keySize, valueSize, maxEntries, isPreallocated = true } = shape;
  const value = round8(valueSize);
  switch (type) {
    case 'hash':
      if (!isPreallocated) return buckets(maxEntries);
      return buckets(maxEntries) + (ELEMENT + round8(keySize) + value) * (maxEntries + cpus) + POINTER * cpus;
    case 'lru_hash':
      return buckets(maxEntries) + (ELEMENT + round8(keySize) + value) * maxEntries;
    case 'percpu_hash':
      return buckets(maxEntries) + (ELEMENT + round8(keySize) + POINTER + value * cpus) * maxEntries;
    case 'array':
      return value * maxEntries;
    case 'percpu_array':
      return (POINTER + value * cpus) * maxEntries;
    case 'perf_event_array':
      return POINTER * maxEntries;
    case 'lpm_trie':
      return (TRIE_NODE + round8(keySize - 4) + value) * maxEntries * 2;
    case 'ringbuf':
      return maxEntries + RING_PAGES * PAGE;
    default:
      return 0;
  }
}

/** Bytes of the buffers that so many CPUs write into through a `perf_event_array`, one page each for their positions. */
export function bufferMemory(bytesPerCpu: number, cpus: number): number {
  return (bytesPerCpu + PAGE) * cpus;
}

/** Bytes that each task or socket takes in a map that grows with them; undefined for other maps. */
export function storageBytes({ type, keySize, valueSize, isPreallocated = true }: MapShape): number | undefined {
  if (type === 'hash' && !isPreallocated) return ELEMENT + round8(keySize) + round8(valueSize);
  return type === 'task_storage' || type === 'sk_storage' ? STORAGE_ELEMENT + round8(valueSize) : undefined;
}

/** `struct htab_elem` in front of key and value, kernel/bpf/hashtab.c. */
const ELEMENT = 48;
/** `struct bucket`: list head and lock. */
const BUCKET = 16;
/** `struct lpm_trie_node` before key and value, kernel/bpf/lpm_trie.c, with the `rcu_head` of older kernels. */
const TRIE_NODE = 40;
const POINTER = 8;
const PAGE = 4096;
/** Pages of a ring beside its data: consumer and producer, and the head. */
const RING_PAGES = 3;
/** `struct bpf_local_storage_elem` in front of the value, rounded to its cache line. */
const STORAGE_ELEMENT = 128;

function buckets(maxEntries: number): number {
  return BUCKET * 2 ** Math.ceil(Math.log2(maxEntries));
}

function round8(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
