import { release } from 'node:os';

/**
 * How far the memory that the kernel counts for a process may be from what it has. Linux 6.2, f1a7941243c1 "mm: convert mm's rss
 * stats into percpu_counter": less than one batch (lib/percpu_counter.c) of each kind of pages on each CPU. Before, what a thread
 * has changed is added after 64 faults of its own (mm/memory.c, TASK_RSS_EVENTS_THRESH), each of which maps up to 16 pages.
 */
export function nearResident(kernel = release()): string {
  return isCountedByCpu(kernel)
    ? 'since Linux 6.2 the kernel keeps a part of the count on each CPU, which is not read: of each of three kinds of pages less than 32, or than twice the number of CPUs where that is more.'
    : 'before Linux 6.2 the kernel keeps a part of the count in each thread, which is not read: what its last faults mapped, at most 64 of up to 16 pages.';
}

function isCountedByCpu(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split('.').map((part) => Number.parseInt(part, 10));
  return major > 6 || (major === 6 && minor >= 2);
}
