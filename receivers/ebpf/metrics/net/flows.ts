import type { Attributes } from 'bpflow/sdk';
import { FIRST_FLOW, FlowKey, FlowLife, FlowValue } from '../../../../bpf/net.gen.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { MapBuffer } from '../../kernel/map-buffer.ts';
import type { Groups } from '../../series/groups.ts';
import { type Life, retire } from '../../series/lives.ts';

/** What TCP connections can be told apart by, beside the process. */
export const NETWORK_LABELS = ['peer_address', 'peer_port', 'local_port'] as const;
export type NetworkLabel = (typeof NETWORK_LABELS)[number];

/** The attribute of each label, with the label's name on the page. */
export const NETWORK_LABEL_ATTRIBUTES: Readonly<Record<NetworkLabel, string>> = {
  peer_address: 'network.peer.address',
  peer_port: 'network.peer.port',
  local_port: 'network.local.port',
};

interface FlowLifetime extends Life {
  readonly attributes: Attributes;
}

export interface FlowsOptions {
  readonly labels: readonly NetworkLabel[];
  readonly idleTimeoutMs: number;
  readonly batch: boolean;
}

/** What the kernel tells TCP connections apart by: its ids of peers and ports, and the end of their lives. */
export class Flows {
  readonly #names: MapBuffer;
  readonly #living: MapBuffer;
  readonly #options: FlowsOptions;
  readonly #lives = new Map<number, FlowLifetime>();

  constructor(kernel: Kernel, options: FlowsOptions) {
    this.#names = new MapBuffer(kernel.map('net', 'flows')!, options);
    this.#living = new MapBuffer(kernel.map('net', 'flow_lives')!, options);
    this.#options = options;
  }

  /** Ids that are known, and what there is room for. */
  get usage() {
    return { map: this.#names.map, entries: this.#lives.size };
  }

  /** Attributes of connections with this id, which have grown, or are only looked at; none of what nothing is known of. */
  grown(id: number, { nowMs, isLooking }: Pick<Groups, 'nowMs' | 'isLooking'>): Attributes {
    if (id < FIRST_FLOW || this.#options.labels.length === 0) return {};
    if (!this.#lives.has(id)) this.#readNames(nowMs);
    const life = this.#lives.get(id);
    if (life === undefined) return {};
    if (!isLooking) life.changedMs = nowMs;
    return life.attributes;
  }

  /** Ends what has been idle for long enough and has no open socket. Returns the ids whose entries are to be deleted now. */
  retire(nowMs: number, generation: number): ReadonlySet<number> {
    if (this.#lives.size === 0) return new Set();
    const alive = this.#readLiving(generation);
    const { idleTimeoutMs } = this.#options;
    const isIdle = ({ changedMs }: Life, id: number) => nowMs - changedMs >= idleTimeoutMs && !alive.has(id);
    const ended = retire(this.#lives, { names: this.#names.map, generation, isIdle });
    for (const id of ended) this.#living.map.delete(new Uint8Array(Uint32Array.of(id).buffer));
    return ended;
  }

  #readLiving(generation: number): ReadonlySet<number> {
    const entries = this.#living.read();
    const { keys, values, entryWords } = this.#living;
    const value = new FlowLife();
    const alive = new Set<number>();
    for (let entry = 0; entry < entries; entry++) {
      if (Number(value.move(values, entry * entryWords).generation) === generation) alive.add(keys[entry]!);
    }
    return alive;
  }

  #readNames(nowMs: number): void {
    const entries = this.#names.read();
    const { keys, values, entryWords } = this.#names;
    const key = new FlowKey();
    const value = new FlowValue();
    for (let entry = 0; entry < entries; entry++) {
      const { id } = value.move(values, entry * entryWords);
      if (this.#lives.has(id)) continue;
      const at = entry * FlowKey.WORDS;
      this.#lives.set(id, {
        attributes: this.#attributes(key.move(keys, at)),
        name: new Uint8Array(keys.slice(at, at + FlowKey.WORDS).buffer),
        changedMs: nowMs,
        namelessSince: undefined,
      });
    }
  }

  /** A port that was chosen at random is 0 in the key, and left out. */
  #attributes({ peerHigh, peerLow, peerPort, localPort }: FlowKey): Attributes {
    const asked = (label: NetworkLabel) => this.#options.labels.includes(label);
    return {
      ...(asked('peer_address') && { [NETWORK_LABEL_ATTRIBUTES.peer_address]: addressText(peerHigh, peerLow) }),
      ...(peerPort !== 0 && { [NETWORK_LABEL_ATTRIBUTES.peer_port]: peerPort }),
      ...(localPort !== 0 && { [NETWORK_LABEL_ATTRIBUTES.local_port]: localPort }),
    };
  }
}

const MAPPED = 0xffff;

/** The address whose bytes these halves have in memory, as text (RFC 5952); an IPv4 address in IPv6 as that of IPv4. */
export function addressText(high: bigint, low: bigint): string {
  const bytes = new DataView(new ArrayBuffer(16));
  bytes.setBigUint64(0, high, true);
  bytes.setBigUint64(8, low, true);
  if (high === 0n && bytes.getUint32(8) === MAPPED) {
    return [12, 13, 14, 15].map((at) => bytes.getUint8(at)).join('.');
  }
  const words = Array.from({ length: 8 }, (_, i) => bytes.getUint16(i * 2).toString(16)).join(':');
  // The URL parser writes the shortest form.
  return new URL(`http://[${words}]`).hostname.slice(1, -1);
}
