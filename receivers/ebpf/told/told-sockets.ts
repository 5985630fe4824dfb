import type { BpfMap } from 'bpflow/sdk';
import type { Kernel } from '../kernel/kernel.ts';

/** TCP connections one by one, of all network namespaces. */
export interface ToldSockets {
  /** Writes a `struct socket_record` for each that is open; throws `too_small` when they do not fit. Returns the bytes. */
  list(into: Uint8Array): number;
  /** Ring of those that end while they are wanted. */
  readonly ended: BpfMap;
  want(isWanted: boolean): void;
  /** How many found no room in the ring. */
  lost(): bigint;
}

/** Undefined where connections are not counted, or cannot be listed. */
export function toldSockets(kernel: Kernel): ToldSockets | undefined {
  const net = kernel.object('net');
  const walk = kernel.walk('listed_sockets');
  if (net === undefined || walk === undefined || !kernel.serves('socket_state')) return undefined;
  return {
    list: (into) => walk.iterate(into),
    ended: net.map('ended_sockets'),
    want: (isWanted) => net.setGlobal('ended_wanted', isWanted ? 1 : 0),
    lost: () => new DataView(net.getGlobal('ended_lost').buffer).getBigUint64(0, true),
  };
}
