import type { AttributeSet } from '../../pdata/attribute-set.ts';
import { SeriesInterner } from '../../pdata/series-interner.ts';
import type { InstrumentationScope, Resource, SeriesId, SeriesTable } from '../../pdata/series-table.ts';

/** Who keeps ids of the table. */
export interface MadeSeriesHolder {
  /** Gives every id to `change`, and takes what it returns. */
  renumber(change: (id: SeriesId) => SeriesId): void;
}

/** Series that ended are swept out of the table when there are more of them than this, and than series in use. */
const MIN_ENDED = 1024;

/** The series whose points are made here, of all metrics, in one table. */
export class MadeSeries {
  #interner = unboundedInterner();

  get table(): SeriesTable {
    return this.#interner.table;
  }

  intern(resource: Resource, scope: InstrumentationScope, attributes: AttributeSet): SeriesId {
    return this.#interner.intern(resource, scope, attributes);
  }

  is(id: SeriesId, resource: Resource, scope: InstrumentationScope, attributes: AttributeSet): boolean {
    const { table } = this;
    return (
      table.attributes(id).equals(attributes) && same(table.resource(id), resource) && same(table.scope(id), scope)
    );
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
    for (const holder of holders) {
      holder.renumber((id) => this.#interner.intern(old.resource(id), old.scope(id), old.attributes(id)));
    }
  }
}

function same(a: Resource | InstrumentationScope, b: Resource | InstrumentationScope): boolean {
  return (
    a === b || (a.schemaUrl === b.schemaUrl && sameContent(a.bytes, b.bytes) && sameContent(a.envelope, b.envelope))
  );
}

function sameContent(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Sweeping decides when a table is given up. */
function unboundedInterner(): SeriesInterner {
  return new SeriesInterner({ maxSeries: Number.POSITIVE_INFINITY, minSeries: Number.POSITIVE_INFINITY });
}
