import { statSync } from 'node:fs';
import { findCgroupMount, readMountInfo } from 'bpflow/containers';
import type { BpfObject } from 'bpflow/sdk';
import { DNS_OTHER_RCODE, DNS_PORTS, DnsTransport } from '../../../../bpf/dns.gen.ts';
import { GROUP_OTHER } from '../../../../bpf/process.gen.ts';
import type { Role } from '../../kernel/ladder.ts';

export interface DnsKernelOptions {
  /** Ports of servers: {@link DNS_PORTS} at most. */
  readonly ports: readonly number[];
  /** Whether names are told apart. */
  readonly names: boolean;
  /** Whether the kernel keeps a histogram for each group. */
  readonly timesByGroup: boolean;
}

/** Rows of queries and of responses without names: groups times types. */
const ROWS = 512;
/** The same with names. */
const ROWS_BY_NAME = 4096;
/** Names that are told apart at a time. */
const NAMES = 1024;
/** Queries that wait for a response at a time. */
const WAITING = 4096;
/** Histograms by group: each takes about fifty times as much as a counter. */
const TIMES_BY_GROUP = 256;

const WITHOUT_ANSWERS = 'Responses of DNS are not counted, and queries have no latency.';

export function dnsRoles(): Role[] {
  return [
    { object: 'dns', name: 'dns_send', stateless: true, without: 'Queries of DNS are not counted.' },
    { object: 'dns', name: 'dns_receive', stateless: true, without: WITHOUT_ANSWERS },
  ];
}

/** Gives the maps of the object their sizes, before it is loaded. `drafts`: whether it makes events elsewhere than in a ring. */
export function sizeDnsMaps(
  object: BpfObject,
  { names, timesByGroup }: DnsKernelOptions,
  maxEntries: number,
  drafts: boolean,
): void {
  if (!drafts) object.setAutocreate('dns_drafts', false);
  const rows = Math.min(maxEntries, names ? ROWS_BY_NAME : ROWS);
  object.setMaxEntries('dns_queries', rows + DnsTransport.DNS_TRANSPORTS);
  object.setMaxEntries('dns_answers', rows + DNS_OTHER_RCODE + 1);
  object.setMaxEntries('dns_names', names ? Math.min(maxEntries, NAMES) : 1);
  object.setMaxEntries('dns_waiting', WAITING);
  object.setMaxEntries('dns_times', timesByGroup ? Math.min(maxEntries, TIMES_BY_GROUP) : 1);
}

/** `events`: whether there is a ring. */
export function setDnsKnobs(
  object: BpfObject,
  { ports, names, timesByGroup }: DnsKernelOptions,
  events: boolean,
): void {
  const list = new Uint16Array(DNS_PORTS);
  list.set(ports.slice(0, DNS_PORTS));
  object.setGlobal('dns_ports', new Uint8Array(list.buffer));
  object.setGlobal('with_dns_name', names);
  object.setGlobal('dns_by_group', timesByGroup);
  object.setGlobal('with_dns_events', events);
}

/** Makes the entries that take what finds no room. */
export function makeOtherDns(object: BpfObject): void {
  const make = (name: string, ...words: number[]) => {
    const map = object.map(name);
    map.update(new Uint8Array(Uint32Array.from(words).buffer), new Uint8Array(map.stride), 'any');
  };
  for (let transport = 0; transport < DnsTransport.DNS_TRANSPORTS; transport++) {
    make('dns_queries', GROUP_OTHER, 0, 0, transport);
  }
  for (let rcode = 0; rcode <= DNS_OTHER_RCODE; rcode++) make('dns_answers', GROUP_OTHER, 0, 0, rcode);
}

/** Inode number of the root of the cgroup v2 tree. */
const ROOT_INODE = 1;

/** Where the root of the cgroup v2 tree is mounted; undefined where only a part of the tree can be seen. */
export function cgroupRoot(): string | undefined {
  const mount = findCgroupMount(readMountInfo());
  if (mount === undefined) return undefined;
  try {
    return statSync(mount.path).ino === ROOT_INODE ? mount.path : undefined;
  } catch {
    return undefined;
  }
}
