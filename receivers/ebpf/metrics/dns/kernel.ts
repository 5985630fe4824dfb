import type { BpfObject } from 'bpflow/sdk';
import { DNS_OTHER_RCODE, DNS_PORTS, DnsTransport, LAYOUTS } from '../../../../bpf/dns.gen.ts';
import { GROUP_OTHER } from '../../../../bpf/process.gen.ts';
import { channelMaps, setChannelKnobs } from '../../events/event-kernel.ts';
import { tellsDns } from '../../kernel/options.ts';
import { type KernelPart, makeOther, type Preparation } from '../../kernel/part.ts';

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

export const dnsPart: KernelPart = {
  layouts: LAYOUTS,
  isSampled: true,
  isWanted: ({ dns }) => dns !== undefined,
  roles: () => [
    { name: 'dns_send', stateless: true, without: 'Queries of DNS are not counted.' },
    { name: 'dns_receive', stateless: true, without: WITHOUT_ANSWERS },
  ],
  needsPrograms: () => true,
  prepare(object, preparation) {
    const { names, timesByGroup, ports } = preparation.options.dns!;
    const { maxEntries } = preparation.options;
    const rows = Math.min(maxEntries, names ? ROWS_BY_NAME : ROWS);
    object.setMaxEntries('dns_queries', rows + DnsTransport.DNS_TRANSPORTS);
    object.setMaxEntries('dns_answers', rows + DNS_OTHER_RCODE + 1);
    object.setMaxEntries('dns_names', names ? Math.min(maxEntries, NAMES) : 1);
    object.setMaxEntries('dns_waiting', WAITING);
    object.setMaxEntries('dns_times', timesByGroup ? Math.min(maxEntries, TIMES_BY_GROUP) : 1);
    const list = new Uint16Array(DNS_PORTS);
    list.set(ports.slice(0, DNS_PORTS));
    object.setGlobal('dns_ports', new Uint8Array(list.buffer));
    object.setGlobal('with_dns_name', names);
    object.setGlobal('dns_by_group', timesByGroup);
    prepareEvents(object, preparation);
  },
  begin(object) {
    for (let transport = 0; transport < DnsTransport.DNS_TRANSPORTS; transport++) {
      makeOther(object, 'dns_queries', GROUP_OTHER, 0, 0, transport);
    }
    for (let rcode = 0; rcode <= DNS_OTHER_RCODE; rcode++) makeOther(object, 'dns_answers', GROUP_OTHER, 0, 0, rcode);
  },
};

/** Has messages told through what the object of events made, where they are to be told. */
function prepareEvents(object: BpfObject, { options, plan, loaded }: Preparation): void {
  const isTold = tellsDns(options);
  // A ring has the place for an event itself.
  if (!isTold || plan.ringbuf) object.setAutocreate('dns_drafts', false);
  const { shared, unused } = channelMaps(plan.ringbuf);
  for (const map of shared) {
    if (isTold) object.reuseMap(map, loaded.get('events')!.map(map));
    else object.setAutocreate(map, false);
  }
  object.setAutocreate(unused, false);
  object.setGlobal('with_dns_events', isTold);
  if (options.events !== undefined) setChannelKnobs(object, options.events, plan.ringbuf);
}
