import { release } from 'node:os';

/**
 * Whether tracepoints miss calls: a kernel that preempts tasks in them skips their program for every other task of the CPU
 * until that task goes on (`bpflow_ebpf_recursion_misses`). Found on 7.2, not on 6.12 with `preempt=full`.
 */
export function tracepointsMiss(kernel = release()): boolean {
  return Number.parseInt(kernel, 10) >= 7;
}
