import { tracepointsMiss } from '../../receivers/ebpf/kernel/preemption.ts';
import { inexactSeedName } from '../../receivers/ebpf/series/metric-source.ts';

/** A network metric's name on the page as it is on this kernel; `isLost`: where programs that it needs are missing. */
export function named(name: string, isLost = false): string {
  return isLost || tracepointsMiss() ? inexactSeedName(name) : name;
}
