import { flagsAt, type Metric, NO_RECORDED_VALUE, type SeriesId, type SeriesTable } from 'bpflow/sdk';
import { ExemplarCursor } from './exemplars.ts';
import { HistogramValues } from './histogram-values.ts';
import { type LabelRules, type LabelText, seriesLabels } from './labels.ts';
import { labelMessages, type MessageWriter } from './message-writer.ts';
import type { FamilyDescription } from './naming.ts';
import { NumberValues } from './number-values.ts';
import { detached, sameSeries } from './series-identity.ts';
import type { SeriesLimit } from './series-limit.ts';
import { SortedTexts } from './sorted-texts.ts';
import { SummaryValues } from './summary-values.ts';
import type { Target, Targets } from './targets.ts';
import type { TextWriter } from './text-writer.ts';
import { TimestampTexts, timeReader, wholeMs } from './times.ts';
import type { LineStarts, Values } from './values.ts';

/** One metric name as it arrives; several can share a family. */
export interface Origin {
  readonly family: Family;
  /** Decides the labels of its series. */
  readonly description: FamilyDescription;
  /** Whether series of this origin expire when idle. Our own end only by the point that says so. */
  readonly expires: boolean;
  /** Whether its series stand for others that found no room. */
  readonly folded: boolean;
  /** How equal labels of different series are settled. */
  readonly merge: 'add' | 'latest';
  /** Series id → row, for each table that was seen. A row is checked before use: see {@link Family.apply}. */
  readonly rows: WeakMap<SeriesTable, Int32Array>;
}

/** What became of a metric's points. */
export interface Outcome {
  older: number;
  /** Points of the metric at hand whose series found no room, or whose series is folded. */
  refused: number[];
  /** Series found to share their labels with another one. */
  collisions: number;
}

/** Where series are that have no line of their own; undefined for those that are made there. */
export interface Folds {
  holds(metric: Metric, id: SeriesId): boolean;
}

export interface FamilyRules extends LabelRules {
  /** Whether each value carries the time of its point. */
  readonly sendTimestamps: boolean;
}

/** Idle series that share their labels with living ones are kept so many times longer, so that their common total does not fall. */
const SHARED_PATIENCE = 10;

/**
 * A family on the page: its series and their last values.
 *
 *     (origin, table, id) ──▶ row: value, time, last seen ──▶ slot: one printed series, its labels
 *
 * Most slots have one row. A slot has several when series differ only in what is not printed: then their sum is
 * printed, and a row that ends leaves its value in the slot's *ended* row, so that a counter does not fall.
 */
export class Family {
  readonly description: FamilyDescription;
  readonly #values: Values;
  readonly #targets: Targets;
  readonly #rules: FamilyRules;
  readonly #limit: SeriesLimit;
  /** Counters and histograms: totals that only grow. */
  readonly #growing: boolean;
  readonly #slots = new SortedTexts();
  readonly #starts = new Map<string, LineStarts>();
  // Columns by row; row 0 is scratch.
  #capacity = 0;
  #rows = 1;
  readonly #freeRows: number[] = [];
  #slotOf = new Int32Array(0);
  #next = new Int32Array(0);
  #ids = new Uint32Array(0);
  #times = new Float64Array(0);
  #seen = new Float64Array(0);
  #ended = new Uint8Array(0);
  readonly #tables: (SeriesTable | undefined)[] = [undefined];
  readonly #originOf: (Origin | undefined)[] = [undefined];
  readonly #targetOf: (Target | undefined)[] = [undefined];
  /** First row by slot; 0 for none. */
  #head = new Int32Array(0);
  #live = 0;

  constructor(description: FamilyDescription, rules: FamilyRules, targets: Targets, limit: SeriesLimit) {
    this.description = description;
    this.#limit = limit;
    this.#rules = rules;
    this.#targets = targets;
    this.#growing = description.type === 'counter' || description.type === 'histogram';
    this.#values = makeValues(description);
    this.#grow(8);
  }

  /** Printed series. */
  get size(): number {
    return this.#slots.size;
  }

  /** Rows that can still change. */
  get live(): number {
    return this.#live;
  }

  addOrigin(
    description: FamilyDescription,
    { expires, folded, merge }: Pick<Origin, 'expires' | 'folded' | 'merge'>,
  ): Origin {
    return { family: this, description, expires, folded, merge, rows: new WeakMap() };
  }

