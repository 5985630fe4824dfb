import type { AttributeSet } from './attribute-set.ts';
import { countAttributes, sameBytes, trustedAttributes } from './encoded-attributes.ts';
import { hashBytes, hashView } from './hash-bytes.ts';
import type { InstrumentationScope, Resource, SeriesId, SeriesTable } from './series-table.ts';

/** When a table is given up for a fresh one; see {@link SeriesInterner.rotateIfStale}. */
export interface RotationPolicy {
  /** Series in a table at which it is always given up. */
  readonly maxSeries: number;
  /** Share of series, 0 to 1, that must have been idle. */
  readonly idleShare: number;
  /** Calls of `rotateIfStale` after which a series that was not asked for is idle. */
  readonly idleCycles: number;
  /** Smaller tables stay. */
  readonly minSeries: number;
  /** Bytes of attributes, resources and scopes in a table at which it is always given up. */
  readonly maxBytes: number;
}

const DEFAULT_POLICY: RotationPolicy = {
  maxSeries: 1_000_000,
  idleShare: 0.5,
  idleCycles: 10,
  minSeries: 1024,
  maxBytes: 256 * 1024 * 1024,
};

/** Attribute bytes on their way to an id. What lies behind them is scratch. */
export interface AttributeScratch {
  readonly bytes: Uint8Array;
  /** On the same bytes. */
  readonly view: DataView;
  /** How many of the bytes are meant. */
  readonly length: number;
}

/**
 * Gives every distinct series one id. A known series costs a hash over its attribute bytes and one comparison, and no object.
 *
 * Tables only grow, so a producer whose series come and go must rotate: the old table lives on as long as batches refer to
 * it, and series that are still in use get ids in the new one when they are next asked for.
 */
export class SeriesInterner {
  #table = new InternedSeries();
  readonly #policy: RotationPolicy;

  constructor(policy: Partial<RotationPolicy> = {}) {
    this.#policy = { ...DEFAULT_POLICY, ...policy };
  }

  /** The table that the ids of {@link intern} belong to, until the next rotation. */
  get table(): SeriesTable {
    return this.#table;
  }

  intern(resource: Resource, scope: InstrumentationScope, attributes: AttributeSet): SeriesId {
    return this.#table.intern(resource, scope, attributes.bytes, 0, attributes.bytes.length, attributes.size);
  }

  /**
   * The same from attribute bytes in the form of {@link AttributeSet.bytes}, for example in a request. They are copied, and
   * checked the first time they are seen: throws WireError.
   */
  internBytes(
    resource: Resource,
    scope: InstrumentationScope,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): SeriesId {
    return this.#table.intern(resource, scope, bytes, start, end, -1);
  }

  /** As {@link internBytes}, for callers that bring the bytes together first: half the time. */
  internScratch(resource: Resource, scope: InstrumentationScope, scratch: AttributeScratch): SeriesId {
    return this.#table.internScratch(resource, scope, scratch);
  }

  /** Begins a fresh, empty table and returns it. Ids of the old one must not be used with it. */
  rotate(): SeriesTable {
    this.#table = new InternedSeries();
    return this.#table;
  }

  /** Whether {@link rotateIfStale} would rotate whatever is in use. */
  get isFull(): boolean {
    return this.#table.size >= this.#policy.maxSeries || this.#table.bytes >= this.#policy.maxBytes;
  }

