import type { Attributes } from 'bpflow/sdk';
import { DNS_NO_NAME, DnsNameKey, DnsNameValue } from '../../../../bpf/dns.gen.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { MapBuffer } from '../../kernel/map-buffer.ts';
import type { Groups } from '../../series/groups.ts';
import { type Life, retire } from '../../series/lives.ts';
import { NAME } from './metrics.ts';

/** What queries can be told apart by, beside the process. */
export const DNS_LABELS = ['name'] as const;
export type DnsLabel = (typeof DNS_LABELS)[number];

interface NameLife extends Life {
  readonly attributes: Attributes;
}

export interface DnsNamesOptions {
  readonly idleTimeoutMs: number;
  readonly batch: boolean;
}

/** The kernel's ids of names that are asked for, and the end of their lives. */
export class DnsNames {
  readonly #names: MapBuffer;
  readonly #idleTimeoutMs: number;
  readonly #lives = new Map<number, NameLife>();

  constructor(kernel: Kernel, options: DnsNamesOptions) {
    this.#names = new MapBuffer(kernel.map('dns', 'dns_names')!, options);
    this.#idleTimeoutMs = options.idleTimeoutMs;
  }

  /** Ids that are known, and what there is room for. */
  get usage() {
    return { map: this.#names.map, entries: this.#lives.size };
  }

  /** Attributes of what asks for the name with this id, which has grown, or is only looked at; none of what nothing is known of. */
  grown(id: number, { nowMs, isLooking }: Pick<Groups, 'nowMs' | 'isLooking'>): Attributes {
    if (id === DNS_NO_NAME) return {};
    if (!this.#lives.has(id)) this.#read(nowMs);
    const life = this.#lives.get(id);
    if (life === undefined) return {};
    if (!isLooking) life.changedMs = nowMs;
    return life.attributes;
  }

  /** Ends what nobody asked for during the idle timeout. Returns the ids whose entries are to be deleted now. */
  retire(nowMs: number, generation: number): ReadonlySet<number> {
    const isIdle = ({ changedMs }: Life) => nowMs - changedMs >= this.#idleTimeoutMs;
    return retire(this.#lives, { names: this.#names.map, generation, isIdle });
  }

  #read(nowMs: number): void {
    const entries = this.#names.read();
    const { keys, values, entryWords } = this.#names;
    const value = new DnsNameValue();
    for (let entry = 0; entry < entries; entry++) {
      const { id } = value.move(values, entry * entryWords);
      if (this.#lives.has(id)) continue;
      const name = new Uint8Array(keys.slice(entry * DnsNameKey.WORDS, (entry + 1) * DnsNameKey.WORDS).buffer);
      this.#lives.set(id, { attributes: { [NAME]: nameText(name) }, name, changedMs: nowMs, namelessSince: undefined });
    }
  }
}

/** A name without compression as text: no dot at its end, `.` for the root. Other bytes than letters and signs are `\DDD` (RFC 4343). */
export function nameText(wire: Uint8Array): string {
  const labels: string[] = [];
  for (let at = 0; at < wire.length && wire[at] !== 0; at += wire[at]! + 1) {
    labels.push(labelText(wire.subarray(at + 1, at + 1 + wire[at]!)));
  }
  return labels.length === 0 ? '.' : labels.join('.');
}

/** One label as text. */
export function labelText(label: Uint8Array): string {
  let text = '';
  for (const byte of label) {
    if (byte <= 0x20 || byte >= 0x7f) text += `\\${String(byte).padStart(3, '0')}`;
    else text += byte === DOT || byte === BACKSLASH ? `\\${String.fromCharCode(byte)}` : String.fromCharCode(byte);
  }
  return text;
}

const DOT = 0x2e;
const BACKSLASH = 0x5c;
