import type { Batch } from '../pdata/signals.ts';

/** What is known of who sent a batch. */
export interface Client {
  /** The IP address. */
  readonly address?: string | undefined;
  /** Absent where the receiver passes none on. */
  readonly metadata?: ClientMetadata | undefined;
}

/** Headers of a request: values by name in lower case. They may hold secrets. */
export type ClientMetadata = ReadonlyMap<string, readonly string[]>;

const CLIENTS = new WeakMap<Batch, Client>();

/** Remembers who sent a batch. IPv4 addresses in IPv6 form become plain. For receivers. */
export function setClient(batch: Batch, client: Client): void {
  const { address, metadata } = client;
  if (address === undefined && metadata === undefined) return;
  const isMapped = address?.startsWith('::ffff:');
  CLIENTS.set(batch, isMapped ? { address: address!.slice('::ffff:'.length), metadata } : client);
}

/**
 * Who sent a batch; undefined where it is not known. The core hands it on to what a `transform` makes of a batch; a processor with
 * state says with {@link inheritClient} what is still of one sender. What `batch` makes of several has no address, and of their
 * metadata what they have in common by `metadata_keys`, as in the Collector.
 */
export function clientOf(batch: Batch): Client | undefined {
  return CLIENTS.get(batch);
}

/** The IP address of who sent a batch: see {@link clientOf}. */
export function peerOf(batch: Batch): string | undefined {
  return CLIENTS.get(batch)?.address;
}

/** What was made of a batch has its sender too, unless it has one already. */
export function inheritClient<B extends Batch | undefined>(from: Batch, made: B): B {
  if (made === undefined || made === from) return made;
  const client = CLIENTS.get(from);
  if (client !== undefined && !CLIENTS.has(made)) CLIENTS.set(made, client);
  return made;
}
