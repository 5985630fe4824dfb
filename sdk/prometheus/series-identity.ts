import {
  type AttributeSet,
  attributeSetFromBytes,
  type InstrumentationScope,
  type Resource,
  type SeriesId,
  type SeriesTable,
} from 'bpflow/sdk';

/** Whether two handles, maybe of different tables, mean one series: resource, scope and attributes are equal to the byte. */
export function sameSeries(a: SeriesTable, idA: SeriesId, b: SeriesTable, idB: SeriesId): boolean {
  if (!a.attributes(idA).equals(b.attributes(idB))) return false;
  const [one, other] = [a.resource(idA), b.resource(idB)];
  if (one !== other && (one.schemaUrl !== other.schemaUrl || !sameBytes(one.bytes, other.bytes))) return false;
  const [scope, otherScope] = [a.scope(idA), b.scope(idB)];
  return scope === otherScope || (scope.schemaUrl === otherScope.schemaUrl && sameBytes(scope.bytes, otherScope.bytes));
}

/** The series by itself, in a table of its own where it has the id 0. */
export function detached(table: SeriesTable, id: SeriesId): SeriesTable {
  return table instanceof DetachedSeries ? table : new DetachedSeries(table, id);
}

/** A table with nothing but a copy of one series. */
class DetachedSeries implements SeriesTable {
  readonly size = 1;
  readonly #attributes: AttributeSet;
  readonly #resource: Resource;
  readonly #scope: InstrumentationScope;

  constructor(table: SeriesTable, id: SeriesId) {
    this.#attributes = attributeSetFromBytes(table.attributes(id).bytes.slice());
    this.#resource = table.resource(id);
    this.#scope = table.scope(id);
  }

  attributes(): AttributeSet {
    return this.#attributes;
  }

  resource(): Resource {
    return this.#resource;
  }

  scope(): InstrumentationScope {
    return this.#scope;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
