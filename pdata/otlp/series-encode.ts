import type { InstrumentationScope, Resource, SeriesId, SeriesTable } from '../series-table.ts';

export interface Owner {
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
}

const TABLES = new WeakMap<SeriesTable, TableEncoding>();

/** Lives as long as the table. */
export function encodedSeries(table: SeriesTable): TableEncoding {
  let encoding = TABLES.get(table);
  if (encoding === undefined) {
    encoding = new TableEncoding(table);
    TABLES.set(table, encoding);
  }
  return encoding;
}

/** What the encoder knows of the series of one table, found once for each series. */
export class TableEncoding {
  readonly #table: SeriesTable;
  readonly #owners: Owner[] = [];
  /** Owner + 1 by series; 0 for one that was not asked for. */
  #ownerOf = new Uint32Array(64);
  readonly #retagged = new Map<number, Retagged>();

  constructor(table: SeriesTable) {
    this.#table = table;
  }

  /** A number for the series' resource and scope together. */
  owner(id: SeriesId): number {
    const known = id < this.#ownerOf.length ? this.#ownerOf[id]! : 0;
    return known === 0 ? this.#findOwner(id) : known - 1;
  }

  ownerAt(owner: number): Owner {
    return this.#owners[owner]!;
  }

  /** Attributes as fields of this number. */
  attributes(field: number): Retagged {
    let retagged = this.#retagged.get(field);
    if (retagged === undefined) {
      retagged = new Retagged(this.#table, field);
      this.#retagged.set(field, retagged);
    }
    return retagged;
  }

  #findOwner(id: SeriesId): number {
    const resource = this.#table.resource(id);
    const scope = this.#table.scope(id);
    let owner = this.#owners.findLastIndex((known) => known.resource === resource && known.scope === scope);
    if (owner < 0) owner = this.#owners.push({ resource, scope }) - 1;
    if (id >= this.#ownerOf.length) {
      const grown = new Uint32Array(Math.max(id + 1, this.#ownerOf.length * 2));
      grown.set(this.#ownerOf);
      this.#ownerOf = grown;
    }
    this.#ownerOf[id] = owner + 1;
    return owner;
  }
}

/** The attributes of a table's series as fields of one number, each behind its tag. All numbers are below 16: a tag is one byte. */
export class Retagged {
  readonly #table: SeriesTable;
  readonly #tag: number;
  /** Start + 1 by series; 0 for one that was not asked for. */
  #startOf = new Uint32Array(64);
  #endOf = new Uint32Array(64);
  #bytes = new Uint8Array(4096);
  #used = 0;

  constructor(table: SeriesTable, field: number) {
    this.#table = table;
    this.#tag = field * 8 + 2;
  }

  /** Holds what {@link find} finds; another array after it was called. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Where the attributes of the series begin. */
  find(id: SeriesId): number {
    const known = id < this.#startOf.length ? this.#startOf[id]! : 0;
    return known === 0 ? this.#add(id) : known - 1;
  }

  /** Where they end; only after {@link find}. */
  end(id: SeriesId): number {
    return this.#endOf[id]!;
  }

  #add(id: SeriesId): number {
    const { bytes } = this.#table.attributes(id);
    const start = this.#used;
    if (start + bytes.length > this.#bytes.length) this.#bytes = grown(this.#bytes, start + bytes.length);
    const target = this.#bytes;
    target.set(bytes, start);
    for (let at = start; at < start + bytes.length; ) {
      target[at++] = this.#tag;
      let length = 0;
      let shift = 1;
      for (;;) {
        const byte = target[at++]!;
        length += (byte & 0x7f) * shift;
        if (byte < 0x80) break;
        shift *= 128;
      }
      at += length;
    }
    this.#used = start + bytes.length;
    if (id >= this.#startOf.length) {
      const size = Math.max(id + 1, this.#startOf.length * 2);
      const starts = new Uint32Array(size);
      starts.set(this.#startOf);
      const ends = new Uint32Array(size);
      ends.set(this.#endOf);
      this.#startOf = starts;
      this.#endOf = ends;
    }
    this.#startOf[id] = start + 1;
    this.#endOf[id] = this.#used;
    return start;
  }
}

function grown(bytes: Uint8Array, needed: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(needed, bytes.length * 2));
  larger.set(bytes);
  return larger;
}
