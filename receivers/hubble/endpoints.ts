import { WireError } from 'bpflow/sdk';

/** One end of a flow, as the agent knows it. The same object comes for the same bytes while it is remembered. */
export interface Endpoint {
  /** Differs between all endpoints that this process has met; 0 for none. */
  readonly id: number;
  readonly identity: number;
  readonly cluster: string;
  readonly namespace: string;
  readonly pod: string;
  readonly labels: readonly string[];
  /** Of the first workload; set by agents for pods of their own node only. */
  readonly workload: string;
  readonly workloadKind: string;
}

export const NO_ENDPOINT: Endpoint = Object.freeze({
  id: 0,
  identity: 0,
  cluster: '',
  namespace: '',
  pod: '',
  labels: [],
  workload: '',
  workloadKind: '',
});

interface Entry {
  readonly hash: number;
  readonly bytes: Uint8Array;
  readonly endpoint: Endpoint;
}

/**
 * Endpoints by the bytes of their message. A known one costs a hash over its ends, where the identity, the pod's name and the
 * workload are, and one comparison. Holds at most `limit`, then forgets all and begins anew: it is a cache.
 */
export class Endpoints {
  /** Endpoints that were forgotten for want of room. */
  evicted = 0;
  readonly #limit: number;
  readonly #seed = (Math.random() * 0x1_0000_0000) | 0;
  #slots: (Entry | undefined)[];
  #size = 0;
  #nextId = 1;

  constructor(limit = 32_768) {
    this.#limit = limit;
    this.#slots = new Array<Entry | undefined>(1024).fill(undefined);
  }

  get size(): number {
    return this.#size;
  }

  /** The endpoint in `[start, end)`. Throws WireError. */
  at(bytes: Buffer, view: DataView, start: number, end: number): Endpoint {
    const hash = this.#hash(view, start, end);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const entry = this.#slots[slot];
      if (entry === undefined) break;
      if (entry.hash === hash && same(entry.bytes, view, bytes, start, end)) return entry.endpoint;
      slot = (slot + 1) & mask;
    }
    return this.#add(hash, slot, bytes, start, end);
  }

  #add(hash: number, slot: number, bytes: Buffer, start: number, end: number): Endpoint {
    const endpoint = readEndpoint(bytes, start, end, this.#nextId);
    this.#nextId = this.#nextId === 0x7fff_ffff ? 1 : this.#nextId + 1;
    // One that nobody sends for good reason is not worth its room.
    if (end - start > MAX_ENDPOINT_BYTES) return endpoint;
    if (this.#size >= this.#limit) {
      this.evicted += this.#size;
      this.#slots = new Array<Entry | undefined>(1024).fill(undefined);
      this.#size = 0;
      return this.#add(hash, hash & (this.#slots.length - 1), bytes, start, end);
    }
    const entry = { hash, bytes: Uint8Array.prototype.slice.call(bytes, start, end), endpoint };
    if (this.#slots[slot] === undefined) this.#size++;
    else this.evicted++;
    this.#slots[slot] = entry;
    if (this.#size * 2 > this.#slots.length) this.#grow();
    return endpoint;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Array<Entry | undefined>(before.length * 2).fill(undefined);
    const mask = this.#slots.length - 1;
    for (const entry of before) {
      if (entry === undefined) continue;
      let slot = entry.hash & mask;
      while (this.#slots[slot] !== undefined) slot = (slot + 1) & mask;
      this.#slots[slot] = entry;
    }
  }

  /** Over the length, the first 16 and the last 64 bytes. */
  #hash(view: DataView, start: number, end: number): number {
    let hash = this.#seed ^ (end - start);
    if (end - start < 80) {
      for (let at = start; at < end; at++) hash = Math.imul(hash ^ view.getUint8(at), 0x0100_0193);
      return hash ^ (hash >>> 15);
    }
    for (let at = start; at < start + 16; at += 4) hash = mix(hash, view.getInt32(at, true));
    for (let at = end - 64; at < end; at += 4) hash = mix(hash, view.getInt32(at, true));
    return hash ^ (hash >>> 15);
  }
}

/** So that endpoints that were made to collide cost no more than this. */
const MAX_PROBES = 16;
const MAX_ENDPOINT_BYTES = 16 * 1024;

function mix(hash: number, word: number): number {
  const next = Math.imul(hash ^ word, 0x9e37_79b1);
  return next ^ (next >>> 15);
}

function same(known: Uint8Array, view: DataView, bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (known.length !== length) return false;
  const words = length & ~3;
  for (let i = words; i < length; i++) if (known[i] !== bytes[start + i]) return false;
  for (let i = 0; i < words; i += 4) {
    const own = known[i]! | (known[i + 1]! << 8) | (known[i + 2]! << 16) | (known[i + 3]! << 24);
    if (own !== view.getInt32(start + i, true)) return false;
  }
  return true;
}

/** Labels of one endpoint that are kept. */
const MAX_LABELS = 128;

/** Endpoint: 2 identity, 3 namespace, 4 labels, 5 pod_name, 6 workloads { 1 name, 2 kind }, 7 cluster_name. */
function readEndpoint(bytes: Buffer, start: number, end: number, id: number): Endpoint {
  let identity = 0;
  let cluster = '';
  let namespace = '';
  let pod = '';
  const labels: string[] = [];
  let workload: readonly [string, string] | undefined;
  for (const field of fields(bytes, start, end)) {
    const { number } = field;
    if (!field.delimited) {
      if (number === 2) identity = field.value;
      continue;
    }
    const text = (): string => bytes.toString('utf8', field.start, field.end);
    if (number === 3) namespace = text();
    else if (number === 4 && labels.length < MAX_LABELS) labels.push(text());
    else if (number === 5) pod = text();
    else if (number === 6) workload ??= readPair(bytes, field.start, field.end);
    else if (number === 7) cluster = text();
  }
  const [name, kind] = workload ?? ['', ''];
  return { id, identity, cluster, namespace, pod, labels, workload: name, workloadKind: kind };
}

/** A message of two strings, 1 and 2. */
export function readPair(bytes: Buffer, start: number, end: number): readonly [string, string] {
  let first = '';
  let second = '';
  for (const field of fields(bytes, start, end)) {
    if (!field.delimited) continue;
    if (field.number === 1) first = bytes.toString('utf8', field.start, field.end);
    else if (field.number === 2) second = bytes.toString('utf8', field.start, field.end);
  }
  return [first, second];
}

export interface Field {
  readonly number: number;
  readonly delimited: boolean;
  /** Where a delimited value lies. */
  readonly start: number;
  readonly end: number;
  /** Of a varint, rounded beyond 2^53; 0 for others. */
  readonly value: number;
}

/** The fields of a message one by one: for what is rare. Throws WireError. */
export function* fields(bytes: Uint8Array, start: number, end: number): Generator<Field> {
  let at = start;
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10 && at < end; i++) {
      const byte = bytes[at++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new WireError('a varint is cut off', at);
  };
  while (at < end) {
    const tag = varint();
    const number = Math.floor(tag / 8);
    if (number === 0 || tag > 0xffff_ffff) throw new WireError(`tag ${tag} is no field`, at);
    switch (tag % 8) {
      case 0:
        yield { number, delimited: false, start: at, end: at, value: varint() };
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = varint();
        if (length > end - at) throw new WireError(`a field has ${length} bytes, ${end - at} follow`, at);
        yield { number, delimited: true, start: at, end: at + length, value: 0 };
        at += length;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw new WireError(`wire type ${tag % 8} is not supported`, at);
    }
    if (at > end) throw new WireError('a value is cut off', at);
  }
}