  /**
   * To be called once for each collection or interval, between two batches. Rotates when the table has outgrown `maxSeries`,
   * or when at least `idleShare` of its series were not interned during the last `idleCycles` calls.
   * Returns whether it did: ids that the caller has kept are void then.
   */
  rotateIfStale(): boolean {
    const { idleShare, idleCycles, minSeries } = this.#policy;
    const { size } = this.#table;
    this.#table.cycle++;
    const stale = this.isFull || (size >= minSeries && this.#table.idle(idleCycles) >= size * idleShare);
    if (stale) this.rotate();
    return stale;
  }
}

/**
 * Writes a series' attributes, each behind `tag` (one byte) in place of that of field 1, so that they end at `end` of `target`,
 * and returns where they begin. There must be room.
 */
export function writeAttributesBefore(
  table: SeriesTable,
  id: SeriesId,
  target: Uint8Array,
  view: DataView,
  end: number,
  tag: number,
): number {
  let start: number;
  if (table instanceof InternedSeries) {
    start = table.copyBefore(id, target, view, end);
  } else {
    const { bytes } = table.attributes(id);
    start = end - bytes.length;
    target.set(bytes, start);
  }
  if (tag === 0x0a) return start;
  for (let at = start; at < end; ) {
    target[at++] = tag;
    let length = target[at++]!;
    if (length >= 0x80) {
      let shift = 7;
      length &= 0x7f;
      for (let more = true; more; shift += 7) {
        const byte = target[at++]!;
        length |= (byte & 0x7f) << shift;
        more = byte >= 0x80;
      }
    }
    at += length;
  }
  return start;
}

/** Bytes that a series' attributes take. */
export function attributesLength(table: SeriesTable, id: SeriesId): number {
  return table instanceof InternedSeries ? table.lengthOf(id) : table.attributes(id).bytes.length;
}

/** Attribute bytes lie in chunks, so that growing copies none and a view on one keeps only its chunk alive. */
const CHUNK_BYTES = 32 * 1024;

/** What a series takes beside its attributes: the columns below, and its slots. */
const BYTES_PER_SERIES = 40;

/** About what the objects of a resource or scope take beside their bytes. */
const BYTES_PER_ORIGIN = 400;

/** Bytes from which one call copies faster than words do. */
const LONG = 512;

/**
 *     slots ──▶ id + 1 ──▶ hashes[id], resourceOf[id], scopeOf[id], chunkOf[id] ──▶ chunks[…][start, start + length)
 */
class InternedSeries implements SeriesTable {
  size = 0;
  /** Number of the current cycle of the rotation policy. */
  cycle = 0;
  #seriesBytes = 0;
  readonly #resources = new Interned<Resource>();
  readonly #scopes = new Interned<InstrumentationScope>();
  /** Differs between tables, so that nobody can prepare series that collide. */
  readonly #seed = (Math.random() * 0x1_0000_0000) | 0;
  #slots = new Uint32Array(64);
  #hashes = new Int32Array(32);
  #resourceOf = new Uint32Array(32);
  #scopeOf = new Uint32Array(32);
  #chunkOf = new Uint32Array(32);
  #startOf = new Uint32Array(32);
  #lengthOf = new Uint32Array(32);
  #countOf = new Uint32Array(32);
  #usedIn = new Uint32Array(32);
  readonly #chunks: Uint8Array[] = [];
  /** On each chunk. */
  readonly #views: DataView[] = [];
  /** Bytes used of the last chunk. */
  #chunkUsed = 0;

  /** Bytes held for attributes, resources and scopes. */
  get bytes(): number {
    return this.#seriesBytes + this.#resources.bytes + this.#scopes.bytes;
  }