  /** Takes a metric's points. `now` is monotonic time in ms. */
  apply(origin: Origin, metric: Metric, now: number, outcome: Outcome, folds: Folds | undefined): void {
    const { points, series } = metric;
    const rowOf = rowsFor(origin, series);
    const time = timeReader(points.time);
    const exemplars = points.exemplars === undefined ? undefined : new ExemplarCursor(points.exemplars);
    // A series that found no room is not looked up again before one has left.
    const refused = -this.#limit.turn;
    for (let i = 0; i < points.length; i++) {
      const id = points.ids[i]!;
      let row = rowOf[id]!;
      const known = row > 0 && this.#ids[row] === id && this.#tables[row] === series && this.#originOf[row] === origin;
      if ((flagsAt(points.flags, i) & NO_RECORDED_VALUE) !== 0) {
        if (!known) row = this.#find(origin, series, id, this.#labels(origin, series, id).text);
        if (row > 0) this.#end(row);
        else if (folds?.holds(metric, id)) outcome.refused.push(i);
        rowOf[id] = 0;
        continue;
      }
      if (!known) {
        row = row === refused ? 0 : this.#bind(origin, metric, id, outcome, folds);
        rowOf[id] = row === 0 ? refused : row;
        if (row === 0) {
          outcome.refused.push(i);
          continue;
        }
      }
      const at = time(i);
      if (at < this.#times[row]!) {
        outcome.older++;
        continue;
      }
      this.#times[row] = at;
      this.#seen[row] = now;
      this.#values.set(row, points, i);
      if (exemplars?.find(i)) this.#values.keep(row, exemplars.exemplars, exemplars.from, exemplars.to);
    }
  }

