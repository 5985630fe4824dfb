import { readFileSync } from 'node:fs';
import { attributeSet, EMPTY_RESOURCE, type InstrumentationScope, type SeriesInterner } from 'bpflow/sdk';
import type { MetricFact } from '../../series/metric-fact.ts';
import { declare, type MapUsage, type MetricSource } from '../../series/metric-source.ts';
import { SeriesSet } from '../../series/series.ts';
import { PendingSum } from '../../series/sums.ts';
import { DIRECTION } from './metrics.ts';

export interface InterfacesOptions {
  readonly interner: SeriesInterner;
  readonly scope: InstrumentationScope;
  /** The kernel's file, the first that can be read; by default that of the first process, whose namespace is the host's. */
  readonly paths?: readonly string[];
}

/** What an interface has counted since it was made. */
type Reading = Readonly<Record<'received' | 'sent', { readonly bytes: number; readonly packets: number }>>;

interface Known {
  readonly last: Reading;
  /** Series of bytes and of packets: received, sent. */
  readonly bytes: readonly [number, number];
  readonly packets: readonly [number, number];
}

/** Most interfaces that have series; hosts of many containers have a cable for each. */
const MOST_INTERFACES = 1024;

/** What went over the interfaces of the host, by the kernel's account: whatever the protocol, headers included. */
export class InterfacesSource implements MetricSource {
  readonly metrics: readonly PendingSum[];
  /** One for all readings: another one may be of another namespace. */
  readonly #path: string | undefined;
  readonly #bytes: PendingSum;
  readonly #packets: PendingSum;
  readonly #known = new Map<string, Known>();

  constructor({ interner, scope, paths = ['/proc/1/net/dev', '/proc/net/dev'] }: InterfacesOptions) {
    this.#path = paths.find((path) => readingsAt(path) !== undefined);
    const sum = ({ definition, own }: MetricFact) =>
      new PendingSum(declare({ ...definition, attributes: own }, []), new SeriesSet(interner, scope));
    this.#bytes = sum(INTERFACE_BYTES);
    this.#packets = sum(INTERFACE_PACKETS);
    this.metrics = [this.#bytes, this.#packets];
    for (const [name, reading] of this.#read() ?? []) this.#open(name, reading);
  }

  collect(): void {
    const readings = this.#read();
    // It may be there again the next time, and counts on then.
    if (readings === undefined || readings.size === 0) return;
    for (const [name, now] of readings) {
      const known = this.#known.get(name) ?? this.#open(name, NOTHING);
      if (known === undefined) continue;
      this.#known.set(name, { ...known, last: now });
      const { last, bytes, packets } = known;
      this.#bytes.add(bytes[0], growth(last.received.bytes, now.received.bytes));
      this.#bytes.add(bytes[1], growth(last.sent.bytes, now.sent.bytes));
      this.#packets.add(packets[0], growth(last.received.packets, now.received.packets));
      this.#packets.add(packets[1], growth(last.sent.packets, now.sent.packets));
    }
    for (const name of [...this.#known.keys()]) if (!readings.has(name)) this.#close(name);
  }

  forget(): void {
    // Nothing here belongs to a group.
  }

  usage(): readonly MapUsage[] {
    return [];
  }

  #open(name: string, last: Reading): Known | undefined {
    if (this.#known.size >= MOST_INTERFACES) return undefined;
    const open = (sum: PendingSum, direction: string) =>
      sum.series.open(`${name}\n${direction}`, () => ({
        resource: EMPTY_RESOURCE,
        attributes: attributeSet({ [INTERFACE]: name, [DIRECTION]: direction }),
      }));
    const both = (sum: PendingSum): [number, number] => [open(sum, 'receive'), open(sum, 'transmit')];
    const known = { last, bytes: both(this.#bytes), packets: both(this.#packets) };
    this.#known.set(name, known);
    return known;
  }

  #close(name: string): void {
    const { bytes, packets } = this.#known.get(name)!;
    for (const series of bytes) this.#bytes.series.close(series);
    for (const series of packets) this.#packets.series.close(series);
    this.#known.delete(name);
  }

  #read(): ReadonlyMap<string, Reading> | undefined {
    return this.#path === undefined ? undefined : readingsAt(this.#path);
  }
}

/** Undefined when the file cannot be read now. */
function readingsAt(path: string): ReadonlyMap<string, Reading> | undefined {
  try {
    return readingsOf(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

const NOTHING: Reading = { received: { bytes: 0, packets: 0 }, sent: { bytes: 0, packets: 0 } };

/** An interface that counts less than before was made anew. */
function growth(last: number, now: number): number {
  return now >= last ? now - last : now;
}

/** Lines of the file: name, then 8 counters of what was received, bytes and packets first, and as many of what was sent. */
function readingsOf(text: string): ReadonlyMap<string, Reading> {
  const readings = new Map<string, Reading>();
  for (const [, name, counters] of text.matchAll(/^\s*(\S+):\s*(\d[\d\s]*)$/gm)) {
    const values = counters!.trim().split(/\s+/).map(Number);
    if (values.length < 10) continue;
    readings.set(name!, {
      received: { bytes: values[0]!, packets: values[1]! },
      sent: { bytes: values[8]!, packets: values[9]! },
    });
  }
  return readings;
}

const INTERFACE = 'network.interface.name';
const OWN = { [INTERFACE]: 'interface', [DIRECTION]: 'direction' };

export const INTERFACE_BYTES: MetricFact = {
  definition: {
    name: 'ebpf.network.interface.io',
    unit: 'By',
    seedName: 'ebpf_network_interface_bytes_total',
    kind: 'counter',
    description: 'Bytes over the interfaces of the host, by their own account: every protocol, headers included.',
    exactness: 'exact',
  },
  own: OWN,
  keys: ['collect_network'],
  needs: [],
  exactWith: [],
  maps: [],
};

export const INTERFACE_PACKETS: MetricFact = {
  definition: {
    name: 'ebpf.network.interface.packet.count',
    unit: '{packet}',
    seedName: 'ebpf_network_interface_packets_total',
    kind: 'counter',
    description: 'Packets over the interfaces of the host, by their own account.',
    exactness: 'exact',
  },
  own: OWN,
  keys: ['collect_network'],
  needs: [],
  exactWith: [],
  maps: [],
};

/** Totals of the host. */
export const INTERFACE_FACTS: readonly MetricFact[] = [INTERFACE_BYTES, INTERFACE_PACKETS];
