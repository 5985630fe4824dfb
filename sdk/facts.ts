import type { Token } from './tokens.ts';
import { token } from './tokens.ts';

/** A process as the node sees it. */
export interface ProcessFacts {
  readonly pid: number;
  /** Basename of the executable; `kernel` for kernel threads. */
  readonly executable: string;
  /** Name of the leader thread, at most 15 bytes. */
  readonly command: string;
  readonly cgroupId: bigint;
  readonly parentPid: number;
  /** ns since boot. */
  readonly startTime: bigint;
}

/** The node's processes and cgroups. */
export interface Processes {
  process(pid: number): ProcessFacts | undefined;
  /** Path below the cgroup v2 mount: `/system.slice/nginx.service`; undefined when the cgroup is unknown or gone. */
  cgroupPath(cgroupId: bigint): string | undefined;
  /** Container id (64 hex digits) of a cgroup or its nearest ancestor that is a container's. */
  containerId(cgroupId: bigint): string | undefined;
}

/** A socket as its owner sees it: before any address translation. */
export interface SocketFacts {
  readonly transport: 'tcp' | 'udp';
  readonly family: 'ipv4' | 'ipv6';
  readonly localAddress: string;
  readonly localPort: number;
  readonly peerAddress: string;
  readonly peerPort: number;
  /** Who connected or listens. */
  readonly ownerPid: number;
  readonly ownerCgroupId: bigint;
  /** Payload bytes since it was opened; of an open socket that is just being changed maybe a byte less. */
  readonly sent: bigint;
  readonly received: bigint;
  /**
   * ns since 1970; `closed` undefined while open. `opened` is the same at every look, so it tells sockets of one 5-tuple apart; of a
   * socket that is older than the provider it is when it was found.
   */
  readonly opened: bigint;
  readonly closed: bigint | undefined;
}

/**
 * Live sockets of all network namespaces, and a bounded history of those that closed since somebody asked for the first time. It is
 * kept for as long as somebody asks at least every few minutes.
 */
export interface Sockets {
  /** Sockets of this 5-tuple that lived in the interval (ns since 1970), newest first. */
  find(
    tuple: Pick<SocketFacts, 'transport' | 'localAddress' | 'localPort' | 'peerAddress' | 'peerPort'>,
    from: bigint,
    to: bigint,
  ): readonly SocketFacts[];
  live(): Iterable<SocketFacts>;
}

/**
 * Durable key-value state of one component, for queues and cursors. What cannot be written (storage full, disk full, no
 * permission) rejects with RetryableError and changes nothing; later calls may succeed.
 */
export interface StorageClient {
  /** The value; undefined when there is none, or when it is damaged, which the storage counts and reports. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Resolves when the value outlives this process. The array must not be changed until then. */
  set(key: string, value: Uint8Array): Promise<void>;
  delete(key: string): Promise<void>;
  /** The keys that begin with the prefix, in no order, from memory. Keys of damaged values are among them until they are set or deleted. */
  keys(prefix?: string): Iterable<string>;
  /** All changes or none. */
  batch(changes: readonly { readonly key: string; readonly value: Uint8Array | undefined }[]): Promise<void>;
  /** Waits for what was asked for, and releases the client. */
  close(): Promise<void>;
}

export interface Storage {
  /**
   * The client's own key space; opening it twice at a time fails. The owner of a component is
   * `<kind>_<type>_<name>`, as in the Collector: `exporter_otlp_grpc_`, with the purpose `metrics`.
   */
  open(owner: string, purpose: string): Promise<StorageClient>;
}

export const PROCESSES: Token<Processes> = token('processes');
export const SOCKETS: Token<Sockets> = token('sockets');
export const STORAGE: Token<Storage> = token('storage');
