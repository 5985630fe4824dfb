import { type Resource, type SeriesId, SeriesInterner, type SeriesTable } from 'bpflow/sdk';
import { REASONS } from './finding.ts';
import type { FormerSeries } from './former-series.ts';
import { resultOf, type Subject, type Subjects } from './subjects.ts';

/** Codes of a series: what is not known yet, what is held, and from here on the id in the derived table. */
export const UNKNOWN = 0;
export const HELD = 1;
export const FIRST_ID = 2;

/** Ids on one page: a sender's series lie close together, and of a shared table each sender uses few. */
export const PAGE_BITS = 8;
export const PAGE_MASK = (1 << PAGE_BITS) - 1;

/** Series in the derived table, beyond twice those in use, at which it is begun anew. */
const STALE_SERIES = 4096;

/** What is known of the series of one page, each by its place on it. */
export interface Page {
  readonly codes: Uint32Array;
  /** 0 with names, else the reason's number + 1. */
  readonly reasons: Uint8Array;
  readonly subjects: (Subject | undefined)[];
  readonly versions: Uint32Array;
}

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
 * The series of one table with their names. A known series costs two looks into arrays; when a subject has changed, all that
 * belong to it are looked at again.
 *
 *     id ──▶ pages[…].codes[…] ──▶ id in the derived table
 */
export class EnrichedTable {
  /** Whether any series has another resource than in the source. */
  changed = false;
  /** Series that have changed their names, by id. */
  readonly renamed = new Map<SeriesId, Renamed>();
  readonly #pages: (Page | undefined)[] = [];
  readonly #options: EnrichedTableOptions;
  readonly #interner = new SeriesInterner();
  #epoch: number;
  /** Series that are known. */
  #known = 0;
  /** What each series was before it is looked at again. */
  readonly #last = new Map<SeriesId, Resource>();

  constructor(options: EnrichedTableOptions) {
    this.#options = options;
    this.#epoch = options.subjects.epoch;
  }

  get table(): SeriesTable {
    return this.#interner.table;
  }

  /** To be called before the codes of a batch are read. */
  refresh(): void {
    const { epoch } = this.#options.subjects;
    if (this.#epoch === epoch) return;
    this.#epoch = epoch;
    const stale = this.#interner.table.size > 2 * this.#known + STALE_SERIES;
    for (const [number, page] of this.#pages.entries()) {
      for (let place = 0; page !== undefined && place <= PAGE_MASK; place++) {
        const subject = page.subjects[place];
        if (subject === undefined || (!stale && subject.version === page.versions[place])) continue;
        this.#forget(page, place, (number << PAGE_BITS) | place);
      }
    }
    if (stale) this.#interner.rotate();
  }

  /** A page by its number. */
  page(number: number): Page {
    while (this.#pages.length <= number) this.#pages.push(undefined);
    this.#pages[number] ??= {
      codes: new Uint32Array(PAGE_MASK + 1),
      reasons: new Uint8Array(PAGE_MASK + 1),
      subjects: [],
      versions: new Uint32Array(PAGE_MASK + 1),
    };
    return this.#pages[number];
  }

  code(id: SeriesId): number {
    return this.#pages[id >>> PAGE_BITS]?.codes[id & PAGE_MASK] ?? UNKNOWN;
  }

  /** Undefined for a series that no batch has had. */
  subject(id: SeriesId): Subject | undefined {
    return this.#pages[id >>> PAGE_BITS]?.subjects[id & PAGE_MASK];
  }

  /** What a series became that is neither unknown nor held. */
  resource(id: SeriesId): Resource {
    return this.#interner.table.resource(this.code(id) - FIRST_ID);
  }

  /** The code of a series that has none yet. `own`: of the agent's own metrics. */
  resolve(source: SeriesTable, id: SeriesId, own: boolean): number {
    const { subjects, hint } = this.#options;
    const page = this.page(id >>> PAGE_BITS);
    const place = id & PAGE_MASK;
    const resource = source.resource(id);
    const subject = subjects.of(resource, hint(source, id));
    if (page.subjects[place] === undefined) this.#known++;
    page.subjects[place] = subject;
    page.versions[place] = subject.version;
    if (subject.waiting) {
      page.codes[place] = HELD;
      return HELD;
    }
    const result = resultOf(subject, resource);
    this.#noteRename(source, id, result, own);
    if (result !== resource) this.changed = true;
    const code = this.idUnder(result, source, id) + FIRST_ID;
    page.codes[place] = code;
    page.reasons[place] = subject.reason === undefined ? 0 : REASONS.indexOf(subject.reason) + 1;
    return code;
  }

  /** The derived id of a series under another resource. */
  idUnder(resource: Resource, source: SeriesTable, id: SeriesId): SeriesId {
    return this.#interner.intern(resource, source.scope(id), source.attributes(id));
  }

  #noteRename(source: SeriesTable, id: SeriesId, result: Resource, own: boolean): void {
    const last = this.#last.get(id);
    if (last === undefined) return;
    this.#last.delete(id);
    if (last === result) return;
    this.renamed.set(id, { former: last, metrics: new Set() });
    if (own) this.#options.former.add(source.resource(id), source.attributes(id), last);
  }

  #forget(page: Page, place: number, id: SeriesId): void {
    const code = page.codes[place]!;
    if (code >= FIRST_ID) this.#last.set(id, this.#interner.table.resource(code - FIRST_ID));
    page.codes[place] = UNKNOWN;
  }
}
