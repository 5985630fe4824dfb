import type { Batch } from '../pdata/signals.ts';

const PEERS = new WeakMap<Batch, string>();

/** Remembers the address of who sent a batch. IPv4 addresses in IPv6 form become plain. For receivers. */
export function setPeer(batch: Batch, address: string | undefined): void {
  if (address !== undefined)
    PEERS.set(batch, address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address);
}

/**
 * The IP address of who sent a batch; undefined where it is not known. It belongs to this very batch: one that a processor has
 * made of it, or of several, has none. So whoever asks comes before `batch`, as in the Collector.
 */
export function peerOf(batch: Batch): string | undefined {
  return PEERS.get(batch);
}