  attributes(id: SeriesId): AttributeSet {
    this.#check(id);
    const start = this.#startOf[id]!;
    const chunk = this.#chunks[this.#chunkOf[id]!]!;
    return trustedAttributes(chunk.subarray(start, start + this.#lengthOf[id]!), this.#countOf[id]!);
  }

  resource(id: SeriesId): Resource {
    this.#check(id);
    return this.#resources.at(this.#resourceOf[id]!);
  }

  scope(id: SeriesId): InstrumentationScope {
    this.#check(id);
    return this.#scopes.at(this.#scopeOf[id]!);
  }

  /** `count` is the number of attributes, or negative when the bytes have not been checked. */
  intern(
    resource: Resource,
    scope: InstrumentationScope,
    bytes: Uint8Array,
    start: number,
    end: number,
    count: number,
  ): SeriesId {
    const resourceIndex = this.#resources.indexOf(resource);
    const scopeIndex = this.#scopes.indexOf(scope);
    const seed = this.#seed ^ Math.imul(resourceIndex + 1, 0x9e37_79b1) ^ Math.imul(scopeIndex + 1, 0x85eb_ca6b);
    const hash = hashBytes(bytes, start, end, seed);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let entry = this.#slots[slot]!; entry !== 0; entry = this.#slots[slot]!) {
      const id = entry - 1;
      if (
        this.#hashes[id] === hash &&
        this.#resourceOf[id] === resourceIndex &&
        this.#scopeOf[id] === scopeIndex &&
        this.#holds(id, bytes, start, end)
      ) {
        this.#usedIn[id] = this.cycle;
        return id;
      }
      slot = (slot + 1) & mask;
    }
    const size = count < 0 ? countAttributes(bytes, start, end) : count;
    return this.#add(hash, resourceIndex, scopeIndex, bytes, start, end, size);
  }

  internScratch(resource: Resource, scope: InstrumentationScope, scratch: AttributeScratch): SeriesId {
    const { view, length } = scratch;
    const resourceIndex = this.#resources.indexOf(resource);
    const scopeIndex = this.#scopes.indexOf(scope);
    const seed = this.#seed ^ Math.imul(resourceIndex + 1, 0x9e37_79b1) ^ Math.imul(scopeIndex + 1, 0x85eb_ca6b);
    const hash = hashView(view, 0, length, seed);
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = hash & mask;
    for (let entry = slots[slot]!; entry !== 0; entry = slots[slot]!) {
      const id = entry - 1;
      if (
        this.#hashes[id] === hash &&
        this.#resourceOf[id] === resourceIndex &&
        this.#scopeOf[id] === scopeIndex &&
        this.#holdsView(id, view, length)
      ) {
        this.#usedIn[id] = this.cycle;
        return id;
      }
      slot = (slot + 1) & mask;
    }
    const size = countAttributes(scratch.bytes, 0, length);
    return this.#add(hash, resourceIndex, scopeIndex, scratch.bytes, 0, length, size);
  }

  lengthOf(id: SeriesId): number {
    return this.#lengthOf[id]!;
  }

  /** Copies a series' attributes so that they end at `end`; returns where they begin. */
  copyBefore(id: SeriesId, target: Uint8Array, view: DataView, end: number): number {
    const length = this.#lengthOf[id]!;
    const from = this.#startOf[id]!;
    const source = this.#views[this.#chunkOf[id]!]!;
    const start = end - length;
    if (length > LONG) {
      const chunk = this.#chunks[this.#chunkOf[id]!]!;
      target.set(chunk.subarray(from, from + length), start);
      return start;
    }
    const words = length & ~3;
    for (let i = 0; i < words; i += 4) view.setInt32(start + i, source.getInt32(from + i, true), true);
    for (let i = words; i < length; i++) target[start + i] = source.getUint8(from + i);
    return start;
  }

  /** Series that were not interned during the last `cycles` cycles, the current one aside. */
  idle(cycles: number): number {
    const since = this.cycle - cycles;
    if (since <= 0) return 0;
    let idle = 0;
    for (let id = 0; id < this.size; id++) if (this.#usedIn[id]! < since) idle++;
    return idle;
  }

  #holdsView(id: SeriesId, view: DataView, length: number): boolean {
    if (this.#lengthOf[id] !== length) return false;
    const chunk = this.#views[this.#chunkOf[id]!]!;
    const own = this.#startOf[id]!;
    const words = length & ~3;
    for (let i = 0; i < words; i += 4) if (chunk.getInt32(own + i, true) !== view.getInt32(i, true)) return false;
    for (let i = words; i < length; i++) if (chunk.getUint8(own + i) !== view.getUint8(i)) return false;
    return true;
  }

  #holds(id: SeriesId, bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    if (this.#lengthOf[id] !== length) return false;
    const chunk = this.#chunks[this.#chunkOf[id]!]!;
    const own = this.#startOf[id]!;
    for (let i = 0; i < length; i++) if (chunk[own + i] !== bytes[start + i]) return false;
    return true;
  }

  #add(
    hash: number,
    resource: number,
    scope: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    count: number,
  ): SeriesId {
    const id = this.size;
    if (id === this.#hashes.length) this.#grow();
    this.#hashes[id] = hash;
    this.#resourceOf[id] = resource;
    this.#scopeOf[id] = scope;
    this.#countOf[id] = count;
    this.#usedIn[id] = this.cycle;
    this.#store(id, bytes, start, end);
    this.size = id + 1;
    this.#place(id);
    return id;
  }

  #store(id: SeriesId, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#seriesBytes += length + BYTES_PER_SERIES;
    if (this.#chunks.length === 0 || this.#chunkUsed + length > CHUNK_BYTES) {
      const chunk = new Uint8Array(Math.max(CHUNK_BYTES, length));
      this.#chunks.push(chunk);
      this.#views.push(new DataView(chunk.buffer));
      this.#chunkUsed = 0;
    }
    const last = this.#chunks.length - 1;
    const chunk = this.#chunks[last]!;
    for (let i = 0; i < length; i++) chunk[this.#chunkUsed + i] = bytes[start + i]!;
    this.#chunkOf[id] = last;
    this.#startOf[id] = this.#chunkUsed;
    this.#lengthOf[id] = length;
    this.#chunkUsed += length;
  }

  #place(id: SeriesId): void {
    const mask = this.#slots.length - 1;
    let slot = this.#hashes[id]! & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = id + 1;
  }

