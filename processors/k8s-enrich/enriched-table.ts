import { type Resource, type SeriesId, SeriesInterner, type SeriesTable } from 'bpflow/sdk';
import { REASONS } from './finding.ts';
import type { FormerSeries } from './former-series.ts';
import type { Subject, Subjects } from './subjects.ts';

/** Codes of {@link EnrichedTable.code}: what is held, and from here on the id in the derived table. */
export const HELD = 1;
export const FIRST_ID = 2;
const UNKNOWN = 0;

/** Series in the derived table, beyond twice those of the source, at which it is begun anew. */
const STALE_SERIES = 4096;

/** A series that changed its names. */
export interface Renamed {
  readonly former: Resource;
  /** Metrics whose points have been dealt with. */
  readonly metrics: Set<string>;
}

export interface EnrichedTableOptions {
  readonly subjects: Subjects;
  readonly former: FormerSeries;
  readonly hint: (table: SeriesTable, id: SeriesId) => string;
}

/**
 * The series of one table with their names. A known series costs one look into an array; when a subject has changed, all that
 * belong to it are looked at again.
 *
 *     id ──▶ codes[id] ──▶ id in the derived table
 */
export class EnrichedTable {
  /** By id, see {@link HELD}. */
  codes = new Uint32Array(64);
  /** By id: 0 with names, else the reason's number + 1. */
  reasons = new Uint8Array(64);
  /** Whether any series has another resource than in the source. */
  changed = false;
  /** Series that have changed their names, by id. */
  readonly renamed = new Map<SeriesId, Renamed>();
  readonly #options: EnrichedTableOptions;
  readonly #interner = new SeriesInterner();
  #subjects: (Subject | undefined)[] = [];
  #versions = new Uint32Array(64);
  #epoch: number;
  /** What each series became before it is looked at again. */
  readonly #last = new Map<SeriesId, Resource>();

  constructor(options: EnrichedTableOptions) {
    this.#options = options;
    this.#epoch = options.subjects.epoch;
  }

  get table(): SeriesTable {
    return this.#interner.table;
  }

  /** To be called before the codes of a batch are read. */
  refresh(source: SeriesTable): void {
    if (source.size > this.codes.length) this.#grow(source.size);
    const { epoch } = this.#options.subjects;
    if (this.#epoch === epoch) return;
    this.#epoch = epoch;
    for (let id = 0; id < this.#subjects.length; id++) {
      const subject = this.#subjects[id];
      if (subject === undefined || subject.version === this.#versions[id]) continue;
      const code = this.codes[id]!;
      if (code >= FIRST_ID) this.#last.set(id, this.#interner.table.resource(code - FIRST_ID));
      this.codes[id] = UNKNOWN;
    }
    if (this.#interner.table.size > 2 * source.size + STALE_SERIES) this.#beginAnew();
  }

  /** The code of a series that has none yet. `own`: of the agent's own metrics. */
  resolve(source: SeriesTable, id: SeriesId, own: boolean): number {
    const { subjects, hint, former } = this.#options;
    const resource = source.resource(id);
    const subject = subjects.of(resource, hint(source, id));
    this.#subjects[id] = subject;
    this.#versions[id] = subject.version;
    if (subject.waiting) {
      this.codes[id] = HELD;
      return HELD;
    }
    const attributes = source.attributes(id);
    const last = this.#last.get(id);
    if (last !== undefined) {
      this.#last.delete(id);
      if (last !== subject.result) {
        this.renamed.set(id, { former: last, metrics: new Set() });
        if (own) former.add(resource, attributes, last);
      }
    }
    if (subject.result !== resource) this.changed = true;
    const code = this.#interner.intern(subject.result, source.scope(id), attributes) + FIRST_ID;
    this.codes[id] = code;
    this.reasons[id] = subject.reason === undefined ? 0 : REASONS.indexOf(subject.reason) + 1;
    return code;
  }

  /** The derived id of a series under another resource. */
  idUnder(resource: Resource, source: SeriesTable, id: SeriesId): SeriesId {
    return this.#interner.intern(resource, source.scope(id), source.attributes(id));
  }

  /** Undefined for a series that no batch has had. */
  subjectOf(id: SeriesId): Subject | undefined {
    return this.#subjects[id];
  }

  resourceOf(id: SeriesId): Resource {
    return this.#interner.table.resource(this.codes[id]! - FIRST_ID);
  }

  #grow(least: number): void {
    const size = Math.max(least, this.codes.length * 2);
    this.codes = copied(this.codes, new Uint32Array(size));
    this.reasons = copied(this.reasons, new Uint8Array(size));
    this.#versions = copied(this.#versions, new Uint32Array(size));
  }

  #beginAnew(): void {
    for (let id = 0; id < this.#subjects.length; id++) {
      const code = this.codes[id]!;
      if (code >= FIRST_ID) this.#last.set(id, this.#interner.table.resource(code - FIRST_ID));
      if (code !== HELD) this.codes[id] = UNKNOWN;
    }
    this.#interner.rotate();
  }
}

function copied<A extends Uint32Array | Uint8Array>(from: A, to: A): A {
  to.set(from);
  return to;
}
