import {
  flagsAt,
  type Metric,
  type MetricBatch,
  NO_RECORDED_VALUE,
  type Resource,
  type SeriesId,
  type SeriesTable,
  selectRows,
} from 'bpflow/sdk';
import { EnrichedTable, FIRST_ID, HELD, PAGE_BITS, PAGE_MASK, UNKNOWN } from './enriched-table.ts';
import { REASONS, type Reason } from './finding.ts';
import { FormerSeries } from './former-series.ts';
import type { Outcome } from './outcome.ts';
import type { Subjects } from './subjects.ts';

/** What is known of the data of our own metrics beside the resource: the cgroup's path, where it is a label. */
const CGROUP = 'process.linux.cgroup';

export interface MetricEnricherOptions {
  /** For the agent's own metrics. */
  readonly own: Subjects;
  /** For all others. */
  readonly foreign: Subjects;
}

/** Names the series of metrics. */
export class MetricEnricher {
  readonly #options: MetricEnricherOptions;
  readonly #own = new WeakMap<SeriesTable, EnrichedTable>();
  readonly #foreign = new Map<string, WeakMap<SeriesTable, EnrichedTable>>();
  readonly #former = new FormerSeries();

  constructor(options: MetricEnricherOptions) {
    this.#options = options;
  }

  /** `peer`: the address that the batch came from, empty where it does not matter. Changes nothing until it is committed. */
  enrich(batch: MetricBatch, peer: string): Outcome<MetricBatch> {
    const passing: Metric[] = [];
    const held: Metric[] = [];
    const outcome = { heldItems: 0, created: 0, reasons: new Uint32Array(REASONS.length + 1) };
    const commits: (() => void)[] = [];
    let same = true;
    for (const metric of batch.metrics) {
      const part = this.#metric(metric, peer, outcome.reasons);
      if (part.pass !== metric) same = false;
      if (part.pass !== undefined) passing.push(part.pass);
      if (part.held !== undefined) held.push(part.held);
      outcome.heldItems += part.held?.points.length ?? 0;
      outcome.created += part.created;
      if (part.commit !== undefined) commits.push(part.commit);
    }
    return {
      ...outcome,
      pass: same ? batch : passing.length === 0 ? undefined : { signal: 'metrics', metrics: passing },
      held: held.length === 0 ? undefined : { signal: 'metrics', metrics: held },
      commit: () => {
        for (const commit of commits) commit();
      },
    };
  }

  /** Gives up every subject that these metrics wait for. */
  giveUp(held: MetricBatch, peer: string, reason: Reason): void {
    for (const { definition, series, points } of held.metrics) {
      const own = definition !== undefined;
      const table = this.#tableOf(series, own, peer);
      const subjects = own ? this.#options.own : this.#options.foreign;
      for (const id of points.ids) subjects.giveUp(table.subject(id)!, reason);
    }
  }

