import { inexactSeedName } from '../../receivers/ebpf/series/metric-source.ts';
import { isEmulated } from './machine.ts';

/**
 * Where what is known of a TCP socket may be kept: in the socket, or in a table that tracepoints or trace events fill. An emulated
 * kernel has its own way alone: it takes a hundred times as long.
 */
export const KEPT: readonly Readonly<Record<string, string>>[] = isEmulated
  ? [{}]
  : [{}, { sk_storage: 'off' }, { trace_events: 'on' }];

/** A network metric's name on the page; `isLost`: where programs that it needs are missing. */
export function named(name: string, isLost = false): string {
  return isLost ? inexactSeedName(name) : name;
}