  #grow(): void {
    const capacity = this.#hashes.length * 2;
    this.#hashes = longer(this.#hashes, new Int32Array(capacity));
    this.#resourceOf = longer(this.#resourceOf, new Uint32Array(capacity));
    this.#scopeOf = longer(this.#scopeOf, new Uint32Array(capacity));
    this.#chunkOf = longer(this.#chunkOf, new Uint32Array(capacity));
    this.#startOf = longer(this.#startOf, new Uint32Array(capacity));
    this.#lengthOf = longer(this.#lengthOf, new Uint32Array(capacity));
    this.#countOf = longer(this.#countOf, new Uint32Array(capacity));
    this.#usedIn = longer(this.#usedIn, new Uint32Array(capacity));
    this.#slots = new Uint32Array(capacity * 2);
    for (let id = 0; id < this.size; id++) this.#place(id);
  }

  #check(id: SeriesId): void {
    if (!(id >= 0 && id < this.size)) throw new RangeError(`Series ${id} is not in this table of ${this.size}.`);
  }
}

/** Distinct resources or scopes: looked up by object first, then by content. */
class Interned<T extends Resource | InstrumentationScope> {
  bytes = 0;
  readonly #items: T[] = [];
  readonly #byObject = new WeakMap<T, number>();
  readonly #byHash = new Map<number, number[]>();
  #lastIndex = -1;

  at(index: number): T {
    return this.#items[index]!;
  }

  indexOf(item: T): number {
    if (this.#lastIndex >= 0 && this.#items[this.#lastIndex] === item) return this.#lastIndex;
    let index = this.#byObject.get(item);
    if (index === undefined) {
      index = this.#byContent(item);
      this.#byObject.set(item, index);
    }
    this.#lastIndex = index;
    return index;
  }

  #byContent(item: T): number {
    const hash = hashBytes(item.bytes, 0, item.bytes.length, item.schemaUrl.length);
    const candidates = this.#byHash.get(hash) ?? [];
    for (const index of candidates) {
      const known = this.#items[index]!;
      if (known.schemaUrl === item.schemaUrl && sameBytes(known.bytes, item.bytes) && sameEnvelope(known, item))
        return index;
    }
    this.bytes += item.bytes.length + (item.envelope?.length ?? 0) + BYTES_PER_ORIGIN;
    const index = this.#items.push(item) - 1;
    candidates.push(index);
    this.#byHash.set(hash, candidates);
    return index;
  }
}

function sameEnvelope(a: Resource | InstrumentationScope, b: Resource | InstrumentationScope): boolean {
  if (a.envelope === undefined || b.envelope === undefined) return a.envelope === b.envelope;
  return sameBytes(a.envelope, b.envelope);
}

function longer<T extends Int32Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