  #metric(metric: Metric, peer: string, reasons: Uint32Array): Part {
    const { series, points } = metric;
    const { length, ids } = points;
    const own = metric.definition !== undefined;
    const table = this.#tableOf(series, own, peer);
    table.refresh();
    const derived = new Uint32Array(length);
    let waiting = 0;
    let number = -1;
    let codes: Uint32Array = NO_CODES;
    let reasonsOf: Uint8Array = NO_REASONS;
    for (let row = 0; row < length; row++) {
      const id = ids[row]!;
      if (id >>> PAGE_BITS !== number) {
        number = id >>> PAGE_BITS;
        ({ codes, reasons: reasonsOf } = table.page(number));
      }
      const place = id & PAGE_MASK;
      let code = codes[place]!;
      if (code === UNKNOWN) code = table.resolve(series, id, own);
      derived[row] = code - FIRST_ID;
      if (code === HELD) waiting++;
      else reasons[reasonsOf[place]!]!++;
    }
    const ends = this.#ends(metric, table, own);
    if (waiting === 0 && ends === undefined) {
      if (!table.changed) return { pass: metric, held: undefined, created: 0 };
      return {
        pass: { ...metric, series: table.table, points: { ...points, ids: derived } } as Metric,
        held: undefined,
        created: 0,
      };
    }
    return split(metric, table, derived, waiting, ends);
  }

  /** Series that end with this metric's points, or because of them: rows to repeat, and the ids to end. */
  #ends(metric: Metric, table: EnrichedTable, own: boolean): Ends | undefined {
    const { series, points } = metric;
    const hasFlags = points.flags !== 0;
    if (!(hasFlags && own && this.#former.size > 0) && table.renamed.size === 0) return undefined;
    const rows: number[] = [];
    const ids: SeriesId[] = [];
    const renamed: Set<string>[] = [];
    const name = `${metric.kind} ${metric.name}`;
    const end = (row: number, former: Resource): void => {
      const id = points.ids[row]!;
      if (former === table.resource(id)) return;
      rows.push(row);
      ids.push(table.idUnder(former, series, id));
    };
    for (let row = 0; row < points.length; row++) {
      const id = points.ids[row]!;
      if (table.code(id) === HELD) continue;
      const ended = hasFlags && (flagsAt(points.flags, row) & NO_RECORDED_VALUE) !== 0;
      if (isHistory(metric)) {
        if (!ended || !own) continue;
        for (const former of this.#former.of(series.resource(id), series.attributes(id))) end(row, former);
      } else {
        const change = table.renamed.get(id);
        if (change === undefined || change.metrics.has(name) || renamed.includes(change.metrics)) continue;
        renamed.push(change.metrics);
        end(row, change.former);
      }
    }
    if (renamed.length + rows.length === 0) return undefined;
    return {
      rows,
      ids,
      commit: () => {
        for (const metrics of renamed) metrics.add(name);
      },
    };
  }

  #tableOf(series: SeriesTable, own: boolean, peer: string): EnrichedTable {
    let tables = this.#own;
    if (!own) {
      let ofPeer = this.#foreign.get(peer);
      if (ofPeer === undefined) {
        if (this.#foreign.size >= MAX_PEERS) this.#foreign.clear();
        ofPeer = new WeakMap();
        this.#foreign.set(peer, ofPeer);
      }
      tables = ofPeer;
    }
    let table = tables.get(series);
    if (table === undefined) {
      const former = this.#former;
      table = own
        ? new EnrichedTable({ subjects: this.#options.own, former, hint: cgroupOf })
        : new EnrichedTable({ subjects: this.#options.foreign, former, hint: () => peer });
      tables.set(series, table);
    }
    return table;
  }
}

const NO_CODES: Uint32Array = new Uint32Array(0);
const NO_REASONS: Uint8Array = new Uint8Array(0);

/** Senders whose tables are kept at a time. */
const MAX_PEERS = 65_536;

interface Part {
  readonly pass: Metric | undefined;
  readonly held: Metric | undefined;
  readonly created: number;
  readonly commit?: () => void;
}

interface Ends {
  readonly rows: readonly number[];
  readonly ids: readonly SeriesId[];
  readonly commit: () => void;
}

/**
 * Whether what a series has counted stays true after its name changed: deltas. Cumulative values and gauges say all anew under
 * the new name, so that the old one must end or it would count twice.
 */
function isHistory(metric: Metric): boolean {
  return metric.kind !== 'gauge' && metric.kind !== 'summary' && metric.temporality === 'delta';
}

function cgroupOf(table: SeriesTable, id: SeriesId): string {
  const cgroup = table.attributes(id).get(CGROUP);
  return typeof cgroup === 'string' ? cgroup : '';
}

/** The points that pass, with those that end series behind them, and the points that are held as they came. */
function split(
  metric: Metric,
  table: EnrichedTable,
  derived: Uint32Array,
  waiting: number,
  ends: Ends | undefined,
): Part {
  const { points } = metric;
  const passRows: number[] = [];
  const heldRows: number[] = [];
  for (let row = 0; row < points.length; row++) (table.code(points.ids[row]!) === HELD ? heldRows : passRows).push(row);
  const created = ends?.rows.length ?? 0;
  const rows = [...passRows, ...(ends?.rows ?? [])];
  const ids = Uint32Array.from([...passRows.map((row) => derived[row]!), ...(ends?.ids ?? [])]);
  const picked = selectRows(metric, rows);
  const flags = created === 0 ? picked.points.flags : endFlags(picked, passRows.length);
  const pass = { ...picked, series: table.table, points: { ...picked.points, ids, flags } } as Metric;
  return {
    pass: rows.length === 0 ? undefined : pass,
    held: waiting === 0 ? undefined : selectRows(metric, heldRows),
    created,
    ...(ends && { commit: ends.commit }),
  };
}

/** The flags of the points, all from `from` on without a value. */
function endFlags({ points }: Metric, from: number): Uint32Array {
  const flags = new Uint32Array(points.length);
  for (let row = 0; row < flags.length; row++) {
    flags[row] = flagsAt(points.flags, row) | (row >= from ? NO_RECORDED_VALUE : 0);
  }
  return flags;
}
