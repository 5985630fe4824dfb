import type { AttributeSet } from '../../pdata/attribute-set.ts';
import { SeriesInterner } from '../../pdata/series-interner.ts';
import type { InstrumentationScope, Resource, SeriesId, SeriesTable } from '../../pdata/series-table.ts';

/** Who keeps ids of the table. */
export interface MadeSeriesHolder {
  /** Gives every id to `change`, and takes what it returns. */
  renumber(change: (id: SeriesId) => SeriesId): void;
}

interface Content {
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
  readonly bytes: Uint8Array;
}

/** Series that ended are swept out of the table when there are more of them than this, and than series in use. */
const MIN_ENDED = 1024;

/** The series whose points are made here, of all metrics, in one table. */
export class MadeSeries {
  #interner = unboundedInterner();
  /** By id, at hand without an object for each look. */
  #content: Content[] = [];

  get table(): SeriesTable {
    return this.#interner.table;
  }

  intern(resource: Resource, scope: InstrumentationScope, attributes: AttributeSet): SeriesId {
    const id = this.#interner.intern(resource, scope, attributes);
    this.#content[id] ??= { resource, scope, bytes: this.table.attributes(id).bytes };
    return id;
  }

  /** Whether it is this series; attributes are `bytes[0, end)`. */
  is(id: SeriesId, resource: Resource, scope: InstrumentationScope, bytes: Uint8Array, end = bytes.length): boolean {
    const content = this.#content[id]!;
    return sameBytes(content.bytes, bytes, end) && same(content.resource, resource) && same(content.scope, scope);
  }

  /** Begins a table of what is still held when most of the old one is not. */
  sweep(holders: readonly MadeSeriesHolder[]): void {
    const used = new Set<SeriesId>();
    for (const holder of holders) {
      holder.renumber((id) => {
        used.add(id);
        return id;
      });
    }
    const old = this.table;
    if (old.size - used.size <= MIN_ENDED || old.size < 2 * used.size) return;
    this.#interner = unboundedInterner();
    this.#content = [];
    for (const holder of holders) {
      holder.renumber((id) => this.intern(old.resource(id), old.scope(id), old.attributes(id)));
    }
  }
}

function same(a: Resource | InstrumentationScope, b: Resource | InstrumentationScope): boolean {
  return (
    a === b || (a.schemaUrl === b.schemaUrl && sameContent(a.bytes, b.bytes) && sameContent(a.envelope, b.envelope))
  );
}

function sameContent(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && sameBytes(a, b, b.length));
}

function sameBytes(a: Uint8Array, b: Uint8Array, end: number): boolean {
  if (a.length !== end) return false;
  for (let i = 0; i < end; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Sweeping decides when a table is given up. */
function unboundedInterner(): SeriesInterner {
  return new SeriesInterner({ maxSeries: Number.POSITIVE_INFINITY, minSeries: Number.POSITIVE_INFINITY });
}