  /**
   * Forgets series that nobody has updated since `limit` (monotonic ms), our own ones since `ownLimit`; returns whether any
   * went. Quiet series that stay let go of their table: one of them must not keep a million others in memory.
   */
  expire(limit: number, ownLimit: number, expirationMs: number): boolean {
    let changed = false;
    for (let row = 1; row < this.#rows; row++) {
      const origin = this.#originOf[row];
      if (origin === undefined || this.#ended[row] === 1) continue;
      const seen = this.#seen[row]!;
      if (seen >= limit) continue;
      const shared = this.#growing && this.#hasFresh(this.#slotOf[row]!, limit);
      if (seen >= (origin.expires ? limit : ownLimit) || (shared && seen >= limit - SHARED_PATIENCE * expirationMs)) {
        this.#tables[row] = detached(this.#tables[row]!, this.#ids[row]!);
        this.#ids[row] = 0;
      } else {
        this.#end(row);
        changed = true;
      }
    }
    return changed;
  }

  /** Writes all series, sorted by their labels. */
  write(out: TextWriter, starts: LineStarts): void {
    const order = this.#slots.order();
    const timestamps = this.#rules.sendTimestamps ? new TimestampTexts(starts.view) : undefined;
    for (const slot of order) {
      const labels = (starts.view.utf8 ? this.#slots.alternative(slot) : undefined) ?? this.#slots.text(slot);
      const row = this.#head[slot]!;
      const time = timestamps === undefined ? '' : timestamps.text(this.#timeMs(row));
      this.#values.write(out, starts, labels, this.#next[row] === 0 ? row : this.#combined(row), time);
    }
  }

  /** Writes all series as the Metric messages of a MetricFamily, sorted by their labels. */
  writeMessages(out: MessageWriter, utf8: boolean): void {
    for (const slot of this.#slots.order()) {
      const row = this.#head[slot]!;
      const time = this.#rules.sendTimestamps ? this.#timeMs(row) : 0;
      const labels = this.#slots.made(slot, utf8, labelMessages);
      this.#values.writeMessage(out, labels, this.#next[row] === 0 ? row : this.#combined(row), time);
    }
  }

  /** Line starts by view, made once. */
  starts(key: string, make: () => LineStarts): LineStarts {
    let starts = this.#starts.get(key);
    if (starts === undefined) {
      starts = make();
      this.#starts.set(key, starts);
    }
    return starts;
  }

  /** When the newest value of a slot was measured, ms since 1970. */
  #timeMs(head: number): number {
    let ns = 0;
    for (let row = head; row !== 0; row = this.#next[row]!) ns = Math.max(ns, this.#times[row]!);
    return wholeMs(ns);
  }

  /** The row to print for several rows of one slot. */
  #combined(head: number): number {
    if (this.#originOf[head]!.merge === 'latest') {
      let latest = head;
      for (let row = this.#next[head]!; row !== 0; row = this.#next[row]!) {
        if (this.#times[row]! > this.#times[latest]!) latest = row;
      }
      return latest;
    }
    this.#values.copy(0, head);
    for (let row = this.#next[head]!; row !== 0; row = this.#next[row]!) this.#values.add(0, row);
    return 0;
  }

  #labels(origin: Origin, table: SeriesTable, id: SeriesId): LabelText {
    return seriesLabels(table, id, origin.description, this.#rules);
  }

  /** The row of a series that may have come by another table before; 0 when there is none. */
  #find(origin: Origin, table: SeriesTable, id: SeriesId, text: string): number {
    const slot = this.#slots.find(text);
    if (slot === undefined) return 0;
    for (let row = this.#head[slot]!; row !== 0; row = this.#next[row]!) {
      if (
        this.#ended[row] === 0 &&
        this.#originOf[row] === origin &&
        sameSeries(this.#tables[row]!, this.#ids[row]!, table, id)
      ) {
        return row;
      }
    }
    return 0;
  }

  /** The row for a series seen for the first time in this table; 0 when there is no room for another one. */
  #bind(origin: Origin, metric: Metric, id: SeriesId, outcome: Outcome, folds: Folds | undefined): number {
    const table = metric.series;
    const { text, utf8 } = this.#labels(origin, table, id);
    let row = this.#find(origin, table, id, text);
    if (row === 0) {
      if (this.#limit.isReached(origin.folded) || folds?.holds(metric, id)) return 0;
      const slot = this.#slots.find(text) ?? this.#addSlot(text, utf8);
      if (this.#head[slot] !== 0) outcome.collisions++;
      row = this.#addRow(slot, origin);
      this.#targetOf[row] = origin.description.seed ? undefined : this.#targets.hold(table.resource(id));
    }
    this.#tables[row] = table;
    this.#ids[row] = id;
    return row;
  }

  #addSlot(text: string, utf8: string | undefined): number {
    const slot = this.#slots.add(text, utf8);
    if (slot >= this.#head.length) this.#head = longer(this.#head, Math.max(8, slot * 2));
    this.#head[slot] = 0;
    return slot;
  }

  #addRow(slot: number, origin: Origin): number {
    const row = this.#freeRows.pop() ?? this.#rows++;
    if (row >= this.#capacity) this.#grow(row * 2);
    this.#slotOf[row] = slot;
    this.#next[row] = this.#head[slot]!;
    this.#times[row] = 0;
    this.#ended[row] = 0;
    this.#head[slot] = row;
    this.#live++;
    this.#originOf[row] = origin;
    this.#limit.added(origin.folded);
    return row;
  }

  /** A series is over. What it had counted stays in a total that others share. */
  #end(row: number): void {
    const slot = this.#slotOf[row]!;
    let alive = 0;
    let ended = 0;
    for (let other = this.#head[slot]!; other !== 0; other = this.#next[other]!) {
      if (this.#ended[other] === 1) ended = other;
      else if (other !== row) alive++;
    }
    this.#live--;
    this.#limit.removed(this.#originOf[row]!.folded);
    if (alive === 0) {
      this.#removeSlot(slot);
      return;
    }
    this.#release(row);
    if (this.#growing && ended === 0) {
      this.#ended[row] = 1;
      return;
    }
    if (this.#growing) this.#values.add(ended, row);
    this.#unlink(row, slot);
  }

  #removeSlot(slot: number): void {
    for (let row = this.#head[slot]!; row !== 0; ) {
      const next = this.#next[row]!;
      this.#release(row);
      this.#free(row);
      row = next;
    }
    this.#head[slot] = 0;
    this.#slots.remove(slot);
  }

  #unlink(row: number, slot: number): void {
    if (this.#head[slot] === row) {
      this.#head[slot] = this.#next[row]!;
    } else {
      let before = this.#head[slot]!;
      while (this.#next[before] !== row) before = this.#next[before]!;
      this.#next[before] = this.#next[row]!;
    }
    this.#free(row);
  }

  /** Lets go of the series behind a row. */
  #release(row: number): void {
    this.#tables[row] = undefined;
    const target = this.#targetOf[row];
    if (target !== undefined) this.#targets.release(target);
    this.#targetOf[row] = undefined;
  }

  #free(row: number): void {
    this.#originOf[row] = undefined;
    this.#values.clear(row);
    this.#freeRows.push(row);
  }

  #hasFresh(slot: number, limit: number): boolean {
    for (let row = this.#head[slot]!; row !== 0; row = this.#next[row]!) {
      if (this.#ended[row] === 0 && this.#seen[row]! >= limit) return true;
    }
    return false;
  }

  #grow(capacity: number): void {
    this.#capacity = capacity;
    this.#slotOf = longer(this.#slotOf, capacity);
    this.#next = longer(this.#next, capacity);
    const ids = new Uint32Array(capacity);
    ids.set(this.#ids);
    this.#ids = ids;
    this.#times = longerFloats(this.#times, capacity);
    this.#seen = longerFloats(this.#seen, capacity);
    const ended = new Uint8Array(capacity);
    ended.set(this.#ended);
    this.#ended = ended;
    this.#values.grow(capacity);
  }
}

function makeValues(description: FamilyDescription): Values {
  switch (description.type) {
    case 'counter':
    case 'gauge':
      return new NumberValues(description);
    case 'histogram':
      return new HistogramValues(description);
    case 'summary':
      return new SummaryValues();
  }
}

function rowsFor(origin: Origin, table: SeriesTable): Int32Array {
  let rows = origin.rows.get(table);
  if (rows === undefined || rows.length < table.size) {
    const more = new Int32Array(Math.max(16, table.size + (table.size >> 1)));
    if (rows !== undefined) more.set(rows);
    rows = more;
    origin.rows.set(table, rows);
  }
  return rows;
}

function longer(column: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const result = new Int32Array(length);
  result.set(column);
  return result;
}

function longerFloats(column: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const result = new Float64Array(length);
  result.set(column);
  return result;
}
