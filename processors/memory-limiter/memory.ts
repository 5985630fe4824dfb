import { totalmem } from 'node:os';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The process's memory, replaceable in tests. */
export interface Memory {
  /** Bytes of memory that percentages are of: the container's limit, or the machine's. */
  total(): number;
  /** Bytes in use: what is resident, less what the heap holds free for new objects. */
  used(): number;
  /** Bytes of the heap in use, and how many V8 allows; beyond, the process ends. */
  heap(): { readonly used: number; readonly limit: number };
  /** Collects all garbage, now. */
  collect(): void;
}

export function processMemory(): Memory {
  let gc: (() => void) | undefined;
  return {
    total() {
      const constrained = process.constrainedMemory();
      const machine = totalmem();
      return constrained > 0 && constrained < machine ? constrained : machine;
    },
    used() {
      const { total_heap_size, used_heap_size } = getHeapStatistics();
      return process.memoryUsage.rss() - (total_heap_size - used_heap_size);
    },
    heap() {
      const { used_heap_size, heap_size_limit } = getHeapStatistics();
      return { used: used_heap_size, limit: heap_size_limit };
    },
    collect() {
      if (gc === undefined) {
        setFlagsFromString('--expose-gc');
        gc = runInNewContext('gc') as () => void;
      }
      gc();
    },
  };
}
