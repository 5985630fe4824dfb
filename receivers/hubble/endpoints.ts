import { type Endpoint, StoredEndpoint } from './endpoint.ts';

/** So that endpoints that were made to collide cost no more than this. */
const MAX_PROBES = 16;
/** One that nobody sends for good reason is not worth its room. */
const MAX_ENDPOINT_BYTES = 16 * 1024;
/** All that are remembered; 400 are usual for one. */
const MAX_BYTES = 16 * 1024 * 1024;
const CHUNK_BYTES = 64 * 1024;
const MAX_TEXTS = 16_384;

/**
 * Endpoints by the bytes of their message. A known one costs a hash over its ends, where the identity, the pod's name and the
 * workload are, and one comparison. Holds at most `limit`, in 16 MiB, then forgets all and begins anew: it is a cache.
 */
export class Endpoints {
  /** Endpoints that were forgotten for want of room. */
  evicted = 0;
  readonly #limit: number;
  readonly #seed = (Math.random() * 0x1_0000_0000) | 0;
  #slots: (StoredEndpoint | undefined)[] = emptySlots(1024);
  #size = 0;
  #nextId = 1;
  /** Where the bytes of the next endpoint go; those before it keep their chunks. */
  #chunk: Buffer = Buffer.alloc(0);
  #used = 0;
  #bytes = 0;
  readonly #texts = new Map<string, string>();
  readonly #text = (text: string): string => {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size >= MAX_TEXTS) this.#texts.clear();
    this.#texts.set(text, text);
    return text;
  };

  constructor(limit = 32_768) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  /** The endpoint in `[start, end)` of bytes that `view` shows too. Throws WireError. */
  at(bytes: Buffer, view: DataView, start: number, end: number): Endpoint {
    const hash = this.#hash(view, start, end);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const known = this.#slots[slot];
      if (known === undefined) break;
      if (known.hash === hash && isSame(known, bytes, start, end)) return known;
      slot = (slot + 1) & mask;
    }
    return this.#add(hash, slot, bytes, start, end);
  }

  #add(hash: number, slot: number, bytes: Buffer, start: number, end: number): Endpoint {
    const length = end - start;
    const id = this.#nextId;
    this.#nextId = id === 0x7fff_ffff ? 1 : id + 1;
    if (length > MAX_ENDPOINT_BYTES) {
      return new StoredEndpoint(id, hash, Buffer.from(bytes.subarray(start, end)), 0, length, this.#text);
    }
    if (this.#size >= this.#limit || this.#bytes + length > MAX_BYTES) {
      this.#forget();
      return this.#add(hash, hash & (this.#slots.length - 1), bytes, start, end);
    }
    if (this.#used + length > this.#chunk.length) {
      this.#chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      this.#used = 0;
    }
    bytes.copy(this.#chunk, this.#used, start, end);
    const endpoint = new StoredEndpoint(id, hash, this.#chunk, this.#used, this.#used + length, this.#text);
    this.#used += length;
    this.#bytes += length;
    if (this.#slots[slot] === undefined) this.#size++;
    else this.evicted++;
    this.#slots[slot] = endpoint;
    if (this.#size * 2 > this.#slots.length) this.#grow();
    return endpoint;
  }

  #forget(): void {
    this.evicted += this.#size;
    this.#slots = emptySlots(1024);
    this.#size = 0;
    this.#chunk = Buffer.alloc(0);
    this.#used = 0;
    this.#bytes = 0;
    this.#texts.clear();
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = emptySlots(before.length * 2);
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

function emptySlots(count: number): (StoredEndpoint | undefined)[] {
  return new Array<StoredEndpoint | undefined>(count).fill(undefined);
}

function mix(hash: number, word: number): number {
  const next = Math.imul(hash ^ word, 0x9e37_79b1);
  return next ^ (next >>> 15);
}

function isSame(known: StoredEndpoint, bytes: Buffer, start: number, end: number): boolean {
  if (known.end - known.start !== end - start) return false;
  return known.bytes.compare(bytes, start, end, known.start, known.end) === 0;
}
